"""Who sends what waits in a queue: its workers say so when they start, for whoever accepts to know what is possible."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from shared.ledger.database import Database

_SAY = text("""
    INSERT INTO routes (queue, providers) SELECT q.queue, CAST(:providers AS text[])
    FROM unnest(CAST(:queues AS text[])) AS q (queue) ORDER BY q.queue
    ON CONFLICT (queue) DO UPDATE SET providers = excluded.providers, said_at = now()
""")
_OF = text("SELECT providers FROM routes WHERE queue = :queue")


@dataclass(frozen=True)
class Routes:
    """The routes of an installation's queues."""

    database: Database

    def say(self, queues: Iterable[str], providers: Sequence[str]) -> None:
        """Write down that these providers send what waits in these queues."""
        self.database.execute(_SAY, {"queues": list(queues), "providers": list(providers)})

    def of(self, queue: str) -> Sequence[str] | None:
        """The providers of a queue; None while none of its workers has ever started."""
        rows = self.database.rows(_OF, {"queue": queue})
        return tuple(rows[0].providers) if rows else None
