"""Receipts: what providers report is stored as it came, once, and processed later.

Processing moves deliveries (`shared/ledger/reported.py` has the rules) and suppresses targets. What cannot be processed
now is postponed, so that none holds up another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.errors import LedgerUnavailable
from shared.ledger.database import Database
from shared.ledger.effects import Asked, Effect, Effects, tidy
from shared.receipts.port import Event, Kind, Source

_STORE = text("""
    INSERT INTO receipts (provider, event_id, body)
    SELECT :provider, e.event_id, CAST(e.body AS jsonb)
    FROM unnest(CAST(:ids AS text[]), CAST(:bodies AS text[])) AS e (event_id, body)
    ON CONFLICT (provider, event_id) DO NOTHING
""")
# Should a crash undo it, the receipt is due again, and everything that followed from it undone with it.
_LIGHTLY = text("SET LOCAL synchronous_commit = off")
_NEXT = text("""
    SELECT id, provider, body, received_at, tries, now() AS now, now() - received_at > interval '1 hour' AS old,
           now() - received_at > interval '3 days' AS hopeless
    FROM receipts WHERE due_at <= now() AND provider = ANY(:providers)
    ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED
""")
_POSTPONE = text("""
    UPDATE receipts r SET due_at = now() + make_interval(secs => w.seconds), tries = least(r.tries + w.counts, 1000)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:seconds AS float[]), CAST(:counts AS int[])) AS w (id, seconds, counts)
    WHERE r.id = w.id
""")
_CLOSE = text("""
    UPDATE receipts r
    SET due_at = NULL, outcome = w.outcome, kind = w.kind, delivery_id = w.delivery_id, project_id = w.project_id,
        channel = w.channel, target = lower(w.target), occurred_at = w.at, code = w.code, detail = w.detail
    FROM unnest(CAST(:ids AS bigint[]), CAST(:outcomes AS text[]), CAST(:kinds AS text[]), CAST(:deliveries AS uuid[]),
                CAST(:projects AS int[]), CAST(:channels AS text[]), CAST(:targets AS text[]),
                CAST(:ats AS timestamptz[]), CAST(:codes AS text[]), CAST(:details AS text[]))
      AS w (id, outcome, kind, delivery_id, project_id, channel, target, at, code, detail)
    WHERE r.id = w.id
""")
_WAITING = text("""
    SELECT provider, count(*)::int AS receipts, max(extract(epoch FROM now() - due_at))::float AS age
    FROM (SELECT provider, due_at FROM receipts WHERE due_at <= now() LIMIT 10000) due GROUP BY provider
