"""What is held for a person: deliveries of which nobody knows whether they were sent. Looked at here, and decided."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.errors import Conflict, NotFound
from shared.ledger.actions import requeue
from shared.ledger.audit import record
from shared.ledger.chosen import Chunk, Done, Ids, Matching, Search, cursor_of, in_chunks, read_cursor
from shared.ledger.database import Database
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.post_mortem import Attempt, attempts_of
from shared.ledger.states import State

# A value for each: for an EXISTS the planner would read all notifications once instead.
_MATCHES = """
    d.project_id = :project_id AND d.held_at IS NOT NULL
    AND (CAST(:queue AS text) IS NULL OR d.queue = :queue)
    AND (CAST(:channel AS text) IS NULL OR split_part(d.queue, '.', 1) = :channel)
    AND (CAST(:provider AS text) IS NULL OR d.provider = :provider)
    AND (CAST(:held_after AS timestamptz) IS NULL OR d.held_at >= :held_after)
    AND (CAST(:held_before AS timestamptz) IS NULL OR d.held_at < :held_before)
    AND (CAST(:template AS text) IS NULL OR (
        SELECT :template IN (t.name, t.name || '@' || t.version)
        FROM notifications n JOIN template_versions t ON t.id = n.template_id WHERE n.id = d.notification_id))
"""
_COLUMNS = """
    d.id, d.notification_id, d.queue, d.target, d.provider, d.attempts, d.started_at, d.held_at, d.expires_at, d.reason,
    (SELECT t.name || '@' || t.version FROM notifications n JOIN template_versions t ON t.id = n.template_id
     WHERE n.id = d.notification_id) AS template
"""
_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM deliveries d
    WHERE {_MATCHES} AND (CAST(:before AS timestamptz) IS NULL OR (d.held_at, d.id) < (:before, :last))
    ORDER BY d.held_at DESC, d.id DESC LIMIT :limit
""")
_ONE = text(f"SELECT {_COLUMNS}, d.state FROM deliveries d WHERE d.id = :id AND d.project_id = :project_id")
_ALL = text("SELECT count(*) FROM deliveries WHERE held_at IS NOT NULL")
_COUNT = text(f"SELECT count(*) FROM deliveries d WHERE {_MATCHES}")
_COUNT_UNTIL = text(f"SELECT count(*) FROM deliveries d WHERE {_MATCHES} AND d.held_at <= :until")
_FOLLOWING = text(f"""
    SELECT d.held_at AS at, d.id FROM deliveries d
    WHERE {_MATCHES} AND d.held_at <= :until AND (d.held_at, d.id) > (:at, :id)
    ORDER BY d.held_at, d.id LIMIT :limit
""")
_LOCK = text("""
    SELECT id, state, held_at IS NOT NULL AS held FROM deliveries
    WHERE id = ANY(:ids) AND project_id = :project_id ORDER BY id FOR UPDATE
""")
_MARK = text(f"""
    WITH marked AS (
        UPDATE deliveries d
        SET state = :state, held_at = NULL, doubt = false, settled_at = now(), reason = :reason
        WHERE d.id = ANY(:ids) AND d.held_at IS NOT NULL
        RETURNING {returned("d")}),
    acted AS (
        INSERT INTO actions (notification_id, what, who)
        SELECT DISTINCT notification_id, 'marked ' || CAST(:state AS text), CAST(:who AS text) FROM marked),
    {recorded("marked", why="'given-up'")}
    SELECT id, notification_id, project_id, queue, state, provider, reason, secret, held_at, ordering_key FROM marked
""")


class Decision(StrEnum):
    """What a person can say of what is held."""

    SEND_AGAIN = "send-again"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class HeldFilters:
    """Which; None does not restrict.

    Parameters:
        provider: the one that was asked.
        template: a name, or name and version (`welcome@3`).
    """

    queue: str | None = None
    channel: str | None = None
    provider: str | None = None
    template: str | None = None
    held_after: datetime | None = None
    held_before: datetime | None = None

    def parameters(self, project_id: int) -> dict[str, Any]:
        """Those of the statements."""
        return {"project_id": project_id, **asdict(self)}


@dataclass(frozen=True, slots=True)
class HeldDelivery:
    """A delivery of which nobody knows whether it was sent.

    Parameters:
        started_at: when the call began of which nothing is known.
        reason: how that came to be.
    """

    id: UUID
    notification_id: UUID
    queue: str
    target: str
    provider: str | None
    attempts: int
    started_at: datetime | None
    held_at: datetime
    expires_at: datetime | None
    reason: str | None
    template: str | None


