"""The statements that accept: notification, deliveries, sealed variables and key in one, so that all or none is there.

`ACCEPT` takes many as JSON, which costs a third of what arrays of columns do; what notifications share, as those of a
batch do, is said once. `accept_one` takes one notification to one target, for which even that would cost more than the
row. Both are in psycopg's own style (`driver_rows`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from shared.ledger.draft import Draft, IdempotencyKey
from shared.ledger.endings import recorded, returned, suppressed_because
from shared.ledger.ids import derived_id, minute_of
from shared.ledger.wishes import barred, who_chooses

ROWS = 1000
"""Most notifications in one statement."""

_MOST_BYTES = 64 * 1024 * 1024
_SAID = """
    said AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(%(said)s AS jsonb)) AS s (
            number int, project_id int, batch_id uuid, stream_id bigint, queue text, channel text, lane text, kind text,
            template_id int, content jsonb, send_at timestamptz, expires_at timestamptz, on_unknown text,
            category text))
"""
_NOTIFICATIONS = """
    INSERT INTO notifications (id, project_id, batch_id, row_number, channel, lane, kind, template_id, recipient, data,
                               content, metadata, send_at, expires_at, on_unknown, ordering_key, category, chain_id,
                               digest)
    SELECT n.id, s.project_id, s.batch_id, n.row_number, s.channel, s.lane, s.kind, s.template_id, n.recipient, n.data,
           s.content, n.metadata, s.send_at, s.expires_at, s.on_unknown, n.ordering_key, s.category, n.chain_id,
           n.digest
    FROM jsonb_to_recordset(CAST(%(notifications)s AS jsonb)) AS n (
        id uuid, said int, row_number int, recipient jsonb, data jsonb, metadata jsonb, ordering_key text,
        chain_id uuid, digest boolean)
    JOIN said s ON s.number = n.said
    {gate}
    ON CONFLICT (id) DO NOTHING
    RETURNING id, project_id, channel, kind, send_at, expires_at, on_unknown, ordering_key, chain_id
"""
_STATE = "CASE WHEN n.barred IS NOT NULL THEN 'suppressed' WHEN n.send_at > now() THEN 'scheduled' ELSE 'queued' END"
_DUE = "CASE WHEN n.barred IS NULL THEN COALESCE(n.send_at, now()) END"
_SETTLED = "CASE WHEN n.barred IS NOT NULL THEN now() END"
_REASON = suppressed_because("n.barred")
# OFFSET 0 keeps the planner from looking up the suppression anew wherever `barred` is named: five times a row.
_DELIVERIES = f"""
    INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, due_at, settled_at, reason,
                            expires_at, hold, secret, target, ordering_key, chain_id)
    SELECT n.delivery_id, n.id, n.stream_id, n.project_id, n.queue, {_STATE}, {_DUE}, {_SETTLED}, {_REASON},
           n.expires_at, n.on_unknown = 'hold', n.secret, n.target, n.ordering_key, n.chain_id
    FROM (
        SELECT d.id AS delivery_id, s.stream_id, s.queue, d.secret, d.target, a.*, {
    barred(
        project="a.project_id",
        channel="a.channel",
        target="lower(d.target)",
        promotion="a.kind = 'promotion'",
        category="s.category",
        user="d.user_id",
        senders="b.sender = ''",
    )
} AS barred
        FROM jsonb_to_recordset(CAST(%(deliveries)s AS jsonb)) AS d (
            id uuid, parent uuid, said int, secret boolean, target text, user_id text)
        JOIN accepted a ON a.id = d.parent JOIN said s ON s.number = d.said
        OFFSET 0) n
    RETURNING {returned("deliveries")}
"""
_SEALED = """
    INSERT INTO sealed (notification_id, key_id, ciphertext)
    SELECT s.id, s.key_id, s.ciphertext
    FROM unnest(CAST(%(sealed_ids)s AS uuid[]), CAST(%(key_ids)s AS text[]), CAST(%(ciphertexts)s AS bytea[]))
      AS s (id, key_id, ciphertext)
    JOIN accepted n ON n.id = s.id
    WHERE EXISTS (SELECT FROM delivered d WHERE d.notification_id = s.id AND d.state <> 'suppressed')
