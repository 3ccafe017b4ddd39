"""A ledger with a past: millions of notifications that have ended, made in SQL within minutes.

What is made is like what the product would have left: UUIDv7 in their months, a fifth of them in uploads, an attempt
for each call, receipts, suppressions, dead letters, what is held for a person, and books that are even.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from shared.ledger.database import Database
from shared.ledger.ids import minute_of, new_id
from shared.ledger.keys import Keys
from shared.ledger.partitions import PARTITIONED, attachment, creation, month, name_of
from shared.ledger.template_store import TemplateStore

TEMPLATE, VERSIONS = "history", 4
"""The template of whatever was no upload, and its versions; one of a thousand has the last one."""
UPLOAD = 10_000
"""Notifications of an upload; every fifth of so many is one."""
BUSY_TARGET = "alerts@example.com"
"""Has about a hundredth of the first project's mails."""
LETTERS = 10_000
"""Dead letters: of the last that failed, as many as are kept."""

# The n-th notification. Hashes stand for chance, so that tables that are filled apart agree.
_DRAWN = """
    (SELECT *, lpad(to_hex(ms), 12, '0') || '7' AS head, to_timestamp(ms / 1000.0) AS at,
            CASE WHEN upload THEN 'bulk' WHEN other & 31 = 0 THEN 'critical' ELSE 'normal' END AS lane,
            CASE WHEN upload OR chance & 3 <> 0 THEN 'email' ELSE 'sms' END AS channel,
            CASE WHEN other >> 8 & 16383 = 0 THEN 'unknown'
                 WHEN die < 800 THEN 'delivered' WHEN die < 950 THEN 'sent' WHEN die < 970 THEN 'undelivered'
                 WHEN die < 990 THEN 'failed' WHEN die < 1000 THEN 'expired' WHEN die < 1010 THEN 'suppressed'
                 ELSE 'cancelled' END AS state
     FROM (SELECT *, hashint8extended(n, 2) AS other, chance >> 20 & 1023 AS die,
                  %(from_ms)s + (CASE WHEN upload THEN part * %(size)s ELSE n END - %(first)s)
                      * %(milliseconds)s / %(count)s AS ms,
                  CASE WHEN upload OR part %% 10 IN (1, 2, 4, 6, 8) THEN %(project)s
                       WHEN part %% 10 IN (3, 7) THEN %(second)s ELSE %(third)s END AS project_id
           FROM (SELECT n, n / %(size)s AS part, n / %(size)s %% 5 = 0 AS upload, hashint8extended(n, 1) AS chance
                 FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(count)s - 1) n) counted
           OFFSET 0) drawn
     OFFSET 0) r
"""


