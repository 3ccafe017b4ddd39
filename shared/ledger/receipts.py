"""Receipts: what providers report is stored as it came, once, and processed later.

Processing moves deliveries (`shared/ledger/reported.py` has the rules) and suppresses targets. What cannot be processed
now is postponed, so that none holds up another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.errors import LedgerUnavailable
from shared.ledger.database import Database
from shared.ledger.effects import Effect, Effects, tidy
from shared.receipts.port import Event, Kind, Receipt, Source

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
    UPDATE receipts SET due_at = now() + make_interval(secs => :seconds), tries = least(tries + :counts, 1000)
    WHERE id = :id
""")
_CLOSE = text("""
    UPDATE receipts
    SET due_at = NULL, outcome = :outcome, kind = :kind, delivery_id = :delivery_id, project_id = :project_id,
        channel = :channel, target = lower(:target), occurred_at = :at, code = :code, detail = :detail
    WHERE id = :id
""")
_WAITING = text("""
    SELECT provider, count(*)::int AS receipts, max(extract(epoch FROM now() - due_at))::float AS age
    FROM (SELECT provider, due_at FROM receipts WHERE due_at <= now() LIMIT 10000) due GROUP BY provider
""")
BATCH = 50
"""Receipts looked at in one transaction."""

MOST_SECONDS = 900.0
"""The longest pause before a receipt is looked at again."""

_ID_LENGTH = 200
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
                rows = self._due(connection, sources, most)
                return [self._process(connection, row, sources[row.provider]) for row in rows]
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
                        return self._process(connection, row, sources[row.provider])
                except (OperationalError, InterfaceError):
                    raise
                except Exception:
                    # It may be processed by the next version: what came is kept.
                    log.exception("a receipt could not be processed", receipt=row.id, provider=row.provider)
                    return _close(connection, row, None, "failed") if row.hopeless else _postpone(connection, row)
        return None

    def _due(self, connection: Connection, sources: Mapping[str, Source], most: int) -> Sequence[Row[Any]]:
        return connection.execute(_NEXT, {"providers": list(sources), "most": most}).all()

    def waiting(self) -> Mapping[str, tuple[int, float]]:
        """By provider how many receipts are due (10,000 are counted), and for how many seconds the first has been."""
        return {row.provider: (row.receipts, row.age) for row in self.database.rows(_WAITING)}

    def _process(self, connection: Connection, row: Row[Any], source: Source) -> Processed:
        receipt = source.read(row.body)
        if receipt is None:
            return _close(connection, row, None, "ignored")
        at = min(receipt.occurred_at or row.received_at, row.received_at)
        effects = Effects(connection, source, at, self.retries)
        done = effects.apply(receipt)
        if done.busy:
            return _postpone(connection, row, receipt, seconds=2.0)
        if done.unmatched and not row.old and not done.hopeless:
            return _postpone(connection, row, receipt)
        closed = _close(connection, row, receipt, "unmatched" if done.unmatched else "applied", done=done, at=at)
        if receipt.kind is Kind.BOUNCED_FOR_NOW:
            effects.count_bounces(done)
        return closed


def _postpone(
    connection: Connection, row: Row[Any], receipt: Receipt | None = None, *, seconds: float | None = None
) -> Processed:
    """Look at it again: after 1, 2, 4, … seconds, or where the pause is known, after that, which is not counted."""
    pause = min(2.0 ** min(row.tries, 30), MOST_SECONDS) if seconds is None else seconds
    connection.execute(_POSTPONE, {"id": row.id, "seconds": pause, "counts": int(seconds is None)})
    return Processed(row.provider, receipt.kind if receipt else "", "postponed")


def _close(
    connection: Connection, row: Row[Any], receipt: Receipt | None, outcome: str, *,
    done: Effect | None = None, at: datetime | None = None,
) -> Processed:  # fmt: skip
    connection.execute(
        _CLOSE,
        {
            "id": row.id,
            "outcome": outcome,
            "kind": receipt and str(receipt.kind),
            "delivery_id": done and done.delivery_id,
            "project_id": done and done.project_id,
            "channel": done and done.channel,
            "target": done and done.target,
            "at": at,
            "code": receipt and receipt.code,
            "detail": receipt and tidy(receipt.detail),
        },
    )
    return Processed(row.provider, receipt.kind if receipt else "", outcome, done.queues if done else ())


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