"""
KEY = """
    INSERT INTO idempotency_keys (project_id, key, request_hash, response)
    VALUES (%(project_id)s, %(key)s, %(request_hash)s, CAST(%(response)s AS jsonb))
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
    SELECT a.id, bool_and(d.state = 'suppressed') AS suppressed,
           array_agg(d.id) FILTER (WHERE d.ordering_key IS NOT NULL) AS in_order
    FROM accepted a LEFT JOIN delivered d ON d.notification_id = a.id GROUP BY a.id
"""
ACCEPT = f"WITH {_SAID}, accepted AS ({_NOTIFICATIONS.format(gate='')}), {_TAIL}"
ACCEPT_ONCE = "WITH {}, once AS ({}), accepted AS ({}), {}".format(
    _SAID, KEY, _NOTIFICATIONS.format(gate="WHERE EXISTS (SELECT FROM once)"), _TAIL
)
_PLAIN = {
    "project": "CAST(%(project_id)s AS int)",
    "channel": "CAST(%(channel)s AS text)",
    "target": "lower(CAST(%(target)s AS text))",
    "promotion": "CAST(%(kind)s AS text) = 'promotion'",
    "senders": "b.sender = ''",
}
_CHOSEN = {"category": "CAST(%(category)s AS text)", "user": "CAST(%(user_id)s AS text)"}
_ONE = f"""
    accepted AS (
        INSERT INTO notifications (id, project_id, row_number, channel, lane, kind, template_id, recipient, data,
                                   content, metadata, send_at, expires_at, on_unknown, ordering_key, category, chain_id,
                                   digest)
        SELECT CAST(%(id)s AS uuid), CAST(%(project_id)s AS int), CAST(%(row_number)s AS int), %(channel)s, %(lane)s,
               %(kind)s, CAST(%(template_id)s AS int), CAST(%(recipient)s AS jsonb), CAST(%(data)s AS jsonb),
               CAST(%(content)s AS jsonb), CAST(%(metadata)s AS jsonb), CAST(%(send_at)s AS timestamptz),
               CAST(%(expires_at)s AS timestamptz), %(on_unknown)s, CAST(%(ordering_key)s AS text),
               CAST(%(category)s AS text), CAST(%(chain_id)s AS uuid), CAST(%(digest)s AS boolean)
        {{gate}}
        ON CONFLICT (id) DO NOTHING
        RETURNING id, project_id, send_at, expires_at, on_unknown, ordering_key, chain_id),
    delivered AS (
        INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, due_at, settled_at, reason,
                                expires_at, hold, secret, target, ordering_key, chain_id)
        SELECT CAST(%(delivery_id)s AS uuid), id, CAST(%(stream_id)s AS bigint), project_id, %(queue)s,
               {_STATE}, {_DUE}, {_SETTLED}, {_REASON}, expires_at, on_unknown = 'hold', CAST(%(secret)s AS boolean),
               %(target)s, ordering_key, chain_id
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
# What the first was told is what everybody after is told.
_KEY_TOLD = KEY.replace(
    "CAST(%(response)s AS jsonb)",
    "CAST(%(response)s AS jsonb)"
    """ || CASE WHEN EXISTS (SELECT FROM barred) THEN '{"state": "suppressed"}' ELSE '{}' END::jsonb""",
)


def _accept_one(asked: str, *, once: bool) -> str:
    barred = f"barred AS MATERIALIZED (SELECT reason FROM (SELECT {asked} AS reason) found WHERE reason IS NOT NULL)"
    if not once:
        return f"WITH {barred}, {_ONE.replace('{gate}', '')}"
    return f"WITH {barred}, once AS ({_KEY_TOLD}), {_ONE.replace('{gate}', 'WHERE EXISTS (SELECT FROM once)')}"


# Most are of no category and to nobody who chooses. PostgreSQL plans what is less in less time, which is felt here.
_ACCEPT_ONE = {
    (chosen, once): _accept_one(barred(**_PLAIN, **(_CHOSEN if chosen else {})), once=once)
    for chosen in (False, True)
    for once in (False, True)
}


