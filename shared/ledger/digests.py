"""Digests: notifications that collect for a while, and what they collected.

Whoever adds an item counts it on the digest's row while that is open; the worker that composes the message closes the
row first. The row's lock puts the two in an order: an item is in the message, or it opens the next digest. It is never
in none and never in two, and whoever composes the message again finds the same items.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, text

from shared.errors import Conflict, CrierError
from shared.ledger import inserts
from shared.ledger.acceptance import Acceptance
from shared.ledger.children import children_of
from shared.ledger.database import Database
from shared.ledger.draft import Draft, IdempotencyKey

# A digest that was cancelled, or has ended in any other way, collects no more.
_JOIN = text(f"""
    WITH joined AS (
        UPDATE digests g SET count = count + 1
        WHERE g.project_id = :project_id AND g.key = :key AND g.closed_at IS NULL
          AND g.closes_at > statement_timestamp()
          AND EXISTS (SELECT FROM deliveries d
                      WHERE {children_of("g.notification_id")} AND d.state = 'scheduled' AND d.due_at IS NOT NULL)
        RETURNING notification_id, count, closes_at),
    item AS (
        INSERT INTO digest_items (notification_id, number, item, variables)
        SELECT notification_id, count, CAST(:item AS jsonb), CAST(:variables AS jsonb) FROM joined)
    SELECT notification_id, count AS number, closes_at FROM joined
""")
# Only for those who find none open: they open one, one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('crier.digests'), hashtext(CAST(:key AS text)))")
_SHUT = text("""
    UPDATE digests SET closed_at = statement_timestamp()
    WHERE project_id = :project_id AND key = :key AND closed_at IS NULL
""")
_OPEN = text(f"""
    WITH opened AS (
        INSERT INTO digests (notification_id, project_id, key, closes_at, closed_at, count)
        VALUES (:id, :project_id, :key, :closes_at, CASE WHEN :suppressed THEN statement_timestamp() END, 1)),
    waits AS (
        UPDATE deliveries d
        SET reason = 'It collects until '
            || to_char(CAST(:closes_at AS timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC.'
        WHERE {children_of("CAST(:id AS uuid)")} AND d.state = 'scheduled')
    INSERT INTO digest_items (notification_id, number, item, variables)
    VALUES (:id, 1, CAST(:item AS jsonb), CAST(:variables AS jsonb))
""")
_ANSWER = text("""
    UPDATE idempotency_keys SET response = CAST(:response AS jsonb) WHERE project_id = :project_id AND key = :key
""")
# What was committed while this waited for the row is counted, and not yet seen by the same statement.
_CLOSE = text("""
    WITH closed AS (
        UPDATE digests SET closed_at = coalesce(closed_at, statement_timestamp())
        WHERE notification_id = :id RETURNING count)
    SELECT c.count AS number, i.item, i.variables FROM closed c LEFT JOIN LATERAL (
        SELECT number, item, variables FROM digest_items
        WHERE notification_id = :id AND number > c.count - :most) i ON true
    ORDER BY i.number
""")
_ITEMS = text("""
    SELECT item, variables FROM digest_items
    WHERE notification_id = :id AND number > :after AND number <= :until ORDER BY number
""")


@dataclass(frozen=True, slots=True)
class Item:
    """What is added to a digest.

    Parameters:
        key: the digest it belongs to, hashed: whom it is for, and of what.
        closes_at: until when the digest collects, should this one open it.
        item: an element of the list that collects. variables: the template's other variables.
    """

    key: UUID
    closes_at: datetime
    item: Mapping[str, Any]
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """Where an item is.

    Parameters:
        count: how many items the digest has by now.
        suppressed: it was opened, and ended at once: the recipient must not be written to.
        replayed: the first answer when the idempotency key was used before; then nothing was added.
    """

    notification_id: UUID
    count: int
    closes_at: datetime
    suppressed: bool = False
    replayed: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What a message is made of.

    Parameters:
        items: the newest of them, in the order they came.
        variables: the others, as last given.
        count: how many items there were.
    """

    items: Sequence[Mapping[str, Any]]
    variables: Mapping[str, Any]
    count: int


@dataclass(frozen=True)
class Digests:
    """The digests of projects."""

    database: Database

    def add(
        self,
        acceptance: Acceptance,
        project_id: int,
        draft: Draft,
        item: Item,
        *,
        key: IdempotencyKey | None,
        answer: Callable[[Joined], Mapping[str, Any]],
    ) -> Joined:
        """Commit an item: to the digest that is open, else to one that `draft` opens.

        Parameters:
            answer: what is kept under the idempotency key.

        Raises:
            InvalidInput: the key was used before with a different request.
            LedgerUnavailable: nothing was added, or nobody knows; repeat it under the same key.
        """
        opening = replace(draft, send_at=item.closes_at, digest=True, data=None)
        parameters = inserts.of_many([(project_id, opening)], None, acceptance.stream)
        with self.database.transaction() as connection:
            if key is None or connection.exec_driver_sql(inserts.KEY, inserts.of_key(project_id, key)).all():
                joined = _join(connection, project_id, item)
                if joined is None:
                    connection.execute(_LOCK, {"key": f"{project_id}.{item.key}"})
                    joined = _join(connection, project_id, item) or _open(
                        connection, project_id, opening, parameters, item
                    )
                if key is not None:
                    asked = {"project_id": project_id, "key": key.key, "response": _json(answer(joined))}
                    connection.execute(_ANSWER, asked)
                return joined
        earlier = acceptance.earlier(project_id, key)
        if earlier is None:
            raise Conflict("This Idempotency-Key was removed a moment ago. Try again.")
        return Joined(draft.id, 0, item.closes_at, replayed=earlier)

    def close(self, notification_id: UUID, most: int) -> Collected:
        """Close a digest, if it is open, and read what it collected: the newest `most`.

        Raises:
            CrierError: it is gone.
            LedgerUnavailable: it cannot be read.
        """
        rows = self.database.rows(_CLOSE, {"id": notification_id, "most": most})
        if not rows:
            raise CrierError("What this digest collected has been removed.")
        count: int = rows[0].number
        found = [row for row in rows if row.item is not None]
        if len(found) < min(count, most):
            asked = {"id": notification_id, "after": count - most, "until": count}
            found = list(self.database.rows(_ITEMS, asked))
        variables: dict[str, Any] = {}
        for row in found:
            variables.update(row.variables)
        return Collected([row.item for row in found], variables, count)


def _join(connection: Connection, project_id: int, item: Item) -> Joined | None:
    asked = {"project_id": project_id, "key": item.key, **_written(item)}
    found = connection.execute(_JOIN, asked).first()
    return Joined(found.notification_id, found.number, found.closes_at) if found else None


def _open(connection: Connection, project_id: int, draft: Draft, parameters: Mapping[str, Any], item: Item) -> Joined:
    connection.execute(_SHUT, {"project_id": project_id, "key": item.key})
    suppressed = bool(connection.exec_driver_sql(inserts.ACCEPT, parameters).one().suppressed)
    asked = {
        "id": draft.id, "project_id": project_id, "key": item.key, "closes_at": item.closes_at,
        "suppressed": suppressed, **_written(item),
    }  # fmt: skip
    connection.execute(_OPEN, asked)
    return Joined(draft.id, 1, item.closes_at, suppressed=suppressed)


def _written(item: Item) -> dict[str, str]:
    return {"item": _json(item.item), "variables": _json(item.variables)}


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
