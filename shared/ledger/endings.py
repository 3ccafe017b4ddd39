"""What follows when deliveries end, in one place: webhooks are told, failures become dead letters, chains go on, codes
are wiped, and whoever waited for his turn has it.

Whoever ends deliveries takes `recorded` into the statement that does, and calls `finish` in the same transaction.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger import order
from shared.ledger.children import children_of
from shared.ledger.states import FINAL, LIVE, State

TOLD = (
    State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED, State.UNKNOWN, State.CANCELLED, State.EXPIRED,
    State.SUPPRESSED,
)  # fmt: skip
"""States that projects may be told of, as `notification.<state>`."""

_WIPE = text(f"""
    DELETE FROM sealed s
    WHERE s.notification_id = ANY(:ids) AND NOT EXISTS (
        SELECT FROM deliveries d WHERE {children_of("s.notification_id")} AND d.state = ANY(:unfinished))
""")
_SUPPRESSED = {
    "bounce": "what was sent there before bounced",
    "invalid": "a provider says that there is no such address or number",
    "complaint": "the person said it was spam",
    "opt-out": "the person does not want to be written to",
    "manual": "somebody put it on the list",
}
_UNFINISHED = [str(state) for state in (LIVE | {State.UNKNOWN})]


def suppressed_because(reason: str) -> str:
    """SQL that says why a recipient is suppressed, in a sentence.

    Parameters:
        reason: SQL for the reason, as `suppressions.reason` has it; or a sentence already.
    """
    said = " ".join(f"WHEN '{word}' THEN 'The recipient is suppressed: {why}.'" for word, why in _SUPPRESSED.items())
    return f"CASE {reason} {said} ELSE {reason} END"


def returned(d: str = "d") -> str:
    """The columns of deliveries that `recorded` and `finish` read; for RETURNING."""
    return ", ".join(
        f"{d}.{column}"
        for column in (
            "id", "notification_id", "project_id", "queue", "state", "provider", "reason", "secret", "held_at",
            "ordering_key", "chain_id",
        )
    )  # fmt: skip


def recorded(source: str, *, why: str = "'refused'", code: str = "NULL::text", suffix: str = "") -> str:
    """Three CTEs: the events that somebody wants to know of, the dead letters, and the news for chains.

    Parameters:
        source: the CTE with the deliveries after their change; has the columns of `returned`.
        why: SQL for why a delivery failed: refused, exhausted, poison, not-composed, limit. May use `e`, the source.
        code: SQL for the provider's code.
        suffix: of the CTEs' names, where a statement needs them twice.
    """
    states = ", ".join(f"'{state}'" for state in TOLD)
    return f"""
    told{suffix} AS (
        INSERT INTO events (project_id, type, notification_id, delivery_id, detail)
        SELECT e.project_id, 'notification.' || e.state, e.notification_id, e.id,
               jsonb_strip_nulls(jsonb_build_object('provider', e.provider, 'code', {code}, 'reason', e.reason))
        FROM {source} e
        WHERE e.state IN ({states}) AND (e.state <> 'unknown' OR e.held_at IS NOT NULL)
          AND split_part(e.queue, '.', 1) <> 'webhook' AND EXISTS (
              SELECT FROM endpoints p
              WHERE p.project_id = e.project_id AND p.disabled_at IS NULL AND p.events <> '{{}}')),
    buried{suffix} AS (
        INSERT INTO dead_letters (id, kind, project_id, queue, name, why, code, detail)
        SELECT e.id, 'delivery', e.project_id, e.queue, e.provider, {why}, {code}, e.reason
        FROM {source} e WHERE e.state = 'failed'
        ON CONFLICT (id) DO UPDATE
        SET name = excluded.name, why = excluded.why, code = excluded.code, detail = excluded.detail, died_at = now()),
    linked{suffix} AS (
        INSERT INTO chain_news (chain_id, channel, level)
        SELECT e.chain_id, split_part(e.queue, '.', 1),
               CASE e.state WHEN 'sent' THEN 1 WHEN 'delivered' THEN 2 ELSE 0 END
        FROM {source} e
        WHERE e.chain_id IS NOT NULL AND e.state IN ({states}) AND (e.state <> 'unknown' OR e.held_at IS NOT NULL))
    """


def finish(connection: Connection, rows: Sequence[Any]) -> list[str]:
    """Wipe the secrets of what has ended and free who waited for it; the queues to ring.

    Parameters:
        rows: with the columns of `returned`, after the change; those that have not ended are passed over.
    """
    ended = [row for row in rows if row.state in FINAL and (row.state != State.UNKNOWN or row.held_at)]
    wipe(connection, [row.notification_id for row in ended if row.secret])
    return order.advance(connection, [row.id for row in ended if row.ordering_key and row.state != State.UNKNOWN])


def wipe(connection: Connection, notification_ids: Sequence[UUID]) -> None:
    """Delete the sealed variables of notifications whose every delivery has ended."""
    if notification_ids:
        connection.execute(_WIPE, {"ids": list(notification_ids), "unfinished": _UNFINISHED})
