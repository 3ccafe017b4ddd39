"""Conservation: accepted = final + waiting + held, for every project and lane, or the rows that are amiss are named.

What was accepted is counted when it is accepted, beside the rows (`tally`), by the minute in their ids. So a minute can
be compared by itself, whenever and as often as one likes, and looking at all of history is a matter of many small
questions. The relay asks about the minutes that have just passed, and walks through the older ones for ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.ledger.database import Database
from shared.ledger.states import FINAL, State

_WAITING = "state IN ('scheduled', 'queued', 'claimed', 'started') OR (state = 'unknown' AND held_at IS NULL)"
_BALANCE = text(f"""
    WITH accepted AS (
        SELECT project_id, queue, sum(deliveries)::bigint AS accepted FROM tally
        WHERE minute >= :first AND minute < :end GROUP BY 1, 2),
    found AS (
        SELECT project_id, queue,
               count(*) FILTER (WHERE state = ANY(:final)) AS final,
               count(*) FILTER (WHERE {_WAITING}) AS waiting,
               count(*) FILTER (WHERE state = 'unknown' AND held_at IS NOT NULL) AS held
        FROM deliveries WHERE id >= :low AND id < :high GROUP BY 1, 2)
    SELECT project_id, (SELECT name FROM projects WHERE id = project_id) AS project, queue,
           coalesce(accepted, 0)::bigint AS accepted, coalesce(final, 0) AS final, coalesce(waiting, 0) AS waiting,
           coalesce(held, 0) AS held
    FROM accepted FULL JOIN found USING (project_id, queue) ORDER BY project_id, queue
""")
# Every way in which a row can contradict itself, or be without the one it belongs to. By pages: one upload's rows all
# have the minute of its id, and may be a million.
_AMISS = text("""
    WITH page AS MATERIALIZED (
        SELECT * FROM deliveries WHERE id >= :low AND id < :high ORDER BY id LIMIT :page),
    judged AS (
        SELECT d.id, CASE
            WHEN d.state IN ('claimed', 'started') AND d.lease_until IS NULL THEN 'is held by nobody'
            WHEN d.state NOT IN ('claimed', 'started') AND d.lease_until IS NOT NULL THEN 'is leased, held by nobody'
            WHEN d.state IN ('queued', 'scheduled') AND d.due_at IS NULL AND NOT EXISTS (
                SELECT FROM ordered o WHERE o.delivery_id = d.id) THEN 'waits for nothing'
            WHEN d.state = 'unknown' AND d.due_at IS NULL AND d.held_at IS NULL THEN 'is unknown and held by nobody'
            WHEN d.state = ANY(:final) AND d.due_at IS NOT NULL THEN 'has ended and is still to be sent'
            WHEN n.id IS NULL THEN 'has lost its notification'
            WHEN d.due_at IS NOT NULL AND d.deaths = 0 AND NOT EXISTS (SELECT FROM streams s WHERE s.id = d.stream_id)
            THEN 'waits in no stream'
            END AS reason
        FROM page d LEFT JOIN notifications n ON n.id = d.notification_id AND n.id >= :low_parent AND n.id < :high)
    SELECT (SELECT max(id::text)::uuid FROM page) AS last, (SELECT count(*) FROM page) AS looked_at,
           ARRAY(SELECT id FROM judged WHERE reason IS NOT NULL ORDER BY id LIMIT :most) AS ids,
           ARRAY(SELECT reason FROM judged WHERE reason IS NOT NULL ORDER BY id LIMIT :most) AS reasons
""")
_CHILDLESS = text("""
    WITH page AS MATERIALIZED (SELECT id FROM notifications WHERE id >= :low AND id < :high ORDER BY id LIMIT :page)
    SELECT (SELECT max(id::text)::uuid FROM page) AS last, (SELECT count(*) FROM page) AS looked_at,
           ARRAY(SELECT p.id FROM page p
                 WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.id = p.id) AND NOT EXISTS (
                     SELECT FROM deliveries d WHERE d.notification_id = p.id AND d.id <> d.notification_id)
                 ORDER BY 1 LIMIT :most) AS ids,
           NULL::text[] AS reasons
