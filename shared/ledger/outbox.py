"""Reads what the outbox kept (shared/providers/outbox.py keeps it): messages as they would have been sent."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.crypto import Sealed, Sealer
from shared.errors import InvalidInput, NotFound
from shared.ledger.database import Database

_COLUMNS = """
    o.delivery_id, d.notification_id, o.channel, o.target, o.kept_at,
    (SELECT t.name || '@' || t.version FROM notifications n JOIN template_versions t ON t.id = n.template_id
     WHERE n.id = d.notification_id) AS template
"""
_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM outbox o JOIN deliveries d ON d.id = o.delivery_id
    WHERE d.project_id = :project_id AND (CAST(:channel AS text) IS NULL OR o.channel = :channel)
      AND (CAST(:before AS timestamptz) IS NULL OR (o.kept_at, o.delivery_id) < (:before, :last))
    ORDER BY o.kept_at DESC, o.delivery_id DESC LIMIT :limit
""")
_ONE = text(f"""
    SELECT {_COLUMNS}, o.key_id, o.ciphertext FROM outbox o JOIN deliveries d ON d.id = o.delivery_id
    WHERE d.project_id = :project_id AND o.delivery_id = :id
""")


@dataclass(frozen=True, slots=True)
class KeptSummary:
    """That a message was kept. `template` is name and version; None when the caller gave the content."""

    delivery_id: UUID
    notification_id: UUID
    channel: str
    target: str
    template: str | None
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class Kept(KeptSummary):
    """A kept message. `message` is the channel's message in JSON: `to` or `token`, `sender`, `content` and so on."""

    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptPage:
    """Some kept messages, newest first. `next` is the cursor of what follows; None at the end."""

    items: Sequence[KeptSummary]
    next: str | None


@dataclass(frozen=True)
class KeptMessages:
    """A project's kept messages, for people to look at."""

    database: Database
    sealer: Sealer

    def page(
        self, project_id: int, *, channel: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> KeptPage:
        """A page of at most `limit`.

        Raises:
            InvalidInput: the cursor is not one that a page gave.
        """
        before, last = _read(cursor) if cursor else (None, None)
        rows = self.database.rows(
            _NEWEST,
            {"project_id": project_id, "channel": channel, "before": before, "last": last, "limit": limit + 1},
        )
        items = [KeptSummary(**_summary(row)) for row in rows[:limit]]
        return KeptPage(items, _cursor(items[-1]) if len(rows) > limit else None)

    def one(self, project_id: int, delivery_id: UUID) -> Kept:
        """A kept message with what it says.

        Raises:
            NotFound: the outbox has no such message of this project.
            CrierError: the key it was encrypted with is gone.
        """
        rows = self.database.rows(_ONE, {"project_id": project_id, "id": delivery_id})
        if not rows:
            raise NotFound(
                f"The outbox has no delivery {delivery_id}: a provider sent it, or it has been cleaned away."
            )
        (row,) = rows
        return Kept(**_summary(row), message=self.sealer.open(Sealed(row.key_id, bytes(row.ciphertext))))


def _summary(row: Any) -> dict[str, Any]:
    return {
        "delivery_id": row.delivery_id,
        "notification_id": row.notification_id,
        "channel": row.channel,
        "target": row.target,
        "template": row.template,
        "kept_at": row.kept_at,
    }


def _cursor(last: KeptSummary) -> str:
    return urlsafe_b64encode(f"{last.kept_at.isoformat()} {last.delivery_id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, _, identifier = urlsafe_b64decode(cursor + "==").decode().partition(" ")
        before = datetime.fromisoformat(moment)
        if before.utcoffset() is None:
            raise ValueError(moment)
        return before, UUID(identifier)
    except (Base64Error, ValueError):
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]}) from None