# A UUIDv7 of the row's millisecond, after that of the row before, as `derived_id` makes them. Its delivery has it too.
_LOW = "(n & 255) << 54 | chance & (1::bigint << 54) - 1 | -9223372036854775808"
_OWN = f"(head || lpad(to_hex(n >> 8 & 4095), 3, '0') || to_hex({_LOW}))::uuid"
_BATCH = "CASE WHEN upload THEN (head || '0008' || lpad(to_hex(part), 15, '0'))::uuid END"
_TARGET = f"""
    CASE WHEN channel = 'sms' THEN '+447' || 400000000 + abs(other %% %(people)s)
         WHEN project_id = %(project)s AND chance >> 33 & 127 = 0 THEN '{BUSY_TARGET}'
         ELSE 'guest.' || abs(other %% %(people)s) || '@example.com' END
"""
_CALLED = "state IN ('sent', 'delivered', 'undelivered', 'failed', 'unknown')"
_REPORT = "CASE WHEN state IN ('delivered', 'undelivered') THEN state END"
_PROVIDER = "CASE channel WHEN 'sms' THEN 'twilio' ELSE 'smtp' END"
_REASON = """
    CASE state WHEN 'undelivered' THEN 'No such user here.' WHEN 'failed' THEN 'The address is not valid.'
               WHEN 'unknown' THEN 'Nobody knows whether it was sent.' END
"""
_NOTIFICATIONS = {
    "id": _OWN,
    "project_id": "project_id",
    "batch_id": _BATCH,
    "row_number": "CASE WHEN upload THEN n %% %(size)s + 1 END",
    "channel": "channel",
    "lane": "lane",
    "kind": "CASE WHEN upload THEN 'promotion' ELSE 'transactional' END",
    "template_id": f"""CASE WHEN upload THEN NULL WHEN chance >> 40 & 1023 = 0 THEN %(template)s + {VERSIONS - 1}
                       ELSE %(template)s + (chance >> 40 & 1023) %% {VERSIONS - 1} END""",
    "recipient": f"jsonb_build_object(CASE channel WHEN 'sms' THEN 'phone' ELSE 'email' END, {_TARGET})",
    "data": """'{"first_name": "Ada", "guests": 2, "reference": "T-1"}'::jsonb""",
    "on_unknown": "'resend'",
    "accepted_at": "at",
}
_DELIVERIES = {
    "id": _OWN,
    "notification_id": _OWN,
    "stream_id": "coalesce(s.id, 1000000000 + part)",
    "project_id": "r.project_id",
    "queue": "channel || '.' || lane",
    "state": "state",
    "started_at": f"CASE WHEN {_CALLED} THEN at + interval '1 s' END",
    "settled_at": "at + interval '2 s'",
    "fence": f"({_CALLED})::int",
    "attempts": f"({_CALLED})::int",
    "hold": "state = 'unknown'",
    "secret": "false",
    "target": _TARGET.replace("project_id", "r.project_id"),
    "provider": f"CASE WHEN {_CALLED} THEN {_PROVIDER} END",
    "reason": _REASON,
    "doubt": "state = 'unknown'",
    "held_at": "CASE WHEN state = 'unknown' THEN at + interval '2 s' END",
}
_ATTEMPTS = {
    "delivery_id": _OWN,
    "fence": "1",
    "provider": _PROVIDER,
    "started_at": "at + interval '1 s'",
    "finished_at": "at + interval '2 s'",
    "outcome": "CASE state WHEN 'failed' THEN 'rejected' WHEN 'unknown' THEN 'unknown' ELSE 'sent' END",
    "code": "CASE state WHEN 'failed' THEN '550' END",
    "detail": _REASON,
    "reference": "CASE WHEN state NOT IN ('failed', 'unknown') THEN 'm-' || to_hex(chance) END",
    "receipt": _REPORT,
    "receipt_at": f"CASE WHEN {_REPORT} IS NOT NULL THEN at + interval '5 s' END",
}
_STREAMS = "LEFT JOIN streams s ON s.queue = channel || '.' || lane AND s.project_id = r.project_id"
_TABLES = {
    "notifications": (_NOTIFICATIONS, ""),
    "deliveries": (_DELIVERIES, f"{_STREAMS} AND s.batch_id IS NULL"),
    "attempts": (_ATTEMPTS, f"WHERE {_CALLED}"),
}
_BESIDE = {
    "tally": (
        {
            "project_id": "project_id",
            "queue": "channel || '.' || lane",
            "minute": "ms / 60000",
            "deliveries": "count(*)",
        },
        "GROUP BY 1, 2, 3",
    ),
    "batches": (
        {"id": _BATCH, "project_id": "project_id", "request": "'{}'::jsonb", "created_at": "at", "closed_at": "at"},
        "WHERE upload AND n %% %(size)s = 0",
    ),
    "receipts": (
        {
            "provider": _PROVIDER,
            "event_id": "n::text",
            "body": """jsonb_build_object('event', state, 'id', to_hex(chance), 'smtp', '250 2.0.0 OK')""",
            "received_at": "at + interval '5 s'",
            "due_at": "NULL::timestamptz",
            "outcome": "'applied'",
            "kind": "state",
            "delivery_id": _OWN,
            "project_id": "project_id",
            "channel": "channel",
            "target": _TARGET,
            "occurred_at": "at + interval '5 s'",
        },
        f"WHERE {_REPORT} IS NOT NULL AND n %% 10 = 7",
    ),
    "suppressions": (
        {
            "project_id": "project_id",
            "channel": "channel",
            "target": _TARGET,
            "scope": "'everything'",
            "reason": "'bounce'",
            "source": _PROVIDER,
            "delivery_id": _OWN,
            "created_at": "at + interval '5 s'",
        },
        f"WHERE state = 'undelivered' AND {_TARGET} <> '{BUSY_TARGET}' ON CONFLICT DO NOTHING",
    ),
}
_LETTERS = """
    INSERT INTO dead_letters (id, kind, project_id, queue, name, why, code, detail, died_at)
    SELECT id, 'delivery', project_id, queue, provider, 'refused', '550', reason, settled_at
    FROM deliveries WHERE state = 'failed' ORDER BY id DESC LIMIT %(letters)s
"""