@dataclass(frozen=True, slots=True)
class FullHeldDelivery(HeldDelivery):
    """The same, with every call for it, oldest first."""

    calls: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class HeldPage:
    """Some that are held, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[HeldDelivery]
    next: str | None


Chosen = Ids | Matching[HeldFilters]


@dataclass(frozen=True)
class Held:
    """What a project's people have to decide."""

    database: Database

    def page(self, project_id: int, filters: HeldFilters, *, limit: int = 50, cursor: str | None = None) -> HeldPage:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        before, last = read_cursor(cursor) if cursor else (None, None)
        parameters = filters.parameters(project_id) | {"before": before, "last": last, "limit": limit + 1}
        rows = self.database.rows(_NEWEST, parameters)
        items = [HeldDelivery(**row._mapping) for row in rows[:limit]]
        return HeldPage(items, cursor_of(items[-1].held_at, items[-1].id) if len(rows) > limit else None)

    def one(self, project_id: int, delivery_id: UUID) -> FullHeldDelivery:
        """One that is held, with every call for it.

        Raises:
            NotFound: there is no such delivery in this project.
            Conflict: it is not held.
        """
        with self.database.transaction() as connection:
            row = connection.execute(_ONE, {"project_id": project_id, "id": delivery_id}).first()
            if row is None:
                raise NotFound(_no_delivery(delivery_id))
            if row.held_at is None:
                raise Conflict(_why_not(delivery_id, row))
            calls = attempts_of(connection, delivery_id)
        return FullHeldDelivery(**{name: getattr(row, name) for name in HeldDelivery.__slots__}, calls=calls)

    def count(self, project_id: int, filters: HeldFilters) -> int:
        """How many match."""
        found: int = self.database.rows(_COUNT, filters.parameters(project_id))[0][0]
        return found

    def total(self) -> int:
        """How many are held in all projects."""
        found: int = self.database.rows(_ALL)[0][0]
        return found

    def decide(self, project_id: int, decision: Decision, chosen: Chosen, who: str) -> Done:
        """Send again what is held, or say what became of it.

        What expired, or whose code was wiped, is not sent again: it is skipped, and stays held.

        Raises:
            NotFound: the one id asked for is no delivery of this project.
            Conflict: the one asked for is not held or cannot be sent again, or other than expected match.
        """
        act = partial(self._decide, project_id, decision, chosen, who)
        if isinstance(chosen, Matching):
            search = Search(self.database, _FOLLOWING, _COUNT_UNTIL, chosen.filters.parameters(project_id))
            return search.walk(chosen.expected, chosen.cursor, act)
        done = in_chunks(chosen.ids, act)
        if len(chosen.ids) == 1 and done.refusals:
            (one,) = chosen.ids
            refusal = done.refusals[one]
            raise NotFound(refusal) if refusal == _no_delivery(one) else Conflict(refusal)
        return done

    def _decide(self, project_id: int, decision: Decision, chosen: Chosen, who: str, ids: Sequence[UUID]) -> Chunk:
        with self.database.transaction() as connection:
            found = {row.id: row for row in connection.execute(_LOCK, {"ids": list(ids), "project_id": project_id})}
            held = [one for one in found if found[one].held]
            if decision is Decision.SEND_AGAIN:
                requeued = requeue(connection, held, who)
                done, refused, queues = len(requeued.ids), dict(requeued.refused), list(requeued.queues)
            else:
                done, refused, queues = len(held), {}, _mark(connection, held, decision, who)
            refused |= {one: _why_not(one, found.get(one)) for one in ids if one not in held}
            detail: dict[str, Any] = {"decision": decision, "done": done, "skipped": len(refused)}
            if isinstance(chosen, Matching):
                given = asdict(chosen.filters).items()
                detail["filters"] = {name: value for name, value in given if value is not None}
            if done:
                subject = ids[0] if isinstance(chosen, Ids) and len(chosen.ids) == 1 else None
                record(connection, project_id, who, "unknown.decided", subject=subject, detail=detail)
        return Chunk(done, refused, queues)


def _mark(connection: Connection, held: Sequence[UUID], decision: Decision, who: str) -> list[str]:
    if not held:
        return []
    reason = f"Nobody knew whether it was sent; {who} decided: {decision}."
    rows = connection.execute(_MARK, {"ids": list(held), "state": decision, "reason": reason, "who": who}).all()
    return finish(connection, rows)


def _why_not(one: UUID, row: Any) -> str:
    if row is None:
        return _no_delivery(one)
    if row.state == State.UNKNOWN:
        return "It is not held: Crier is still finding out whether it was sent."
    return f"Nothing is to be decided: it is {row.state}."


def _no_delivery(one: UUID) -> str:
    return f"There is no delivery {one} in this project."
