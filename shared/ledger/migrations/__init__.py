"""The ledger's schema, by Alembic. `python -m shared.ledger.migrations` brings the database up to date."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from shared.ledger.database import Database, sqlalchemy_url
from shared.ledger.partitions import ensure_partitions


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    url = sqlalchemy_url(database_url).render_as_string(hide_password=False)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Create or migrate the schema, and the partitions of the coming months. Safe to run twice, and at once.

    Parameters:
        revision: an earlier one than this version of Crier works with is of use to tests only.
    """
    command.upgrade(_config(database_url), revision)
    database = Database(database_url, pool_size=1, deadline=None)
    try:
        ensure_partitions(database)
    finally:
        database.close()


@cache
def expected_revision() -> str | None:
    """The revision of the schema that this version of Crier works with."""
    return ScriptDirectory(str(Path(__file__).parent)).get_current_head()


def is_current(database_url: str) -> bool:
    """True when the database has exactly the schema this version of Crier expects."""
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == expected_revision()
    finally:
        engine.dispose()
