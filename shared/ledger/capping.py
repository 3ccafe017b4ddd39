"""The start of what a cap concerns: counted, judged and started in one transaction, a person at a time.

Whoever starts something for a person locks that person first, so that no two workers use the same room. Only what has
passed the gate is counted, and what ends unsent (refused, expired, cancelled) counts no more. A delivery that is tried
again takes the place of its earlier try.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.cap_room import Asking, Contact, Over, Room
from shared.ledger.caps import NEVER_KINDS, NEVER_LANES, Cap, Caps
from shared.ledger.claimed import Claimed, Starting
from shared.ledger.database import Database
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.gate import pass_through
from shared.ledger.person import NOBODY, key_of, person_of
from shared.ledger.sms_usage import uncounted
from shared.ledger.states import State
from shared.telemetry.metrics import CAPPED

FORGET_UNSENT = """
    DELETE FROM contacts c USING {deliveries} d
    WHERE d.id = c.delivery_id AND (CAST(:ids AS uuid[]) IS NULL OR d.id = ANY(:ids))
      AND d.state IN ('failed', 'cancelled', 'expired', 'suppressed')
"""
"""Before deliveries are removed: whoever counts contacts afterwards cannot see any more that these never were sent.

`deliveries` is the partition; with no ids, all of it."""
_UNSENT = [str(state) for state in (State.FAILED, State.CANCELLED, State.EXPIRED, State.SUPPRESSED)]
# Buckets, as PostgreSQL has room for some thousands of locks only. By itself, before anything is read: a statement
# sees what was committed when it began, not what it waited for.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtext('crier.caps'), bucket)
    FROM (SELECT DISTINCT abs(hashtext(person) % 512) AS bucket
          FROM unnest(CAST(:persons AS text[])) AS person ORDER BY 1) AS each
""")
# The state is looked up row by row: no plan may read all deliveries for a few contacts.
_COUNTED = text("""
    SELECT w.project_id, w.cap, w.person, c.notification_id,
           extract(epoch FROM statement_timestamp() - c.at)::float AS age
    FROM unnest(CAST(:projects AS int[]), CAST(:caps AS text[]), CAST(:persons AS uuid[]), CAST(:seconds AS int[]),
                CAST(:most AS int[]), CAST(:kinds AS text[]), CAST(:categories AS text[]), CAST(:channels AS text[]))
      AS w (project_id, cap, person, seconds, most, kind, category, channels)
    CROSS JOIN LATERAL (
        SELECT c.notification_id, max(c.at) AS at FROM contacts c
        WHERE c.project_id = w.project_id AND c.person = w.person
          AND c.at > statement_timestamp() - make_interval(secs => w.seconds)
          AND (w.kind IS NULL OR c.kind = w.kind) AND (w.category IS NULL OR c.category = w.category)
          AND (w.channels = '' OR c.channel = ANY(string_to_array(w.channels, ',')))
          AND coalesce((SELECT d.state FROM deliveries d WHERE d.id = c.delivery_id), '') <> ALL(:unsent)
        GROUP BY c.notification_id ORDER BY 2 DESC LIMIT w.most + 1) c
    ORDER BY age
""")
_COUNT = text("""
    INSERT INTO contacts (delivery_id, notification_id, project_id, person, kind, category, channel, at)
    SELECT *, statement_timestamp() FROM unnest(
        CAST(:ids AS uuid[]), CAST(:notifications AS uuid[]), CAST(:projects AS int[]), CAST(:persons AS uuid[]),
        CAST(:kinds AS text[]), CAST(:categories AS text[]), CAST(:channels AS text[]))
    ON CONFLICT (delivery_id) DO UPDATE SET at = excluded.at
""")
_OVER = text(f"""
    WITH over AS MATERIALIZED (
        SELECT *, statement_timestamp() + make_interval(secs => delay) AS until FROM unnest(
            CAST(:ids AS uuid[]), CAST(:fences AS int[]), CAST(:delays AS float[]), CAST(:reasons AS text[]),
            CAST(:cleared AS bool[])) AS w (id, fence, delay, reason, cleared)),
    decided AS (
        UPDATE deliveries d
        SET state = CASE WHEN d.doubt AND NOT w.cleared THEN 'unknown' WHEN w.delay IS NOT NULL THEN 'scheduled'
                         WHEN d.expires_at <= statement_timestamp() THEN 'expired' ELSE 'suppressed' END,
            due_at = w.until, put_off_until = coalesce(w.until, d.put_off_until), lease_until = NULL,
            settled_at = CASE WHEN w.delay IS NULL THEN statement_timestamp() ELSE d.settled_at END,
            held_at = CASE WHEN w.delay IS NULL AND d.doubt AND NOT w.cleared THEN statement_timestamp() END,
            doubt = d.doubt AND NOT w.cleared,
            reason = CASE
                WHEN w.delay IS NOT NULL THEN w.reason || ' It waits until '
                     || to_char(w.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC.'
                WHEN d.doubt AND NOT w.cleared
                THEN 'Nobody knows whether it was sent, and it must not be sent any more. ' || w.reason
                WHEN d.expires_at <= statement_timestamp() THEN 'It expired before it could be sent.'
                ELSE w.reason END
        FROM over w
        WHERE d.id = w.id AND d.fence = w.fence AND d.state = 'claimed' AND d.lease_until > statement_timestamp()
        RETURNING {returned("d")}, d.due_at),
    {uncounted("decided")},
    deferred AS (
        INSERT INTO actions (notification_id, what, who, detail)
        SELECT notification_id, 'deferred', 'crier', reason FROM decided WHERE due_at IS NOT NULL),
    {recorded("decided")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM decided
""")


