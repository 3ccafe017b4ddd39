"""What a receipt does to the ledger: it moves the delivery it is about, and suppresses whom not to write to again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from shared.ledger.devices import forget
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.reported import RANKS, REPORTS, Attempt, attempt_of, is_first, verdict
from shared.ledger.states import State
from shared.ledger.streams import reopen
from shared.ledger.suppressions import lift, scope_of, suppress
from shared.receipts.port import Kind, Receipt, Source

_BY_REFERENCE = text("""
    SELECT delivery_id FROM attempts WHERE reference = :reference AND provider = :provider
    ORDER BY delivery_id DESC LIMIT 1
""")
_DELIVERY = text("""
    SELECT d.id, d.project_id, d.queue, split_part(d.queue, '.', 1) AS channel, d.state, d.doubt, d.target, d.attempts,
           d.ordering_key, n.kind, n.batch_id, n.content,
           (d.expires_at <= now() + make_interval(secs => :pause)) IS TRUE AS too_late,
           d.secret AND NOT EXISTS (SELECT FROM sealed s WHERE s.notification_id = d.notification_id) AS wiped
    FROM deliveries d JOIN notifications n ON n.id = d.notification_id
    WHERE d.id = :id FOR UPDATE OF d SKIP LOCKED
""")
_EXISTS = text("SELECT FROM deliveries WHERE id = :id")
# Not with the delivery: what committed while that was being locked would be missing here.
_ATTEMPTS = text("""
    SELECT fence, provider, outcome, receipt, reference, started_at FROM attempts WHERE delivery_id = :id ORDER BY fence
""")
# Of reports of the same rank the time of the first is kept, in whatever order they come.
_REPORTED = """
    UPDATE attempts
    SET receipt_at = CASE WHEN receipt = :report THEN least(receipt_at, :at) ELSE :at END, receipt = :report,
        reference = coalesce(reference, :reference)
    WHERE delivery_id = :id AND fence = :fence
