"""Alembic's entry: one connection, one advisory lock, so that two migrations at once take turns."""

from alembic import context
from sqlalchemy import create_engine, text

_LOCK = 0x43726965  # "Crie"

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.run_migrations()
engine.dispose()
