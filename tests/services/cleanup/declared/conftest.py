"""The sample application of examples/cleanup, with what it left behind, and policies on it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.cleanup.declared.policy import TablePolicy
from services.cleanup.declared.tables import Tables
from services.cleanup.pace import Pace

ROOT = Path(__file__).parents[4]
EXAMPLES = ROOT / "examples/cleanup"


@pytest.fixture
def shop_url(empty_database_url: str) -> str:
    """The sample application's database."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute((EXAMPLES / "schema.sql").read_text())
    return empty_database_url


@pytest.fixture
def shop(shop_url: str) -> Iterator[psycopg.Connection[Any]]:
    """The application itself."""
    with psycopg.connect(shop_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """A folder for archived rows."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture
def cleaning(shop_url: str) -> Callable[..., Tables]:
    """A policy on a table of the shop: by default on trip_locations, of which a month is kept."""

    def make(**fields: Any) -> Tables:
        said = {
            "name": "trips", "schedule": "*/5 * * * *", "database": "shop", "table": "trip_locations",
            "column": "recorded_at", "older_than": timedelta(days=30),
        }  # fmt: skip
        return Tables(TablePolicy(**{**said, **fields}), shop_url, "tables.trips", 0.2)

    return make


@pytest.fixture
def quickly() -> Pace:
    """Small batches without a pause."""
    return Pace(7, 0.0, float("inf"))


@pytest.fixture
def trips(shop: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """One location a day for the last hundred days; the numbers of trips are their ages in days."""
    shop.execute("""
        INSERT INTO trip_locations SELECT day, 51.5, -0.12, now() - make_interval(days => day) - interval '1 minute'
        FROM generate_series(0, 99) day
    """)
    return shop


def ages(shop: psycopg.Connection[Any]) -> list[int]:
    """Which locations there are, by their age."""
    return [row[0] for row in shop.execute("SELECT trip_id FROM trip_locations ORDER BY 1").fetchall()]


def tell(_: int) -> None:
    """Nobody listens."""
