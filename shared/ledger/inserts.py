"""The statements that accept: notification, deliveries, sealed variables and key in one, so that all or none is there.

`ACCEPT` takes arrays, for many. `ACCEPT_ONE` takes one notification to one target, which is what almost every call
brings, and for which the arrays would cost more than the rows; it is in psycopg's own style (`driver_rows`).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from shared.ledger.draft import Draft, IdempotencyKey
from shared.ledger.endings import recorded, returned, suppressed_because
from shared.ledger.ids import derived_id, minute_of

_NOTIFICATIONS = """
    INSERT INTO notifications (id, project_id, batch_id, row_number, channel, lane, kind, template_id, recipient, data,
                               content, metadata, send_at, expires_at, on_unknown, ordering_key)
    SELECT id, :project_id, :batch_id, row_number, channel, lane, kind, template_id, recipient::jsonb, data::jsonb,
           content::jsonb, metadata::jsonb, send_at, expires_at, on_unknown, ordering_key
    FROM unnest(CAST(:ids AS uuid[]), CAST(:row_numbers AS int[]), CAST(:channels AS text[]), CAST(:lanes AS text[]),
                CAST(:kinds AS text[]), CAST(:template_ids AS int[]), CAST(:recipients AS text[]),
                CAST(:data AS text[]), CAST(:contents AS text[]), CAST(:metadata AS text[]),
                CAST(:send_ats AS timestamptz[]), CAST(:expires_ats AS timestamptz[]), CAST(:on_unknowns AS text[]),
                CAST(:ordering_keys AS text[]))
      AS n (id, row_number, channel, lane, kind, template_id, recipient, data, content, metadata, send_at, expires_at,
            on_unknown, ordering_key)
    {gate}
    ON CONFLICT (id) DO NOTHING
    RETURNING id, channel, kind, send_at, expires_at, on_unknown, ordering_key
"""
_STATE = "CASE WHEN n.barred IS NOT NULL THEN 'suppressed' WHEN n.send_at > now() THEN 'scheduled' ELSE 'queued' END"
_DUE = "CASE WHEN n.barred IS NULL THEN COALESCE(n.send_at, now()) END"
_SETTLED = "CASE WHEN n.barred IS NOT NULL THEN now() END"
_REASON = suppressed_because("n.barred")
_DELIVERIES = f"""
    INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, due_at, settled_at, reason,
                            expires_at, hold, secret, target, ordering_key)
    SELECT n.delivery_id, n.id, n.stream_id, :project_id, n.queue, {_STATE}, {_DUE}, {_SETTLED}, {_REASON},
           n.expires_at, n.on_unknown = 'hold', n.secret, n.target, n.ordering_key
    FROM (
        SELECT d.id AS delivery_id, d.stream_id, d.queue, d.secret, d.target, a.*, (
            SELECT s.reason FROM suppressions s
            WHERE s.project_id = :project_id AND s.channel = a.channel AND s.target = lower(d.target)
              AND (s.scope = 'everything' OR a.kind = 'promotion') AND s.sender = '' LIMIT 1) AS barred
        FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:parents AS uuid[]), CAST(:stream_ids AS bigint[]),
                    CAST(:queues AS text[]), CAST(:secrets AS boolean[]), CAST(:targets AS text[]))
          AS d (id, parent, stream_id, queue, secret, target)
        JOIN accepted a ON a.id = d.parent) n
    RETURNING {returned("deliveries")}
"""
_SEALED = """
    INSERT INTO sealed (notification_id, key_id, ciphertext)
    SELECT s.id, s.key_id, s.ciphertext
    FROM unnest(CAST(:sealed_ids AS uuid[]), CAST(:key_ids AS text[]), CAST(:ciphertexts AS bytea[]))
      AS s (id, key_id, ciphertext)
    JOIN accepted n ON n.id = s.id
    WHERE EXISTS (SELECT FROM delivered d WHERE d.notification_id = s.id AND d.state <> 'suppressed')
"""
KEY = """
    INSERT INTO idempotency_keys (project_id, key, request_hash, response)
    VALUES (:project_id, :key, :request_hash, CAST(:response AS jsonb))
    ON CONFLICT DO NOTHING
    RETURNING key
"""
# Counted beside the rows, so that conservation (shared/ledger/conservation.py) has something to compare them with.
_TAIL = f"""
    delivered AS ({_DELIVERIES}),
    hidden AS ({_SEALED}),
    counted AS (
        INSERT INTO tally (project_id, queue, minute, deliveries)
        SELECT project_id, queue, minute_of(id), count(*) FROM delivered GROUP BY 1, 2, 3),
    {recorded("delivered")}
    SELECT a.id, array_agg(d.id) FILTER (WHERE d.ordering_key IS NOT NULL) AS in_order,
           bool_and(d.state = 'suppressed') AS suppressed
    FROM accepted a LEFT JOIN delivered d ON d.notification_id = a.id GROUP BY a.id
"""
ACCEPT = text(f"WITH accepted AS ({_NOTIFICATIONS.format(gate='')}), {_TAIL}")
ACCEPT_ONCE = text(
    f"WITH once AS ({KEY}), accepted AS ({_NOTIFICATIONS.format(gate='WHERE EXISTS (SELECT FROM once)')}), {_TAIL}"
)
_BARRED = """
    barred AS MATERIALIZED (
        SELECT reason FROM suppressions
        WHERE project_id = CAST(%(project_id)s AS int) AND channel = %(channel)s AND target = lower(%(target)s)
          AND (scope = 'everything' OR %(kind)s = 'promotion') AND sender = '' LIMIT 1)