_ROWS = """
    (SELECT n, hashint8extended(n, 3) AS chance, hashint8extended(n, 4) AS other, '+447' || 400000000 + n AS phone,
            left(replace(CAST(%(batch)s AS text), '-', ''), 12) || '7' AS head
     FROM generate_series(0::bigint, %(rows)s - 1) n) r
"""
_WAITING = (
    f"""
    INSERT INTO notifications (id, project_id, batch_id, row_number, channel, lane, kind, recipient, content,
                               on_unknown)
    SELECT {_OWN}, %(project)s, %(batch)s, n + 1, 'sms', %(lane)s, 'promotion', jsonb_build_object('phone', phone),
           '{{"body": "Your table is booked."}}', 'resend'
    FROM {_ROWS}
    """,
    f"""
    INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, due_at, hold, secret, target)
    SELECT {_OWN}, {_OWN}, s.id, %(project)s, %(queue)s, 'queued',
           now() - interval '1 s' + n / {UPLOAD} * interval '1 ms', false, false, phone
    FROM {_ROWS}, streams s WHERE s.batch_id = %(batch)s
    """,
)


@dataclass(frozen=True)
class _Month:
    """A month's share: the `count` notifications from the `first` on, accepted from `start` until `end`."""

    start: datetime
    end: datetime
    first: int
    count: int


