"""Endpoints that fail: for days, or because they want no more."""

from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.ledger.database import Database
from shared.ledger.endpoints import Endpoints
from shared.ledger.failing import DISABLED, Failing
from shared.ledger.keys import Keys

URL = "https://hooks.example.com/in"
DAY = 86_400.0


@pytest.fixture
def endpoints(database: Database) -> Endpoints:
    return Endpoints(database, Sealer(new_key()))


@pytest.fixture
def failing(database: Database) -> Failing:
    return Failing(database)


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


def rows(database: Database, statement: str) -> list[Any]:
    return list(database.rows(text(statement)))


def age(database: Database, days: float) -> None:
    database.execute(text("UPDATE endpoints SET failing_since = failing_since - make_interval(secs => :s)"), {
        "s": days * DAY
    })  # fmt: skip


def test_an_endpoint_that_failed_for_days_is_disabled_and_the_others_are_told(
    endpoints: Endpoints, failing: Failing, project: int, database: Database
) -> None:
    made, _ = endpoints.create(project, URL, ["*"], who="me")
    endpoints.create(project, "https://other.example.com/", [DISABLED], who="me")
    assert not failing.failed(made.id, "It failed for 5 days.", patience=5 * DAY)
    age(database, 4.9)
    assert not failing.failed(made.id, "It failed for 5 days.", patience=5 * DAY)
    assert rows(database, "SELECT FROM events") == []
    age(database, 0.2)
    assert failing.failed(made.id, "It failed for 5 days.", patience=5 * DAY)
    found = endpoints.get(project, made.id)
    assert found.disabled_at
    assert found.disabled_reason == "It failed for 5 days."
    assert not failing.failed(made.id, "Again.", patience=0.0), "it is told once"
    [event] = rows(database, "SELECT * FROM events")
    assert (event.type, event.detail["endpoint"]) == ("endpoint.disabled", str(made.id))
    assert event.detail["reason"] == "It failed for 5 days."
    [audited] = rows(database, f"SELECT * FROM audit_log WHERE what = '{DISABLED}'")
    assert (audited.what, audited.subject) == ("endpoint.disabled", str(made.id))


def test_a_success_begins_anew(endpoints: Endpoints, failing: Failing, project: int, database: Database) -> None:
    made, _ = endpoints.create(project, URL, who="me")
    failing.failed(made.id, "", patience=DAY)
    age(database, 2)
    failing.succeeded(made.id)
    assert endpoints.get(project, made.id).failing_since is None
    assert not failing.failed(made.id, "", patience=DAY)


def test_one_that_wants_no_more_is_disabled_at_once_and_can_be_enabled_again(
    endpoints: Endpoints, failing: Failing, project: int, database: Database
) -> None:
    made, _ = endpoints.create(project, URL, who="me")
    assert failing.failed(made.id, "It answered 410.", patience=DAY, at_once=True)
    assert rows(database, "SELECT FROM events") == [], "there is nobody to be told"
    changed = endpoints.change(project, made.id, url=URL, events=["*"], description="x", enabled=True, who="me")
    assert (changed.disabled_at, changed.disabled_reason, changed.failing_since) == (None, None, None)
