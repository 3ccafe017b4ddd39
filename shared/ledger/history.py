"""What happened to a notification, for people: what was asked for, every attempt, and what people did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.chain_actions import missing
from shared.ledger.chain_story import ChainStory, find
from shared.ledger.children import children_of
from shared.ledger.database import Database
from shared.ledger.states import FINAL, State, fold

COLUMNS = """
    n.id, n.batch_id, n.row_number, n.channel, n.lane, n.kind, n.recipient, n.metadata, n.send_at, n.expires_at,
    n.on_unknown, n.ordering_key, n.category, n.chain_id, n.accepted_at,
    (SELECT name || '@' || version FROM template_versions t WHERE t.id = n.template_id) AS template
"""
_ONE = text(f"""
    SELECT {COLUMNS}, n.data, n.content, n.digest FROM notifications n
    WHERE n.id = :id AND n.project_id = :project_id
""")
_DIGEST = text("SELECT count AS collected, closes_at, closed_at FROM digests WHERE notification_id = :id")
_DELIVERIES = text(f"""
    SELECT id, notification_id, state, target, provider, attempts, due_at, started_at, settled_at, held_at, reason
    FROM deliveries d WHERE {children_of(":id")} ORDER BY id
""")
_ATTEMPTS = text("""
    SELECT delivery_id, provider, started_at, finished_at, outcome, code, detail, reference
    FROM attempts WHERE delivery_id = ANY(:deliveries) ORDER BY finished_at
""")
_RECEIPTS = text("""
    SELECT delivery_id, provider, kind, received_at, code, detail FROM receipts
    WHERE delivery_id = ANY(:deliveries) AND kind IS NOT NULL ORDER BY received_at, id
""")
_ACTIONS = text("SELECT at, what, who, detail FROM actions WHERE notification_id = :id ORDER BY at")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One target of a notification, and where its delivery is.

    Parameters:
        attempts: calls that counted.
        next_at: when it is tried next; None while nothing is planned.
        held_at: since when it waits for a person, because nobody knows whether it was sent.
        reason: why it is where it is.
    """

    id: UUID
    state: State
    target: str
    provider: str | None
    attempts: int
    next_at: datetime | None
    started_at: datetime | None
    settled_at: datetime | None
    held_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of the timeline.

    Parameters:
        what: accepted, scheduled, deferred, attempt, receipt, cancelled, retried, … (what people do), or the final
            state of a delivery. Of a chain also step (one began) and chain (it ended).
        outcome: of an attempt: sent, delivered, rejected, unavailable, waiting, unknown, found. Of a receipt: its kind.
        who: the person or key that did it, for what people do.
    """

    at: datetime
    what: str
    delivery_id: UUID | None = None
    provider: str | None = None
    outcome: str | None = None
    code: str | None = None
    detail: str | None = None
    reference: str | None = None
    started_at: datetime | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class DigestState:
    """How many requests a digest has collected, until when it collects, and since when it does no more."""

    collected: int
    closes_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A notification as it was accepted, and its state: a fold over its deliveries'.

    Parameters:
        template: name and version, e.g. `welcome@3`.
        category: what it is about, of which people may choose.
        chain_id: the chain it is a step of.
    """

    id: UUID
    state: State
    channel: str
    lane: str
    kind: str
    template: str | None
    batch_id: UUID | None
    row_number: int | None
    recipient: Mapping[str, Any]
    metadata: Mapping[str, str] | None
    send_at: datetime | None
    expires_at: datetime | None
    on_unknown: str
    ordering_key: str | None
    category: str | None
    chain_id: UUID | None
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Notification(Summary):
    """A notification with everything that is known of it.

    Parameters:
        data: the variables that are not secret. Of a digest there are none: each request has its own.
        chain: where it is, where it is a chain; then the rest is its latest step's, with the deliveries and the
            timeline of all of them.
        digest: what it has collected, where it does.
    """

    data: Mapping[str, Any] | None
    content: Mapping[str, Any] | None
    chain: ChainStory | None
    digest: DigestState | None
    deliveries: Sequence[Delivery]
    timeline: Sequence[Event]


@dataclass(frozen=True)
class History:
    """Reads what happened in a project."""

    database: Database

    def one(self, project_id: int, notification_id: UUID) -> Notification:
        """A notification with its deliveries and its timeline.

        Raises:
            NotFound: no such notification in this project.
        """
        with self.database.transaction() as connection:
            row = connection.execute(_ONE, {"id": notification_id, "project_id": project_id}).first()
            if row is None:
                return _chain(connection, project_id, notification_id)
            deliveries = _deliveries(connection, notification_id)
            timeline = _timeline(connection, row, deliveries)
            digest = connection.execute(_DIGEST, {"id": notification_id}).first() if row.digest else None
        return Notification(
            **summary(row, fold(delivery.state for delivery in deliveries)),
            data=row.data,
            content=row.content,
            chain=None,
            digest=DigestState(**digest._mapping) if digest else None,
            deliveries=deliveries,
            timeline=timeline,
        )