"""
_ONE = f"""
    accepted AS (
        INSERT INTO notifications (id, project_id, row_number, channel, lane, kind, template_id, recipient, data,
                                   content, metadata, send_at, expires_at, on_unknown, ordering_key)
        SELECT CAST(%(id)s AS uuid), CAST(%(project_id)s AS int), CAST(%(row_number)s AS int), %(channel)s, %(lane)s,
               %(kind)s, CAST(%(template_id)s AS int), CAST(%(recipient)s AS jsonb), CAST(%(data)s AS jsonb),
               CAST(%(content)s AS jsonb), CAST(%(metadata)s AS jsonb), CAST(%(send_at)s AS timestamptz),
               CAST(%(expires_at)s AS timestamptz), %(on_unknown)s, CAST(%(ordering_key)s AS text)
        {{gate}}
        ON CONFLICT (id) DO NOTHING
        RETURNING id, project_id, send_at, expires_at, on_unknown, ordering_key),
    delivered AS (
        INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, due_at, settled_at, reason,
                                expires_at, hold, secret, target, ordering_key)
        SELECT CAST(%(delivery_id)s AS uuid), id, CAST(%(stream_id)s AS bigint), project_id, %(queue)s,
               {_STATE}, {_DUE}, {_SETTLED}, {_REASON}, expires_at, on_unknown = 'hold', CAST(%(secret)s AS boolean),
               %(target)s, ordering_key
        FROM (SELECT *, (SELECT reason FROM barred) AS barred FROM accepted) n
        RETURNING {returned("deliveries")}),
    hidden AS (
        INSERT INTO sealed (notification_id, key_id, ciphertext)
        SELECT notification_id, %(key_id)s, CAST(%(ciphertext)s AS bytea) FROM delivered
        WHERE secret AND state <> 'suppressed'),
    counted AS (
        INSERT INTO tally (project_id, queue, minute, deliveries)
        SELECT project_id, queue, CAST(%(minute)s AS bigint), 1 FROM delivered),
    {recorded("delivered")}
    SELECT notification_id, state FROM delivered
"""
ACCEPT_ONE = f"WITH {_BARRED}, {_ONE.replace('{gate}', '')}"
ACCEPT_ONE_ONCE = "WITH {}, once AS ({}), {}".format(
    _BARRED,
    # What the first was told is what everybody after is told.
    re.sub(r":(\w+)", r"%(\1)s", KEY).replace(
        "CAST(%(response)s AS jsonb)",
        "CAST(%(response)s AS jsonb)"
        """ || CASE WHEN EXISTS (SELECT FROM barred) THEN '{"state": "suppressed"}' ELSE '{}' END::jsonb""",
    ),
    _ONE.replace("{gate}", "WHERE EXISTS (SELECT FROM once)"),
)


def of_one(project_id: int, draft: Draft, stream_id: int) -> dict[str, Any]:
    """The parameters of `ACCEPT_ONE`, for a draft with one target."""
    secret = draft.secret
    return {
        "id": draft.id,
        "project_id": project_id,
        "row_number": draft.row,
        "channel": draft.channel,
        "lane": draft.lane,
        "kind": draft.kind,
        "template_id": draft.template_id,
        "recipient": _json(draft.recipient),
        "data": _json(draft.data),
        "content": _json(draft.content),
        "metadata": _json(draft.metadata),
        "send_at": draft.send_at,
        "expires_at": draft.expires_at,
        "on_unknown": draft.on_unknown,
        "ordering_key": draft.ordering_key,
        "minute": minute_of(draft.id),
        "delivery_id": derived_id(draft.id, 0),
        "stream_id": stream_id,
        "queue": draft.queue,
        "target": draft.targets[0],
        "secret": secret is not None,
        "key_id": secret and secret.key_id,
        "ciphertext": secret and secret.ciphertext,
    }


def of_many(
    project_id: int, drafts: Sequence[Draft], batch_id: UUID | None, stream: Callable[[str, int, UUID | None], int]
) -> dict[str, Any]:
    """The parameters of `ACCEPT`. `stream` gives the id of the stream of a queue, a project and a batch."""
    streams = {queue: stream(queue, project_id, batch_id) for queue in {draft.queue for draft in drafts}}
    deliveries = [
        (derived_id(draft.id, index), draft.id, streams[draft.queue], draft.queue, draft.secret is not None, target)
        for draft in drafts
        for index, target in enumerate(draft.targets)
    ]
    sealed = [(draft.id, draft.secret.key_id, draft.secret.ciphertext) for draft in drafts if draft.secret]
    return {
        "project_id": project_id,
        "batch_id": batch_id,
        "ids": [draft.id for draft in drafts],
        "row_numbers": [draft.row for draft in drafts],
        "channels": [draft.channel for draft in drafts],
        "lanes": [draft.lane for draft in drafts],
        "kinds": [draft.kind for draft in drafts],
        "template_ids": [draft.template_id for draft in drafts],
        "recipients": [_json(draft.recipient) for draft in drafts],
        "data": [_json(draft.data) for draft in drafts],
        "contents": [_json(draft.content) for draft in drafts],
        "metadata": [_json(draft.metadata) for draft in drafts],
        "send_ats": [draft.send_at for draft in drafts],
        "expires_ats": [draft.expires_at for draft in drafts],
        "on_unknowns": [draft.on_unknown for draft in drafts],
        "ordering_keys": [draft.ordering_key for draft in drafts],
        **_columns(deliveries, "delivery_ids", "parents", "stream_ids", "queues", "secrets", "targets"),
        **_columns(sealed, "sealed_ids", "key_ids", "ciphertexts"),
    }


def of_key(project_id: int, key: IdempotencyKey) -> dict[str, Any]:
    """The parameters of `KEY`."""
    return {
        "project_id": project_id,
        "key": key.key,
        "request_hash": key.request_hash,
        "response": _json(key.response),
    }


def _columns(rows: Sequence[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
