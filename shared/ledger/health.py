"""How many of the messages each provider took it has reported on since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.ids import lowest_id

_NOW = text("SELECT now() AS now")
# By the ids' time, which is when they were accepted: the key's own order, so that a window is a range of it.
_REPORTED = text("""
    SELECT split_part(d.queue, '.', 1) AS channel, a.provider, count(*) AS sent, count(a.receipt) AS reported
    FROM (SELECT delivery_id, provider, receipt FROM attempts
          WHERE delivery_id >= :first AND delivery_id < :last AND outcome = 'sent' AND finished_at < :until
          ORDER BY delivery_id LIMIT :most) a
    JOIN deliveries d ON d.id = a.delivery_id
    GROUP BY 1, 2
""")
SAMPLE = 5_000
"""Messages looked at, at most."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Of `sent` messages that a provider took, it `reported` on so many since."""

    sent: int
    reported: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.reported / self.sent if self.sent else 0.0


def reported(database: Database, *, since: timedelta, until: timedelta) -> Mapping[tuple[str, str], Reported]:
    """By channel and provider, of the messages accepted between two times ago, and taken before the later of them."""
    now = database.rows(_NOW)[0].now
    window = {"first": lowest_id(now - since), "last": lowest_id(now - until), "until": now - until, "most": SAMPLE}
    rows = database.rows(_REPORTED, window)
    return {(row.channel, row.provider): Reported(row.sent, row.reported) for row in rows}
