"""Whom a project writes to: addresses, language, time zone, and quiet hours of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import orjson
from sqlalchemy import Row, text

from shared.errors import NotFound
from shared.ledger.database import Database

FIELDS = ("name", "email", "phone", "locale", "timezone", "quiet_from", "quiet_until", "metadata")
_COLUMNS = "user_id, name, email, phone, locale, timezone, quiet_from, quiet_until, metadata, created_at, updated_at"
_PUT = text("""
    INSERT INTO recipients (project_id, user_id, name, email, phone, locale, timezone, quiet_from, quiet_until,
                            metadata)
    SELECT :project_id, r.*
    FROM jsonb_to_recordset(CAST(:recipients AS jsonb)) AS r (
        user_id text, name text, email text, phone text, locale text, timezone text, quiet_from time,
        quiet_until time, metadata jsonb)
    ORDER BY user_id
    ON CONFLICT (project_id, user_id) DO UPDATE
    SET name = excluded.name, email = excluded.email, phone = excluded.phone, locale = excluded.locale,
        timezone = excluded.timezone, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
        metadata = excluded.metadata, updated_at = now()
    RETURNING (xmax = 0) AS is_new
""")
_THEIRS = f"SELECT {_COLUMNS} FROM recipients WHERE project_id = :project_id AND user_id = :user_id"
_ONE, _ONE_LOCKED = text(_THEIRS), text(f"{_THEIRS} FOR UPDATE")
_REMOVE = text("DELETE FROM recipients WHERE project_id = :project_id AND user_id = :user_id")
# U+10FFFF comes after everything else in the collation of bytes.
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM recipients
    WHERE project_id = :project_id AND user_id > :after AND user_id >= :prefix AND user_id < :prefix || chr(1114111)
      AND (CAST(:email AS text) IS NULL OR lower(email) = lower(:email))
    ORDER BY user_id LIMIT :limit
""")
_KNOWN = text("""
    SELECT user_id, name, email, phone, locale, timezone FROM recipients
    WHERE project_id = :project_id AND user_id = ANY(:user_ids)
""")


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person, as the project stored them.

    Parameters:
        quiet_from, quiet_until: quiet hours of their own. Both the same: none at all, whatever the project's are.
    """

    user_id: str
    name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    quiet_from: time | None
    quiet_until: time | None
    metadata: Mapping[str, str] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RecipientPage:
    """Some recipients, by their ids. `next` is the cursor of what follows; None at the end."""

    items: Sequence[Recipient]
    next: str | None


@dataclass(frozen=True)
class Recipients:
    """The recipients of a project."""

    database: Database

    def put(self, project_id: int, user_id: str, fields: Mapping[str, Any]) -> bool:
        """Store a recipient: all of them; what is left out is forgotten. Whether they are new."""
        rows = self.database.rows(_PUT, _parameters(project_id, {user_id: fields}))
        return bool(rows[0].is_new)

    def put_many(self, project_id: int, recipients: Mapping[str, Mapping[str, Any]]) -> int:
        """Store many, by their ids; how many of them are new."""
        return sum(row.is_new for row in self.database.rows(_PUT, _parameters(project_id, recipients)))

    def change(self, project_id: int, user_id: str, changes: Mapping[str, Any]) -> Recipient:
        """Store what is said anew of a recipient; None forgets a field.

        Raises:
            NotFound: nobody of this id is stored.
        """
        asked = {"project_id": project_id, "user_id": user_id}
        with self.database.transaction() as connection:
            before = connection.execute(_ONE_LOCKED, asked).first()
            if before is None:
                raise _unknown(user_id)
            fields = {name: getattr(before, name) for name in FIELDS} | dict(changes)
            connection.execute(_PUT, _parameters(project_id, {user_id: fields}))
            return _recipient(connection.execute(_ONE, asked).one())

    def get(self, project_id: int, user_id: str) -> Recipient:
        """A stored recipient.

        Raises:
            NotFound: nobody of this id is stored.
        """
        if (found := self.find(project_id, user_id)) is None:
            raise _unknown(user_id)
        return found

    def find(self, project_id: int, user_id: str) -> Recipient | None:
        """A recipient, if one of this id is stored."""
        rows = self.database.rows(_ONE, {"project_id": project_id, "user_id": user_id})
        return _recipient(rows[0]) if rows else None

    def remove(self, project_id: int, user_id: str) -> None:
        """Forget a recipient. What they wanted, and their devices, stay.

        Raises:
            NotFound: nobody of this id is stored.
        """
        if not self.database.execute(_REMOVE, {"project_id": project_id, "user_id": user_id}):
            raise _unknown(user_id)

    def page(
        self, project_id: int, *, prefix: str = "", email: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> RecipientPage:
        """A page of at most `limit`, whose ids begin with `prefix`. The cursor is the last id of the page before."""
        asked = {
            "project_id": project_id,
            "prefix": prefix,
            "email": email,
            "after": cursor or "",
            "limit": limit + 1,
        }
        rows = self.database.rows(_PAGE, asked)
        items = [_recipient(row) for row in rows[:limit]]
        return RecipientPage(items, items[-1].user_id if len(rows) > limit else None)

    def known(self, project_id: int, user_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """What a message may need to know of each of many: addresses, name, language, zone. The unknown are absent."""
        rows = self.database.rows(_KNOWN, {"project_id": project_id, "user_ids": list(user_ids)})
        return {row.user_id: {name: value for name, value in row._mapping.items() if value is not None} for row in rows}


def _unknown(user_id: str) -> NotFound:
    return NotFound(f"No recipient {user_id[:200]} is stored: PUT /v1/recipients/{{user_id}} stores one.")


def _parameters(project_id: int, recipients: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows = [
        {"user_id": user_id, **{name: fields.get(name) for name in FIELDS}} for user_id, fields in recipients.items()
    ]
    return {"project_id": project_id, "recipients": orjson.dumps(rows).decode()}


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(**row._mapping)
