"""VACUUM and ANALYZE of tables: what autovacuum does, at an hour of one's own choosing and at once after a deletion."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import isinf
from typing import Any

import psycopg
import structlog
from psycopg import sql

from services.cleanup.declared.catalog import Connection, connected, table_of, yielding
from services.cleanup.declared.cleaner import Preview, Tell, walk
from services.cleanup.declared.policy import UpkeepPolicy
from services.cleanup.pace import Pace

# A table with nothing dead in it and fresh statistics has nothing to gain. The large ones come last: one that takes all
# the time there is keeps no other from its turn.
_WORTH_IT = """
    SELECT schemaname::text, relname::text, n_dead_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables
    WHERE (n_dead_tup > 0 OR n_mod_since_analyze > 0)
      AND (cardinality(%(tables)s::text[]) = 0 OR schemaname || '.' || relname = ANY (%(tables)s))
    ORDER BY pg_total_relation_size(relid)
"""
# Between pages it rests as autovacuum does: by default one who asks for it by hand reads and writes as fast as it goes.
_GENTLY = "SELECT set_config('vacuum_cost_delay', '2ms', false), set_config('statement_timeout', %(limit)s, false)"
_AS_BEFORE = "RESET vacuum_cost_delay; RESET statement_timeout"
_VACUUM = sql.SQL("VACUUM (ANALYZE, SKIP_LOCKED) {}")


log = structlog.get_logger(__name__)


@contextmanager
def _gently(connection: Connection, limit: float) -> Iterator[None]:
    """Let a VACUUM rest between pages, and take `limit` seconds at most. For the session: it runs in no transaction."""
    milliseconds = 0 if isinf(limit) else max(1, int(limit * 1000))
    connection.execute(_GENTLY, {"limit": str(milliseconds)})
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(_AS_BEFORE)


@dataclass(frozen=True)
class Upkeep:
    """A policy of maintenance, with its database."""

    policy: UpkeepPolicy
    url: str
    path: str
    lock_timeout: float

    def check(self) -> None:
        """See `Cleaner`."""
        with connected(self.url) as connection:
            self._named(connection)

    def preview(self) -> Preview:
        """See `Cleaner`. Counts dead rows, which are not removed from anybody's view, but from the disk."""
        with connected(self.url) as connection:
            found = connection.execute(_WORTH_IT, {"tables": self._named(connection)}).fetchall()
        return Preview(sum(row[2] for row in found), None, None, 0)

    def run(self, pace: Pace, tell: Tell) -> Mapping[str, Any]:
        """See `Cleaner`. Counts tables."""
        with connected(self.url) as connection:
            named = self._named(connection)
            with yielding(connection, self.lock_timeout):
                due = connection.execute(_WORTH_IT, {"tables": named}).fetchall()
            stopped: list[str] = []
            done = asdict(walk(pace, self._vacuumed(connection, [row[:2] for row in due], pace, stopped), tell))
        if stopped:  # tried again when it is due again, not at once
            return {"tables": done["rows"] - len(stopped), "complete": True, "stopped": stopped}
        return {"tables": done["rows"], "complete": done["complete"]}

    def _vacuumed(
        self, connection: Connection, tables: list[tuple[str, ...]], pace: Pace, stopped: list[str]
    ) -> Iterator[int]:
        for schema, name in tables:
            # It waits for nobody (SKIP_LOCKED), and must not run in a transaction.
            try:
                with _gently(connection, pace.left):
                    connection.execute(_VACUUM.format(sql.Identifier(schema, name)))
            except psycopg.errors.QueryCanceled:
                # What it had cleared up by then stays so; autovacuum, which has all the time there is, does the rest.
                stopped.append(f"{schema}.{name}")
                log.warning("VACUUM was stopped: the time of its policy was up", table=stopped[-1])
            yield 1

    def _named(self, connection: Connection) -> list[str]:
        with yielding(connection, self.lock_timeout):
            found = [table_of(connection, one, f"{self.path}.tables") for one in self.policy.tables]
        return [f"{one.schema}.{one.name}" for one in found]
