"""Pages of notifications, newest first: found by key, never counted, and never by reading more than a bounded part."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.errors import InvalidInput
from shared.ledger.batches import id_range
from shared.ledger.database import Database
from shared.ledger.history import COLUMNS, Summary, summary
from shared.ledger.ids import lowest_id
from shared.ledger.states import State, fold

SCANNED = 5000
"""Notifications looked at for one page. A page of a rare kind may be short, or empty, and still have a next one."""

_FIRST, _LAST = UUID(int=0), UUID(int=(1 << 128) - 1)
_FILTERED = """
    SELECT (SELECT count(*) FROM scanned) AS scanned,
           (SELECT id FROM scanned ORDER BY id LIMIT 1) AS lowest,
           ARRAY(SELECT s.id FROM scanned s JOIN notifications n ON n.id = s.id
                 WHERE (CAST(:channel AS text) IS NULL OR n.channel = :channel)
                   AND (CAST(:batch_id AS uuid) IS NULL OR n.batch_id = :batch_id)
                   AND (CAST(:template AS text) IS NULL OR n.template_id IN (
                            SELECT id FROM template_versions WHERE :template IN (name, name || '@' || version)))
                 ORDER BY s.id DESC LIMIT :most) AS ids
"""
_NEWEST = text(f"""
    WITH scanned AS MATERIALIZED (
        SELECT id FROM notifications WHERE project_id = :project_id AND id >= :low AND id < :high
        ORDER BY id DESC LIMIT :scanned)
    {_FILTERED}
""")
_NEWEST_TO = text(f"""
    WITH scanned AS MATERIALIZED (
        SELECT DISTINCT notification_id AS id FROM deliveries
        WHERE project_id = :project_id AND target = :target AND notification_id >= :low AND notification_id < :high
        ORDER BY notification_id DESC LIMIT :scanned)
    {_FILTERED}
""")
# One by one: of many at once the planner thinks, before it has statistics, that they are best found by reading all.
# The bounds are those of the page: without them every month would be looked at for each.
_STATES = text("""
    SELECT asked.id, found.states FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
    CROSS JOIN LATERAL (
        SELECT array_agg(state) AS states FROM (
            SELECT state FROM deliveries WHERE id = asked.id
            UNION ALL
            SELECT state FROM deliveries
            WHERE notification_id = asked.id AND id <> notification_id AND id >= :low AND id < :high) each) found
""")
_ROWS = text(f"SELECT {COLUMNS} FROM notifications n WHERE n.id = ANY(:ids) ORDER BY n.id DESC")


@dataclass(frozen=True, slots=True)
class Filters:
    """What to list; None does not restrict.

    Parameters:
        template: a name, or name and version (`welcome@3`).
        target: the address, number or device token it went to, normalised.
    """

    state: State | None = None
    channel: str | None = None
    template: str | None = None
    batch_id: UUID | None = None
    target: str | None = None
    accepted_after: datetime | None = None
    accepted_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some notifications, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Summary]
    next: str | None


@dataclass(frozen=True)
class Listing:
    """Lists a project's notifications."""

    database: Database

    def page(self, project_id: int, filters: Filters, *, limit: int = 50, cursor: str | None = None) -> Page:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        low, high = _bounds(filters, cursor)
        restricted = filters.channel or filters.template or filters.batch_id or filters.state
        found = self.database.rows(
            _NEWEST if filters.target is None else _NEWEST_TO,
            {
                "project_id": project_id,
                "low": low,
                "high": high,
                "scanned": SCANNED if restricted else limit + 1,
                "target": filters.target,
                "channel": filters.channel,
                "template": filters.template,
                "batch_id": filters.batch_id,
                "most": SCANNED if filters.state else limit + 1,
            },
        )[0]
        states = self._states(found.ids)
        matching = [one for one in found.ids if filters.state in (None, states[one])]
        shown = matching[:limit]
        following = None
        if len(matching) > limit:
            following = shown[-1]
        elif restricted and found.scanned == SCANNED:
            following = found.lowest
        return Page(self._summaries(shown, states), following and _cursor(following))

    def _states(self, ids: Sequence[UUID]) -> Mapping[UUID, State]:
        if not ids:
            return {}
        # A delivery has the millisecond of its notification.
        asked = {"ids": ids, "low": id_range(min(ids))[0], "high": id_range(max(ids))[1]}
        rows = self.database.rows(_STATES, asked)
        return {row.id: fold(State(state) for state in row.states) for row in rows}

    def _summaries(self, ids: Sequence[UUID], states: Mapping[UUID, State]) -> list[Summary]:
        if not ids:
            return []
        rows = self.database.rows(_ROWS, {"ids": ids})
        return [Summary(**summary(row, states[row.id])) for row in rows]


def _bounds(filters: Filters, cursor: str | None) -> tuple[UUID, UUID]:
    """The ids to look among: from the first, to before the second."""
    lows, highs = [_FIRST], [_LAST]
    if filters.batch_id:
        low, high = id_range(filters.batch_id)
        lows.append(low)
        highs.append(high)
    if filters.accepted_after:
        lows.append(lowest_id(filters.accepted_after))
    if filters.accepted_before:
        highs.append(lowest_id(filters.accepted_before))
    if cursor:
        highs.append(_read(cursor))
    return max(lows), min(highs)


def _cursor(last: UUID) -> str:
    return urlsafe_b64encode(last.bytes).decode().rstrip("=")


def _read(cursor: str) -> UUID:
    try:
        return UUID(bytes=urlsafe_b64decode(cursor + "=="))
    except (Base64Error, ValueError):
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None