@dataclass(frozen=True)
class Capping:
    """The caps of projects, as workers keep to them."""

    database: Database

    @cached_property
    def _caps(self) -> Caps:
        return Caps(self.database)

    def concerned(self, starting: Sequence[Starting]) -> list[tuple[Starting, Asking]]:
        """Those of `starting` that a cap concerns.

        Raises:
            LedgerUnavailable: the caps cannot be read.
        """
        caps = self._caps.remembered({each.item.project_id for each in starting})
        if not any(caps.values()):
            return []
        return [
            (each, _asking(each.item, concerning))
            for each in starting
            if (concerning := _concerning(each.item, caps[each.item.project_id]))
        ]

    def start(self, concerned: Sequence[tuple[Starting, Asking]]) -> frozenset[UUID]:
        """Start those for which there is room; what is over a cap is dropped, or waits. The ids that were started.

        Raises:
            LedgerUnavailable: nothing was started, or nobody knows.
        """
        starting = {asking.delivery_id: each for each, asking in concerned}
        left = [asking for _, asking in concerned]
        started: dict[UUID, Asking] = {}
        with self.database.transaction() as connection:
            connection.execute(_LOCK, {"persons": [str(one.person) for one in left]})
            room = _counted(connection, left)
            while left:
                passed, over = room.judge(left)
                rows = pass_through(connection, [starting[one.delivery_id] for one in passed]) if passed else []
                went = {row.id for row in rows if row.state == State.STARTED}
                for one in passed:
                    if one.delivery_id in went:
                        room.count(one)
                        started[one.delivery_id] = one
                finish(connection, [row for row in rows if row.id not in went])
                left = [verdict.asking for verdict in over]
                if len(went) == len(passed):
                    break
                # Who was stopped at the gate leaves his room to those who had none.
            if left:
                _keep_back(connection, starting, over)
            if started:
                _count(connection, [(starting[one.delivery_id].item, one) for one in started.values()])
        return frozenset(started)


def _concerning(item: Claimed, caps: Sequence[Cap]) -> list[Cap]:
    if item.kind in NEVER_KINDS or item.lane in NEVER_LANES or item.channel in NOBODY:
        return []
    return [cap for cap in caps if cap.concerns(item.kind, item.category, item.channel)]


def _asking(item: Claimed, caps: Sequence[Cap]) -> Asking:
    person = key_of(item.project_id, person_of(item.recipient, [item.target]))
    return Asking(item.id, item.notification_id, item.project_id, person, caps)


def _counted(connection: Connection, asking: Sequence[Asking]) -> Room:
    places = {(one.project_id, cap.name, one.person): cap for one in asking for cap in one.caps}
    asked = {
        "projects": [project_id for project_id, _, _ in places],
        "caps": [name for _, name, _ in places],
        "persons": [person for _, _, person in places],
        "seconds": [cap.seconds for cap in places.values()],
        "most": [cap.most for cap in places.values()],
        "kinds": [cap.kind for cap in places.values()],
        "categories": [cap.category for cap in places.values()],
        "channels": [",".join(cap.channels) for cap in places.values()],
        "unsent": _UNSENT,
    }
    room = Room()
    for row in connection.execute(_COUNTED, asked):
        place = (row.project_id, row.cap, row.person)
        room.contacts.setdefault(place, []).append(Contact(row.age, row.notification_id))
    return room


def _count(connection: Connection, started: Sequence[tuple[Claimed, Asking]]) -> None:
    asked = {
        "ids": [one.delivery_id for _, one in started],
        "notifications": [one.notification_id for _, one in started],
        "projects": [one.project_id for _, one in started],
        "persons": [one.person for _, one in started],
        "kinds": [item.kind for item, _ in started],
        "categories": [item.category for item, _ in started],
        "channels": [item.channel for item, _ in started],
    }
    connection.execute(_COUNT, asked)


def _keep_back(connection: Connection, starting: dict[UUID, Starting], over: Sequence[Over]) -> None:
    asked = {
        "ids": [one.asking.delivery_id for one in over],
        "fences": [starting[one.asking.delivery_id].item.fence for one in over],
        "delays": [one.wait for one in over],
        "reasons": [one.cap.reason for one in over],
        "cleared": [starting[one.asking.delivery_id].cleared for one in over],
    }
    finish(connection, connection.execute(_OVER, asked).all())
    for one in over:
        item = starting[one.asking.delivery_id].item
        CAPPED.labels(f"{item.channel}.{item.lane}", one.cap.over).inc()
