"""Events: what happened and some endpoint wants to know. Each becomes a webhook to every endpoint it matches.

They are written in the transaction of what they tell of (`shared/ledger/endings.py`). Here they are taken, accepted as
webhooks and removed in one transaction, so that each becomes webhooks exactly once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.ledger import inserts
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.database import Database, driver_rows
from shared.ledger.endings import TOLD
from shared.ledger.failing import DISABLED
from shared.ledger.ids import new_id

EVENTS = (
    *(f"notification.{state}" for state in TOLD), "recipient.unsubscribed", "recipient.complained", DISABLED,
)  # fmt: skip
"""What there is to be told of."""
PATTERNS = ("*", *sorted({f"{event.partition('.')[0]}.*" for event in EVENTS}))
"""What stands for several of them."""
QUEUE = "webhook.normal"
BATCH, CHUNK = 200, 1000
"""Events taken at once, and webhooks accepted by one statement."""

_TAKE = text("""
    WITH taken AS MATERIALIZED (SELECT id FROM events ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM events e USING taken WHERE e.id = taken.id RETURNING e.*)
    SELECT g.id, g.project_id, g.type, g.at, g.notification_id, g.delivery_id, g.detail, n.channel, n.kind, n.metadata,
           n.batch_id, n.chain_id, d.target, v.name || '@' || v.version AS template
    FROM gone g
    LEFT JOIN notifications n ON n.id = g.notification_id
    LEFT JOIN deliveries d ON d.id = g.delivery_id
    LEFT JOIN template_versions v ON v.id = n.template_id
    ORDER BY g.id
""")
_WANTING = text("""
    SELECT id, project_id, events FROM endpoints
    WHERE project_id = ANY(:project_ids) AND disabled_at IS NULL AND events <> '{}'
""")


def matches(patterns: Iterable[str], event: str) -> bool:
    """Whether any of `patterns` (`*`, `notification.*`, or an event's name) means `event`."""
    return any(fnmatchcase(event, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Events:
    """The events of an installation."""

    database: Database
    _acceptance: Acceptance = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_acceptance", Acceptance(self.database))

    def fan_out(self, most: int = BATCH) -> int:
        """Make webhooks of the oldest events, all of it in one transaction; how many events there were.

        Any number of processes may do so at once.
        """
        with self.database.transaction() as connection:
            events = connection.execute(_TAKE, {"most": most}).all()
            if events:
                self._accept(connection, events)
        return len(events)

    def _accept(self, connection: Connection, events: Sequence[Row[Any]]) -> None:
        wanting = connection.execute(_WANTING, {"project_ids": sorted({event.project_id for event in events})}).all()
        endpoints: dict[int, list[Row[Any]]] = {}
        for endpoint in wanting:
            endpoints.setdefault(endpoint.project_id, []).append(endpoint)
        asked = [
            (event.project_id, _webhook(str(endpoint.id), event))
            for event in events
            for endpoint in endpoints.get(event.project_id, ())
            if matches(endpoint.events, event.type)
        ]
        for start in range(0, len(asked), CHUNK):
            some = asked[start : start + CHUNK]
            driver_rows(connection, inserts.ACCEPT, inserts.of_many(some, None, self._acceptance.stream))


def _webhook(endpoint: str, event: Row[Any]) -> Draft:
    at: datetime = event.at
    return Draft(
        id=new_id(),
        channel="webhook",
        lane="normal",
        kind="transactional",
        recipient={"endpoint": endpoint},
        targets=[endpoint],
        on_unknown="resend",
        content={"type": event.type, "data": _data(event), "timestamp": at.isoformat()},
    )


def _data(event: Row[Any]) -> Mapping[str, Any]:
    """What a receiver is told: of a notification its ids, where it went and what came of it, never what it said."""
    of_notification: dict[str, Any] = {
        "id": event.notification_id,
        "delivery_id": event.delivery_id,
        "state": event.type.partition(".")[2] if event.type.startswith("notification.") else None,
        "channel": event.channel,
        "kind": event.kind,
        "target": event.target,
        "template": event.template,
        "batch_id": event.batch_id,
        "chain_id": event.chain_id,
        "metadata": event.metadata,
    }
    detail: Mapping[str, Any] = event.detail
    return {name: value for name, value in of_notification.items() if value is not None} | dict(detail)
