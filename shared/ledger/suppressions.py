"""Whom not to write to: bounces, complaints and wishes not to be written to, by project, channel and target.

Acceptance and the gate of `start` ask this table. Targets are kept in lower case. An entry's reason only grows
stronger: what a person entered by hand outlasts everything, and a wish that is taken back leaves a bounce behind.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from shared.errors import InvalidInput
from shared.ledger.database import Database

REASONS = ("opt-out", "bounce", "invalid", "complaint", "manual")
"""From the weakest to the strongest."""

SCOPES = ("everything", "promotions")
"""And `category:<name>`: what is of that category; `category:` alone, promotions of none."""

OF_CATEGORY = "category:"

_STRENGTH = "array_position(ARRAY['opt-out', 'bounce', 'invalid', 'complaint', 'manual'], {})"
# A wish that was taken back before it was read: `START` may be processed before the `STOP` that preceded it.
_NOT_TAKEN_BACK = """
    (:reason <> 'opt-out' OR NOT EXISTS (
        SELECT FROM receipts r
        WHERE r.kind = 'resubscribed' AND r.channel = :channel AND r.target = lower(:target)
          AND r.occurred_at >= :at
          AND (r.project_id = p.id OR r.project_id IS NULL)))
"""
_ADD = f"""
    WITH before AS (
        SELECT project_id FROM suppressions s
        WHERE s.channel = :channel AND s.target = lower(:target) AND s.scope = :scope AND s.sender = ''
          AND s.reason = :reason AND s.project_id IN (SELECT id FROM projects)),
    added AS (
        INSERT INTO suppressions AS s (project_id, channel, target, scope, reason, source, delivery_id, created_at)
        SELECT p.id, :channel, lower(:target), :scope, :reason, :source, CAST(:delivery_id AS uuid), :at
        FROM projects p WHERE {{which}} AND {_NOT_TAKEN_BACK}
        ON CONFLICT (project_id, channel, target, scope, sender) DO UPDATE
        SET reason = excluded.reason, source = excluded.source, delivery_id = excluded.delivery_id,
            created_at = greatest(excluded.created_at, s.created_at)
        WHERE {_STRENGTH.format("excluded.reason")} > {_STRENGTH.format("s.reason")}
           OR (excluded.reason = 'opt-out' AND s.reason = 'opt-out' AND excluded.created_at > s.created_at)
        RETURNING project_id, delivery_id),
    told AS (
        INSERT INTO events (project_id, type, notification_id, delivery_id, detail)
        SELECT a.project_id, CASE :reason WHEN 'opt-out' THEN 'recipient.unsubscribed' ELSE 'recipient.complained' END,
               d.notification_id, a.delivery_id, jsonb_build_object(
                   'channel', CAST(:channel AS text), 'target', lower(:target), 'scope', CAST(:scope AS text))
        FROM added a LEFT JOIN deliveries d ON d.id = a.delivery_id
        WHERE :reason IN ('opt-out', 'complaint') AND a.project_id NOT IN (SELECT project_id FROM before) AND EXISTS (
            SELECT FROM endpoints e
            WHERE e.project_id = a.project_id AND e.disabled_at IS NULL AND e.events <> '{{{{}}}}'))
    SELECT a.project_id FROM added a WHERE a.project_id NOT IN (SELECT project_id FROM before)
"""
_SUPPRESS = text(_ADD.format(which="p.id = :project_id"))
_SUPPRESS_EVERYWHERE = text(
    _ADD.format(
        which="""EXISTS (
            SELECT FROM deliveries d
            WHERE d.project_id = p.id AND d.target = :target AND split_part(d.queue, '.', 1) = :channel)"""
    )
)
# Only what was said before the wish to hear again.
_LIFT = text("""
    DELETE FROM suppressions
    WHERE channel = :channel AND target = lower(:target) AND reason = 'opt-out' AND created_at <= :at
      AND project_id IN (SELECT id FROM projects WHERE CAST(:project_id AS int) IS NULL OR id = :project_id)
""")
# Of several made at once; short, as a device's token is not.
_PLACE = "md5(concat_ws(' ', s.channel, s.target, s.scope, s.sender))"
_LIFT_SCOPES = text("""
    DELETE FROM suppressions
    WHERE project_id = :project_id AND channel = :channel AND target = lower(:target) AND reason = 'opt-out'
      AND scope = ANY(:scopes)
""")
_PAGE = text(f"""
    SELECT s.channel, s.target, s.scope, s.sender, s.reason, s.source, s.delivery_id, s.created_at, {_PLACE} AS place
    FROM suppressions s
    WHERE s.project_id = :project_id AND (CAST(:channel AS text) IS NULL OR s.channel = :channel)
      AND (CAST(:target AS text) IS NULL OR s.target = lower(:target))
      AND (CAST(:reason AS text) IS NULL OR s.reason = :reason)
      AND (CAST(:at AS timestamptz) IS NULL OR (s.created_at, {_PLACE}) < (:at, :place))
    ORDER BY s.created_at DESC, place DESC LIMIT :limit
""")
_REMOVE = text("""
    DELETE FROM suppressions
    WHERE project_id = :project_id AND channel = :channel AND target = lower(:target)
      AND (CAST(:scope AS text) IS NULL OR scope = :scope)