def fill(database_url: str, rows: int, *, months: int = 3, project: str = "bench") -> None:
    """Fill an empty ledger with `rows` notifications that have ended, the last ten minutes ago.

    Parameters:
        months: this one and those before it, among which they are spread evenly.
        project: has eight of ten of them; two more projects have the rest.
    """
    with _connected(database_url) as connection:
        if connection.execute("SELECT EXISTS (SELECT FROM deliveries)").fetchone() != (False,):
            raise ValueError("Only an empty ledger is given a past.")
        given = _given(database_url, rows, project)
        _make_streams(connection, given)
        shares = _shares(rows, months, given["size"])
        with ThreadPoolExecutor(max_workers=4) as pool:
            jobs = [pool.submit(_fill_partition, database_url, table, share, given)
                    for share in shares for table in PARTITIONED]  # fmt: skip
            jobs += [pool.submit(_fill_beside, database_url, table, shares, given) for table in _BESIDE]
            for job in jobs:
                job.result()
        connection.execute(_LETTERS, {"letters": min(LETTERS, rows // 100)})
        connection.execute("ANALYZE dead_letters, streams, batches, template_versions")


def wait(database_url: str, rows: int, *, project: str = "bench", lane: str = "bulk") -> UUID:
    """Have an upload of `rows` SMS wait to be sent, all due now, to +447400000000 and the numbers after it; its id.

    Like the rows of a real one they are due at one moment by the ten thousand.
    """
    batch, queue = new_id(), f"sms.{lane}"
    database = Database(database_url, pool_size=1)
    project_id = Keys(database).project(project)
    database.close()
    given = {
        "batch": batch,
        "project": project_id,
        "rows": rows,
        "queue": queue,
        "lane": lane,
        "minute": minute_of(batch),
    }
    with _connected(database_url) as connection, connection.transaction():
        connection.execute(
            "INSERT INTO batches (id, project_id, request, closed_at) VALUES (%(batch)s, %(project)s, '{}', now())",
            given,
        )
        connection.execute("INSERT INTO tally VALUES (%(project)s, %(queue)s, %(minute)s, %(rows)s)", given)
        connection.execute(
            "INSERT INTO streams (queue, project_id, batch_id) VALUES (%(queue)s, %(project)s, %(batch)s)", given
        )
        for statement in _WAITING:
            connection.execute(statement, given)
    with _connected(database_url) as connection:
        this_month = ", ".join(name_of(table, month(datetime.now(UTC), 0)) for table in PARTITIONED)
        connection.execute(f"ANALYZE {this_month}, streams, batches")
    return batch


def _given(database_url: str, rows: int, project: str) -> dict[str, int]:
    """What all the statements are told."""
    database = Database(database_url, pool_size=1)
    try:
        ids = [Keys(database).project(name) for name in (project, "history-2", "history-3")]
        store = TemplateStore(database)
        versions = [store.add(None, TEMPLATE, f"{number}", {}).id for number in range(VERSIONS)]
    finally:
        database.close()
    size = max(min(UPLOAD, rows // 100), 1)
    people = max(rows // 5, 1)
    return {
        "project": ids[0],
        "second": ids[1],
        "third": ids[2],
        "template": versions[0],
        "size": size,
        "people": people,
    }


def _make_streams(connection: psycopg.Connection, given: Mapping[str, int]) -> None:
    connection.execute(
        """
        INSERT INTO streams (queue, project_id)
        SELECT channel || '.' || lane, project_id
        FROM unnest(ARRAY['email', 'sms']) channel, unnest(ARRAY['critical', 'normal']) lane,
             unnest(ARRAY[%(project)s, %(second)s, %(third)s]) project_id
        ON CONFLICT DO NOTHING
        """,
        given,
    )


def _shares(rows: int, months: int, size: int) -> list[_Month]:
    """Of each month as much as its time allows, in whole uploads."""
    now = datetime.now(UTC) - timedelta(minutes=10)
    spans = [(month(now, step), min(month(now, step + 1), now)) for step in range(1 - months, 1)]
    total = sum((end - start for start, end in spans), timedelta())
    shares: list[_Month] = []
    first = 0
    for start, end in spans:
        last = rows if end == now else first + int(rows * ((end - start) / total)) // size * size
        shares.append(_Month(start, end, first, last - first))
        first = last
    return shares


def _fill_partition(database_url: str, table: str, share: _Month, given: Mapping[str, int]) -> None:
    """Fill a month of one table, and index it afterwards."""
    name = name_of(table, share.start)
    with _connected(database_url) as connection:
        with connection.transaction():
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(creation(table, share.start))
            _insert(connection, name, _TABLES[table], share, given)
        connection.execute(attachment(table, share.start))
        connection.execute(f"VACUUM (ANALYZE) {name}")


def _fill_beside(database_url: str, table: str, shares: list[_Month], given: Mapping[str, int]) -> None:
    with _connected(database_url) as connection:
        for share in shares:
            _insert(connection, table, _BESIDE[table], share, given)
        connection.execute(f"VACUUM (ANALYZE) {table}")


def _insert(
    connection: psycopg.Connection, table: str, made: tuple[Mapping[str, str], str], share: _Month,
    given: Mapping[str, int],
) -> None:  # fmt: skip
    if share.count == 0:
        return
    columns, rest = made
    statement = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {_DRAWN} {rest}"
    span = {
        "from_ms": int(share.start.timestamp() * 1000),
        "milliseconds": (share.end - share.start) // timedelta(milliseconds=1),
        "first": share.first,
        "count": share.count,
    }
    connection.execute(statement, {**given, **span})


@contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection]:
    options = "-c synchronous_commit=off -c work_mem=128MB -c maintenance_work_mem=512MB"
    # Written into the statement: a generate_series of which the planner knows the length is planned for it.
    with psycopg.connect(database_url, options=options, autocommit=True, cursor_factory=psycopg.ClientCursor) as made:
        yield made