def _chain(connection: Connection, project_id: int, chain_id: UUID) -> Notification:
    """A chain, as one notification with a timeline of all its steps'. Raises NotFound."""
    chain = find(connection, project_id, chain_id)
    asked = [{"id": one, "project_id": project_id} for one in chain.begun] if chain else []
    rows = [row for one in asked if (row := connection.execute(_ONE, one).first())]
    if chain is None or not rows:
        raise missing(chain_id)
    each = [_deliveries(connection, row.id) for row in rows]
    deliveries = [delivery for some in each for delivery in some]
    events = [event for row, some in zip(rows, each, strict=True) for event in _timeline(connection, row, some)[1:]]
    events += [Event(told.at, told.what, detail=told.detail) for told in chain.told()]
    events += _acted(connection, chain_id)
    states = {row.id: fold(one.state for one in some) for row, some in zip(rows, each, strict=True)}
    of_all = {
        "id": chain_id,
        "state": chain.state([delivery.state for delivery in deliveries]),
        "send_at": rows[0].send_at,
        "accepted_at": chain.row.created_at,
        "chain_id": None,
    }
    return Notification(
        **{**summary(rows[-1], State.QUEUED), **of_all},
        data=rows[-1].data,
        content=rows[-1].content,
        chain=chain.story(states),
        digest=None,
        deliveries=deliveries,
        timeline=[
            Event(chain.row.created_at, "accepted"),
            *sorted(events, key=lambda event: (event.at, event.what != "step")),
        ],
    )


def summary(row: Any, state: State) -> dict[str, Any]:
    """The fields of a `Summary`, from a row of `COLUMNS`."""
    return {
        "id": row.id,
        "state": state,
        "channel": row.channel,
        "lane": row.lane,
        "kind": row.kind,
        "template": row.template,
        "batch_id": row.batch_id,
        "row_number": row.row_number,
        "recipient": row.recipient,
        "metadata": row.metadata,
        "send_at": row.send_at,
        "expires_at": row.expires_at,
        "on_unknown": row.on_unknown,
        "ordering_key": row.ordering_key,
        "category": row.category,
        "chain_id": row.chain_id,
        "accepted_at": row.accepted_at,
    }


def _deliveries(connection: Connection, notification_id: UUID) -> list[Delivery]:
    rows = connection.execute(_DELIVERIES, {"id": notification_id})
    return [
        Delivery(
            id=row.id,
            state=State(row.state),
            target=row.target,
            provider=row.provider,
            attempts=row.attempts,
            next_at=row.due_at,
            started_at=row.started_at,
            settled_at=row.settled_at,
            held_at=row.held_at,
            reason=row.reason,
        )
        for row in rows
    ]


def _acted(connection: Connection, identifier: UUID) -> list[Event]:
    return [
        Event(action.at, action.what, who=action.who, detail=action.detail)
        for action in connection.execute(_ACTIONS, {"id": identifier})
    ]


def _timeline(connection: Connection, row: Any, deliveries: Sequence[Delivery]) -> list[Event]:
    them = {"deliveries": [delivery.id for delivery in deliveries]}
    attempts = connection.execute(_ATTEMPTS, them)
    events = [Event(row.accepted_at, "accepted")]
    if row.send_at and row.send_at > row.accepted_at:
        events.append(Event(row.accepted_at, "scheduled", detail=f"For {row.send_at.isoformat()}."))
    events += [
        Event(
            at=attempt.finished_at,
            what="attempt",
            delivery_id=attempt.delivery_id,
            provider=attempt.provider,
            outcome=attempt.outcome,
            code=attempt.code,
            detail=attempt.detail,
            reference=attempt.reference,
            started_at=attempt.started_at,
        )
        for attempt in attempts
    ]
    events += [
        Event(
            at=receipt.received_at,
            what="receipt",
            delivery_id=receipt.delivery_id,
            provider=receipt.provider,
            outcome=receipt.kind,
            code=receipt.code,
            detail=receipt.detail or None,
        )
        for receipt in connection.execute(_RECEIPTS, them)
    ]
    events += _acted(connection, row.id)
    events += [
        Event(delivery.settled_at, str(delivery.state), delivery.id, delivery.provider, detail=delivery.reason)
        for delivery in deliveries
        if delivery.settled_at and delivery.state in FINAL and (delivery.state != State.UNKNOWN or delivery.held_at)
    ]
    # Of what happened in the same instant, the order above is the order in which it happened.
    return sorted(events, key=lambda event: event.at)