def accept_one(parameters: Mapping[str, Any], *, once: bool = False) -> str:
    """The statement for `of_one`; `once`: only if the key in `of_key` is new."""
    chosen = parameters["category"] is not None or parameters["user_id"] is not None
    return _ACCEPT_ONE[chosen, once]


def slices(drafts: Sequence[Draft]) -> Iterator[Sequence[Draft]]:
    """Drafts of one batch in pieces that one statement takes: a thousand, or fewer when what they share is large.

    PostgreSQL takes 256 MB of JSON at once (https://www.postgresql.org/docs/18/datatype-json.html). What rows do not
    share is bounded where it is read.
    """
    if drafts:
        most = min(ROWS, max(1, _MOST_BYTES // len(orjson.dumps(drafts[0].data))))
        yield from (drafts[start : start + most] for start in range(0, len(drafts), most))


def of_one(project_id: int, draft: Draft, stream_id: int) -> dict[str, Any]:
    """The parameters of `accept_one`, for a draft with one target."""
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
        "category": draft.category,
        "chain_id": draft.chain_id,
        "digest": draft.digest,
        "user_id": who_chooses(draft.channel, draft.kind, draft.recipient),
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
    asked: Iterable[tuple[int, Draft]], batch_id: UUID | None, stream: Callable[[str, int, UUID | None], int]
) -> dict[str, Any]:
    """The parameters of `ACCEPT`.

    Parameters:
        asked: drafts, each with the project it belongs to.
        stream: gives the id of the stream of a queue, a project and a batch.
    """
    said: dict[tuple[Any, ...], dict[str, Any]] = {}
    notifications: list[dict[str, Any]] = []
    deliveries: list[dict[str, Any]] = []
    sealed: list[tuple[UUID, str, bytes]] = []
    for project_id, draft in asked:
        # The content by its identity: rows of a batch have one and the same, and comparing megabytes is not the point.
        shared = (
            project_id, draft.channel, draft.lane, draft.kind, draft.template_id, id(draft.content), draft.send_at,
            draft.expires_at, draft.on_unknown, draft.category,
        )  # fmt: skip
        envelope = said.get(shared)
        if envelope is None:
            stream_id = stream(draft.queue, project_id, batch_id)
            envelope = said[shared] = _envelope(len(said), project_id, batch_id, stream_id, draft)
        number = envelope["number"]
        notifications.append({
            "id": draft.id, "said": number, "row_number": draft.row, "recipient": draft.recipient, "data": draft.data,
            "metadata": draft.metadata, "ordering_key": draft.ordering_key, "chain_id": draft.chain_id,
            "digest": draft.digest,
        })  # fmt: skip
        secret = draft.secret is not None
        user_id = who_chooses(draft.channel, draft.kind, draft.recipient)
        for index, target in enumerate(draft.targets):
            delivery = {
                "id": derived_id(draft.id, index), "parent": draft.id, "said": number, "secret": secret,
                "target": target,
            }  # fmt: skip
            deliveries.append(delivery if user_id is None else delivery | {"user_id": user_id})
        if draft.secret:
            sealed.append((draft.id, draft.secret.key_id, draft.secret.ciphertext))
    return {
        "said": _json(list(said.values())),
        "notifications": _json(notifications),
        "deliveries": _json(deliveries),
        "sealed_ids": [row[0] for row in sealed],
        "key_ids": [row[1] for row in sealed],
        "ciphertexts": [row[2] for row in sealed],
    }


def _envelope(number: int, project_id: int, batch_id: UUID | None, stream_id: int, draft: Draft) -> dict[str, Any]:
    return {
        "number": number,
        "project_id": project_id,
        "batch_id": batch_id,
        "stream_id": stream_id,
        "queue": draft.queue,
        "channel": draft.channel,
        "lane": draft.lane,
        "kind": draft.kind,
        "template_id": draft.template_id,
        "content": draft.content,
        "send_at": draft.send_at,
        "expires_at": draft.expires_at,
        "on_unknown": draft.on_unknown,
        "category": draft.category,
    }


def of_key(project_id: int, key: IdempotencyKey) -> dict[str, Any]:
    """The parameters of `KEY`."""
    return {
        "project_id": project_id,
        "key": key.key,
        "request_hash": key.request_hash,
        "response": _json(key.response),
    }


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