""")
_MINUTES = text("""
    SELECT DISTINCT minute FROM tally WHERE minute > :after AND minute < :before ORDER BY minute LIMIT :most
""")
_MERGE = text("""
    WITH many AS (
        SELECT DISTINCT minute FROM (
            SELECT minute FROM tally WHERE minute >= :first AND minute < :end
            GROUP BY minute, project_id, queue HAVING count(*) > 1 LIMIT 1000) each),
    gone AS (
        DELETE FROM tally WHERE minute IN (SELECT minute FROM many) RETURNING project_id, queue, minute, deliveries)
    INSERT INTO tally (project_id, queue, minute, deliveries)
    SELECT project_id, queue, minute, sum(deliveries) FROM gone GROUP BY 1, 2, 3 HAVING sum(deliveries) <> 0
""")
_NOW = text("SELECT floor(extract(epoch FROM now()) / 60)::bigint AS minute")
_FINAL = sorted(str(state) for state in FINAL - {State.UNKNOWN})
MOST_NAMED = 20
PAGE = 50_000


@dataclass(frozen=True, slots=True)
class Balance:
    """The deliveries of a project in a lane: how many were accepted, and where they are."""

    project_id: int
    project: str
    queue: str
    accepted: int
    final: int
    waiting: int
    held: int

    @property
    def missing(self) -> int:
        """Deliveries that were accepted and are nowhere; below zero: there are more than were accepted."""
        return self.accepted - self.final - self.waiting - self.held


@dataclass(frozen=True, slots=True)
class Amiss:
    """A row that contradicts itself. `reason` continues "Delivery <id> …"."""

    id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Account:
    """What a check of some minutes found."""

    balances: Sequence[Balance]
    amiss: Sequence[Amiss]

    @property
    def is_even(self) -> bool:
        """Everything is where it should be."""
        return not self.amiss and all(balance.missing == 0 for balance in self.balances)


@dataclass(frozen=True)
class Conservation:
    """Compares what was accepted with what is there."""

    database: Database

    def check(self, first: int, end: int) -> Account:
        """Everything accepted from minute `first` (since 1970) to before minute `end`, in one look.

        The balance is one statement, so what is accepted or moves meanwhile does not disturb it.
        """
        span = {"first": first, "end": end, "low": _bound(first), "high": _bound(end), "final": _FINAL}
        balances = [Balance(**row._mapping) for row in self.database.rows(_BALANCE, span)]
        return Account(balances, [*self._pages(_AMISS, span), *self._pages(_CHILDLESS, span)][:MOST_NAMED])

    def _pages(self, statement: TextClause, span: Mapping[str, Any]) -> Iterator[Amiss]:
        low = span["low"]
        while True:
            asked = dict(span) | {"low": low, "low_parent": span["low"], "page": PAGE, "most": MOST_NAMED}
            [found] = self.database.rows(statement, asked)
            reasons = (
                found.reasons if statement is _AMISS else ["is a notification without deliveries"] * len(found.ids)
            )
            yield from (Amiss(identifier, reason) for identifier, reason in zip(found.ids, reasons, strict=True))
            if found.looked_at < PAGE:
                return
            low = UUID(int=found.last.int + 1)

    def minutes(self, *, after: int = -1, before: int = 1 << 40, most: int = 10_000) -> list[int]:
        """The minutes in which something was accepted, oldest first."""
        rows = self.database.rows(_MINUTES, {"after": after, "before": before, "most": most})
        return [row.minute for row in rows]

    def now(self) -> int:
        """The minute it is, by the clock that decides."""
        return int(self.database.rows(_NOW)[0].minute)

    def merge(self, *, first: int, end: int) -> None:
        """Make one row of the many that count the same, for the minutes from `first` to before `end`."""
        self.database.execute(_MERGE, {"first": first, "end": end})

    def everything(self) -> Iterator[Account]:
        """All of history, a minute at a time."""
        after = -1
        while minutes := self.minutes(after=after):
            for minute in minutes:
                yield self.check(minute, minute + 1)
            after = minutes[-1]


def _bound(minute: int) -> UUID:
    return UUID(int=max(0, min(minute * 60_000, (1 << 48) - 1)) << 80)