""")
_OF = text("""
    SELECT channel, target, scope, sender, reason, source, delivery_id, created_at FROM suppressions
    WHERE project_id = :project_id AND channel = :channel AND target = lower(:target) ORDER BY scope, sender
""")
_NOW = text("SELECT now()")


@dataclass(frozen=True, slots=True)
class Suppression:
    """That a target must not be written to.

    Parameters:
        scope: everything, promotions only, or what is of one category; see `SCOPES`.
        sender: by this sender of ours only, where it is not empty.
        reason: see `REASONS`. source: who said so: a provider, a person, the link in a mail.
        delivery_id: which delivery showed it.
    """

    channel: str
    target: str
    scope: str
    sender: str
    reason: str
    source: str
    delivery_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionPage:
    """Some suppressions, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Suppression]
    next: str | None


@dataclass(frozen=True)
class Suppressions:
    """A project's suppressions, for people and for the pages that unsubscribe."""

    database: Database

    def page(
        self, project_id: int, *, channel: str | None = None, target: str | None = None, reason: str | None = None,
        limit: int = 50, cursor: str | None = None,
    ) -> SuppressionPage:  # fmt: skip
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        at, place = _read(cursor) if cursor else (None, None)
        rows = self.database.rows(
            _PAGE,
            {
                "project_id": project_id,
                "channel": channel,
                "target": target,
                "reason": reason,
                "at": at,
                "place": place,
                "limit": limit + 1,
            },
        )
        following = _cursor(rows[limit - 1]) if len(rows) > limit else None
        return SuppressionPage([_suppression(row) for row in rows[:limit]], following)

    def of(self, project_id: int, channel: str, target: str) -> list[Suppression]:
        """What is known against writing to one target."""
        rows = self.database.rows(_OF, {"project_id": project_id, "channel": channel, "target": target})
        return [_suppression(row) for row in rows]

    def add(
        self, project_id: int, channel: str, target: str, *, scope: str, reason: str, source: str,
        delivery_id: UUID | None = None,
    ) -> None:  # fmt: skip
        """Let nobody of the project write to a target any more. What is there for a stronger reason stays."""
        with self.database.transaction() as connection:
            now = connection.execute(_NOW).scalar_one()
            suppress(
                connection, channel, target, project_id=project_id, scope=scope, reason=reason, source=source,
                delivery_id=delivery_id, at=now,
            )  # fmt: skip

    def remove(self, project_id: int, channel: str, target: str, scope: str | None = None) -> int:
        """Forget a target's suppressions, whatever their reason; how many there were."""
        parameters = {"project_id": project_id, "channel": channel, "target": target, "scope": scope}
        return self.database.execute(_REMOVE, parameters)

    def resubscribe(self, project_id: int, channel: str, target: str) -> int:
        """Take back a target's wish not to be written to, and nothing else; how many entries that were."""
        with self.database.transaction() as connection:
            now = connection.execute(_NOW).scalar_one()
            return lift(connection, channel, target, project_id=project_id, at=now)


def scope_of(channel: str, reason: str) -> str:
    """What a reason keeps from a target: who unsubscribes by mail means news and offers, not receipts and codes."""
    return "promotions" if channel == "email" and reason == "opt-out" else "everything"


def suppress(
    connection: Connection, channel: str, target: str, *, project_id: int | None, scope: str, reason: str,
    source: str, at: datetime, delivery_id: UUID | None = None,
) -> int:  # fmt: skip
    """Suppress a target in a project, or where that is None in every one that ever wrote to it; in how many it is new.

    Parameters:
        at: when it was said. A wish that was taken back since adds nothing.
    """
    parameters = {
        "project_id": project_id, "channel": channel, "target": target, "scope": scope, "reason": reason,
        "source": source, "at": at, "delivery_id": delivery_id,
    }  # fmt: skip
    return len(connection.execute(_SUPPRESS_EVERYWHERE if project_id is None else _SUPPRESS, parameters).all())


def lift(connection: Connection, channel: str, target: str, *, project_id: int | None, at: datetime) -> int:
    """Remove the wishes not to be written to that were said before `at`, in a project or in all; how many."""
    parameters = {"channel": channel, "target": target, "project_id": project_id, "at": at}
    return connection.execute(_LIFT, parameters).rowcount


def lift_scopes(connection: Connection, channel: str, target: str, *, project_id: int, scopes: Sequence[str]) -> None:
    """Remove the wishes of these scopes not to be written to, and no other."""
    asked = {"project_id": project_id, "channel": channel, "target": target, "scopes": list(scopes)}
    connection.execute(_LIFT_SCOPES, asked)


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(
        row.channel, row.target, row.scope, row.sender, row.reason, row.source, row.delivery_id, row.created_at
    )


def _cursor(last: Row[Any]) -> str:
    return urlsafe_b64encode(f"{last.created_at.isoformat()} {last.place}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, str]:
    try:
        moment, _, place = urlsafe_b64decode(cursor + "==").decode().partition(" ")
        at = datetime.fromisoformat(moment)
        if at.utcoffset() is None or not re.fullmatch("[0-9a-f]{32}", place):
            raise ValueError(moment)
        return at, place
    except (Base64Error, ValueError):
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None