"""
_REPORT = text(_REPORTED)
_MOVE = text(f"""
    WITH noted AS ({_REPORTED}),
    moved AS (
        UPDATE deliveries d
        SET state = :state, lease_until = NULL, settled_at = now(), doubt = :doubt,
            held_at = CASE WHEN :doubt THEN now() END,
            due_at = now() + make_interval(secs => CAST(:pause AS float)),
            stream_id = coalesce(CAST(:stream_id AS bigint), d.stream_id), reason = :reason
        WHERE d.id = :id
        RETURNING {returned("d")}),
    exhumed AS (DELETE FROM dead_letters l USING moved WHERE l.id = moved.id),
    {recorded("moved", code="CAST(:code AS text)")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM moved
""")
_BOUNCES = text("""
    SELECT count(DISTINCT delivery_id) FROM receipts
    WHERE kind = 'bounced_for_now' AND target = lower(:target) AND project_id = :project_id
      AND occurred_at > now() - interval '30 days'
""")
BOUNCES = 5
"""Deliveries that bounced for now within 30 days after which a target is not written to any more."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_DETAIL_LENGTH = 500
_SAID = {Kind.COMPLAINED: "complaint", Kind.UNSUBSCRIBED: "opt-out"}
_DEAD = ("bounce", "invalid")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a receipt did.

    Parameters:
        busy: its delivery is being sent: nothing was done, and it is to be looked at again in a moment.
        unmatched: no delivery of ours, or none that was sent yet. hopeless: nor will there be one.
        target: whom it is about, as far as that is known to be ours.
        queues: in which somebody has his turn now.
    """

    delivery_id: UUID | None = None
    project_id: int | None = None
    channel: str = ""
    target: str | None = None
    busy: bool = False
    unmatched: bool = False
    hopeless: bool = False
    queues: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Effects:
    """Lets the receipts of a provider take effect.

    Parameters:
        at: when what is said happened.
        retries: further attempts a delivery may have after its first.
    """

    connection: Connection
    source: Source
    at: datetime
    retries: int

    def apply(self, receipt: Receipt) -> Effect:
        """Let `receipt` take effect."""
        if receipt.delivery_id is None and receipt.reference is None:
            return self._everywhere(receipt)
        delivery, busy = self._find(receipt)
        if busy or (delivery and delivery.state == State.STARTED):
            return Effect(busy=True)
        if delivery is None or delivery.channel not in self.source.channels:
            return Effect(unmatched=True)
        attempts = [Attempt(*one) for one in self.connection.execute(_ATTEMPTS, {"id": delivery.id})]
        if not attempts:
            return Effect(unmatched=True)
        attempt = attempt_of(attempts, self.source.name, receipt.reference)
        copied_to = _copied_to(delivery, receipt)
        queues = [] if copied_to else self._report(receipt, delivery, attempts, attempt)
        target = copied_to or delivery.target
        self._suppress(receipt, delivery, attempt, target)
        return Effect(delivery.id, delivery.project_id, delivery.channel, target, queues=queues)

    def count_bounces(self, done: Effect) -> None:
        """Suppress a target that keeps bouncing for now. The receipt has been noted, and is among those counted."""
        found = self.connection.execute(_BOUNCES, {"target": done.target, "project_id": done.project_id}).scalar_one()
        if done.target and found >= BOUNCES:
            suppress(
                self.connection, done.channel, done.target, project_id=done.project_id, scope="everything",
                reason="bounce", source=self.source.name, at=self.at, delivery_id=done.delivery_id,
            )  # fmt: skip

    def _find(self, receipt: Receipt) -> tuple[Row[Any] | None, bool]:
        """The delivery, locked; and whether there is one that somebody else is at, who is not waited for."""
        for identifier in self._identifiers(receipt):
            asked = {"id": identifier, "pause": receipt.retry_after or 0.0}
            if found := self.connection.execute(_DELIVERY, asked).first():
                return found, False
            if self.connection.execute(_EXISTS, asked).first():
                return None, True
        return None, False

    def _identifiers(self, receipt: Receipt) -> Iterator[UUID]:
        if receipt.delivery_id:
            yield receipt.delivery_id
        if receipt.reference:
            named = {"reference": receipt.reference, "provider": self.source.name}
            yield from self.connection.execute(_BY_REFERENCE, named).scalars()

    def _report(
        self, receipt: Receipt, delivery: Row[Any], attempts: Sequence[Attempt], attempt: Attempt
    ) -> Sequence[str]:
        """Note what is reported of an attempt, and move the delivery; the queues to ring."""
        report = REPORTS.get(receipt.kind)
        if report is None or RANKS[report] < RANKS[attempt.receipt]:
            return ()
        noted = {
            "id": delivery.id,
            "fence": attempt.fence,
            "report": report,
            "reference": receipt.reference,
            "at": self.at,
        }
        after = [replace(one, receipt=report) if one is attempt else one for one in attempts]
        state, pause, stream = verdict(State(delivery.state), after, doubt=delivery.doubt), None, None
        if state == delivery.state or report == attempt.receipt:
            self.connection.execute(_REPORT, noted)
            return ()
        bounced_first = state is State.UNDELIVERED and is_first(attempt, attempts)
        if bounced_first and receipt.retry_after is not None and _may_retry(delivery, self.retries):
            state, pause = State.QUEUED, receipt.retry_after
            stream = reopen(self.connection, delivery.queue, delivery.project_id, delivery.batch_id)
        moved = self.connection.execute(
            _MOVE,
            noted
            | {
                "state": state,
                "doubt": state is State.UNKNOWN,
                "pause": pause,
                "stream_id": stream,
                "reason": tidy(receipt.detail) or None,
                "code": receipt.code,
            },
        )
        return finish(self.connection, moved.all())

    def _suppress(self, receipt: Receipt, delivery: Row[Any], attempt: Attempt, target: str) -> None:
        channel, project_id = delivery.channel, delivery.project_id
        reason = receipt.suppress or _SAID.get(receipt.kind)
        if receipt.kind is Kind.RESUBSCRIBED:
            lift(self.connection, channel, target, project_id=project_id, at=self.at)
        elif channel == "push" and reason in _DEAD:
            forget(self.connection, project_id, target, attempt.started_at)
        elif reason:
            suppress(
                self.connection, channel, target, project_id=project_id, scope=scope_of(channel, reason),
                reason=reason, source=self.source.name, at=self.at, delivery_id=delivery.id,
            )  # fmt: skip

    def _everywhere(self, receipt: Receipt) -> Effect:
        """What somebody says who names no message of ours: STOP and START hold for every project that wrote to him."""
        channel, target = receipt.channel or self.source.channels[0], receipt.target
        reason = receipt.suppress or _SAID.get(receipt.kind)
        if channel not in self.source.channels or target is None:
            return Effect(unmatched=True, hopeless=True)
        if receipt.kind is Kind.RESUBSCRIBED:
            lift(self.connection, channel, target, project_id=None, at=self.at)
        elif reason == "opt-out":
            suppress(
                self.connection, channel, target, project_id=None, scope=scope_of(channel, reason), reason=reason,
                source=self.source.name, at=self.at,
            )  # fmt: skip
        else:
            return Effect(unmatched=True, hopeless=True)
        return Effect(target=target, channel=channel)


def tidy(detail: str) -> str:
    """One line of bounded length: a provider may say anything."""
    return _CONTROL.sub(" ", detail).strip()[:_DETAIL_LENGTH]


def _may_retry(delivery: Row[Any], retries: int) -> bool:
    """Whether what did not arrive is worth another try: a code is not, and order would be broken."""
    spoilt = delivery.kind == "code" or delivery.too_late or delivery.wiped or delivery.ordering_key
    return not spoilt and delivery.attempts <= retries


def _copied_to(delivery: Row[Any], receipt: Receipt) -> str | None:
    """The address of a copy (cc, bcc), where the receipt is about that: it says nothing of the mail itself."""
    content, target = delivery.content or {}, (receipt.target or "").lower()
    copies = {str(one).lower() for name in ("cc", "bcc") for one in content.get(name) or ()}
    return target if target in copies and target != delivery.target.lower() else None