""")
BATCH = 200
"""Receipts looked at in one transaction."""

MOST_SECONDS = 900.0
"""The longest pause before a receipt is looked at again."""

_ID_LENGTH = 200
_PLAIN = (Kind.ACCEPTED, Kind.DELAYED, Kind.DELIVERED, Kind.UNDELIVERED, Kind.OPENED, Kind.CLICKED)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Processed:
    """What came of looking at a receipt.

    Parameters:
        outcome: `applied`; `unmatched`: no delivery of ours; `ignored`: it means nothing to us; `postponed`; `failed`:
            given up, because of a mistake of ours that the log names.
        queues: to ring.
    """

    provider: str
    kind: str
    outcome: str
    queues: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A receipt and the delivery it is about. asked: None where it means nothing to us."""

    row: Row[Any]
    asked: Asked | None
    delivery_id: UUID | None

    @property
    def does_more(self) -> bool:
        """It may do more than report what became of a call."""
        if self.asked is None:
            return False
        receipt = self.asked.receipt
        is_about_a_call = receipt.delivery_id is not None or receipt.reference is not None
        is_plain = receipt.kind in _PLAIN and receipt.suppress is None and receipt.retry_after is None
        return not (is_about_a_call and is_plain)


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of a receipt. `done` is what it did."""

    row: Row[Any]
    asked: Asked | None
    outcome: str
    done: Effect = field(default_factory=Effect)

    @property
    def processed(self) -> Processed:
        """To tell the caller."""
        kind = self.asked.receipt.kind if self.asked else ""
        return Processed(self.row.provider, kind, self.outcome, self.done.queues)


@dataclass(frozen=True)
class Receipts:
    """The ledger's side of what providers report.

    Parameters:
        retries: further attempts a delivery may have after its first.
    """

    database: Database
    retries: int = field(default=3)

    def store(self, provider: str, events: Sequence[Event]) -> int:
        """Keep events, durably; how many of them are new."""
        if not events:
            return 0
        parameters = {
            "provider": provider,
            "ids": [_id(event.event_id) for event in events],
            "bodies": [orjson.dumps(_storable(event.body)).decode() for event in events],
        }
        return self.database.execute(_STORE, parameters)

    def process(self, sources: Mapping[str, Source], most: int = BATCH) -> Sequence[Processed]:
        """Look at the receipts of these providers that have been due longest; what came of each.

        Any number of processes may do so at once.
        """
        try:
            with self.database.transaction() as connection:
                connection.execute(_LIGHTLY)
                effects = Effects(connection, self.retries)
                many = [_read(row, sources[row.provider]) for row in self._due(connection, sources, most)]
                return [done for some in _apart(many, effects) for done in self._let(some, effects)]
        except LedgerUnavailable:
            raise
        except Exception:
            log.exception("receipts could not be processed together; each is tried by itself")
        return [done for done in (self._alone(sources) for _ in range(most)) if done]

    def _alone(self, sources: Mapping[str, Source]) -> Processed | None:
        """The same for one."""
        with self.database.transaction() as connection:
            for row in self._due(connection, sources, 1):
                try:
                    with connection.begin_nested():
                        effects = Effects(connection, self.retries)
                        [some] = _apart([_read(row, sources[row.provider])], effects)
                        return self._let(some, effects)[0]
                except (OperationalError, InterfaceError):
                    raise
                except Exception:
                    # It may be processed by the next version: what came is kept.
                    log.exception("a receipt could not be processed", receipt=row.id, provider=row.provider)
                    if row.hopeless:
                        return _close(connection, [_Fate(row, None, "failed")])[0]
                    return _postpone(connection, [_Fate(row, None, "postponed")])[0]
        return None

    def _due(self, connection: Connection, sources: Mapping[str, Source], most: int) -> Sequence[Row[Any]]:
        return connection.execute(_NEXT, {"providers": list(sources), "most": most}).all()

    def waiting(self) -> Mapping[str, tuple[int, float]]:
        """By provider how many receipts are due (10,000 are counted), and for how many seconds the first has been."""
        return {row.provider: (row.receipts, row.age) for row in self.database.rows(_WAITING)}

    def _let(self, found: Sequence[_Found], effects: Effects) -> Sequence[Processed]:
        """Let receipts take effect that are about different deliveries; what came of each."""
        named = [(one.row, one.asked, one.delivery_id) for one in found if one.asked]
        done = effects.apply([(asked, delivery_id) for _, asked, delivery_id in named])
        fates = [_Fate(one.row, None, "ignored") for one in found if one.asked is None]
        fates += [
            _Fate(row, asked, _outcome(row, each), each) for (row, asked, _), each in zip(named, done, strict=True)
        ]
        closed = _close(effects.connection, [fate for fate in fates if fate.outcome != "postponed"])
        postponed = _postpone(effects.connection, [fate for fate in fates if fate.outcome == "postponed"])
        for fate in fates:
            if fate.asked and fate.asked.receipt.kind is Kind.BOUNCED_FOR_NOW and fate.outcome != "postponed":
                effects.count_bounces(fate.asked, fate.done)
        return [*closed, *postponed]


def _read(row: Row[Any], source: Source) -> tuple[Row[Any], Asked | None]:
    receipt = source.read(row.body)
    at = receipt and min(receipt.occurred_at or row.received_at, row.received_at)
    return row, Asked(receipt, source, at) if receipt and at else None


def _apart(many: Sequence[tuple[Row[Any], Asked | None]], effects: Effects) -> Iterator[Sequence[_Found]]:
    """Receipts in groups that may take effect together: no two of a group are about one delivery.

    What does more than to report on a call comes after the others, by itself, in the order in which it came: a wish not
    to be written to and one that takes it back must not pass each other.
    """
    ids = iter(effects.find([asked for _, asked in many if asked]))
    found = [_Found(row, asked, next(ids) if asked else None) for row, asked in many]
    waiting = [one for one in found if not one.does_more]
    while waiting:
        group: dict[object, _Found] = {}
        for one in waiting:
            group.setdefault(one.delivery_id or one.row.id, one)
        yield list(group.values())
        waiting = [one for one in waiting if group.get(one.delivery_id or one.row.id) is not one]
    yield from ([one] for one in found if one.does_more)


def _outcome(row: Row[Any], done: Effect) -> str:
    if done.busy or (done.unmatched and not row.old and not done.hopeless):
        return "postponed"
    return "unmatched" if done.unmatched else "applied"


def _postpone(connection: Connection, fates: Sequence[_Fate]) -> Sequence[Processed]:
    """Look at them again: after 1, 2, 4, … seconds, or where somebody is at the delivery after two, not counted."""
    if fates:
        parameters = {
            "ids": [fate.row.id for fate in fates],
            "seconds": [2.0 if fate.done.busy else min(2.0 ** min(fate.row.tries, 30), MOST_SECONDS) for fate in fates],
            "counts": [int(not fate.done.busy) for fate in fates],
        }
        connection.execute(_POSTPONE, parameters)
    return [fate.processed for fate in fates]


def _close(connection: Connection, fates: Sequence[_Fate]) -> Sequence[Processed]:
    if fates:
        receipts = [fate.asked and fate.asked.receipt for fate in fates]
        parameters = {
            "ids": [fate.row.id for fate in fates],
            "outcomes": [fate.outcome for fate in fates],
            "kinds": [receipt and str(receipt.kind) for receipt in receipts],
            "deliveries": [fate.done.delivery_id for fate in fates],
            "projects": [fate.done.project_id for fate in fates],
            "channels": [fate.done.channel for fate in fates],
            "targets": [fate.done.target for fate in fates],
            "ats": [fate.asked and fate.asked.at for fate in fates],
            "codes": [receipt and receipt.code for receipt in receipts],
            "details": [receipt and tidy(receipt.detail) for receipt in receipts],
        }
        connection.execute(_CLOSE, parameters)
    return [fate.processed for fate in fates]


def _id(event_id: str) -> str:
    cleaned = str(_storable(event_id))
    return cleaned if len(cleaned) <= _ID_LENGTH else sha256(cleaned.encode()).hexdigest()


def _storable(value: Any) -> Any:
    """`value` without what PostgreSQL cannot store: NUL, and half a surrogate pair."""
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case Mapping():
            return {str(_storable(str(name))): _storable(item) for name, item in value.items()}
        case list() | tuple():
            return [_storable(item) for item in value]
        case int() if not isinstance(value, bool) and value.bit_length() > 63:
            return str(value)
        case _:
            return value
