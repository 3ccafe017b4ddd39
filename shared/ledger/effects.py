"""What receipts do to the ledger: they move the deliveries they are about, and suppress whom not to write to again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from shared.ledger.chain_rules import Goal
from shared.ledger.devices import forget
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.reported import RANKS, REPORTS, Attempt, attempt_of, is_first, verdict
from shared.ledger.states import State
from shared.ledger.streams import reopen
from shared.ledger.suppressions import lift, scope_of, suppress
from shared.receipts.port import Kind, Receipt, Source

# Of the ids that are given the first that is ours. OFFSET 0: the planner might read all attempts backwards instead.
_FIND = text("""
    SELECT coalesce(
        (SELECT d.id FROM deliveries d WHERE d.id = w.delivery_id),
        (SELECT a.delivery_id FROM (
            SELECT delivery_id FROM attempts WHERE reference = w.reference AND provider = w.provider OFFSET 0) a
         ORDER BY a.delivery_id DESC LIMIT 1)) AS id
    FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:references AS text[]), CAST(:providers AS text[]))
      WITH ORDINALITY AS w (delivery_id, reference, provider, place)
    ORDER BY w.place
""")
# Copies only where they matter: the content of a mail is large.
_LOCK = text("""
    SELECT d.id, d.project_id, d.queue, split_part(d.queue, '.', 1) AS channel, d.state, d.doubt, d.target, d.attempts,
           d.ordering_key, d.chain_id, n.kind, n.batch_id,
           CASE WHEN w.target <> lower(d.target) THEN jsonb_build_array(n.content -> 'cc', n.content -> 'bcc') END
             AS copies,
           (d.expires_at <= now() + make_interval(secs => w.pause)) IS TRUE AS too_late,
           d.secret AND NOT EXISTS (SELECT FROM sealed s WHERE s.notification_id = d.notification_id) AS wiped
    FROM unnest(CAST(:ids AS uuid[]), CAST(:pauses AS float[]), CAST(:targets AS text[])) AS w (id, pause, target)
    JOIN deliveries d ON d.id = w.id
    JOIN notifications n ON n.id = d.notification_id
    ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
""")
# Not with the deliveries: what committed while those were being locked would be missing here.
_ATTEMPTS = text("""
    SELECT a.delivery_id, a.fence, a.provider, a.outcome, a.receipt, a.reference, a.started_at
    FROM unnest(CAST(:ids AS uuid[])) AS w (id) JOIN attempts a ON a.delivery_id = w.id ORDER BY a.fence
""")
# Of reports of the same rank the time of the first is kept, in whatever order they come.
_WRITE = text(f"""
    WITH noted AS (
        UPDATE attempts a
        SET receipt_at = CASE WHEN a.receipt = w.report THEN least(a.receipt_at, w.at) ELSE w.at END,
            receipt = w.report, reference = coalesce(a.reference, w.reference)
        FROM unnest(CAST(:noted AS uuid[]), CAST(:fences AS int[]), CAST(:reports AS text[]),
                    CAST(:ats AS timestamptz[]), CAST(:references AS text[])) AS w (id, fence, report, at, reference)
        WHERE a.delivery_id = w.id AND a.fence = w.fence),
    moved AS (
        UPDATE deliveries d
        SET state = w.state, lease_until = NULL, settled_at = now(), doubt = w.state = 'unknown',
            held_at = CASE WHEN w.state = 'unknown' THEN now() END,
            due_at = now() + make_interval(secs => w.pause), stream_id = coalesce(w.stream_id, d.stream_id),
            reason = w.reason
        FROM unnest(CAST(:moved AS uuid[]), CAST(:states AS text[]), CAST(:pauses AS float[]),
                    CAST(:streams AS bigint[]), CAST(:reasons AS text[]), CAST(:codes AS text[]))
          AS w (id, state, pause, stream_id, reason, code)
        WHERE d.id = w.id
        RETURNING {returned("d")}, w.code),
    exhumed AS (DELETE FROM dead_letters l USING moved WHERE l.id = moved.id),
    {recorded("moved", code="e.code")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM moved
""")
# That somebody looked is no state of a delivery, and may be what a chain waits for.
_LOOKED = text("""
    INSERT INTO chain_news (chain_id, channel, level)
    SELECT w.chain_id, w.channel, w.level
    FROM unnest(CAST(:chains AS uuid[]), CAST(:channels AS text[]), CAST(:levels AS int[]))
      AS w (chain_id, channel, level)
""")
_CANCELLED = text("""
    SELECT EXISTS (SELECT FROM campaigns WHERE batch_id = :batch_id AND state IN ('cancelling', 'cancelled'))
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
_LOOKS = {Kind.OPENED: Goal.OPENED, Kind.CLICKED: Goal.CLICKED}


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
class Asked:
    """A receipt that is to take effect.

    Parameters:
        at: when what it says happened.
    """

    receipt: Receipt
    source: Source
    at: datetime


@dataclass(frozen=True, slots=True)
class _Report:
    """What is reported of an attempt, and what becomes of its delivery; `state` is None where that stays as it is."""

    delivery_id: UUID
    fence: int
    report: str
    asked: Asked
    state: State | None = None
    pause: float | None = None
    stream: int | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """Lets receipts take effect.

    Parameters:
        retries: further attempts a delivery may have after its first.
    """

    connection: Connection
    retries: int

    def find(self, many: Sequence[Asked]) -> Sequence[UUID | None]:
        """The deliveries they are about; None for what is not ours, or names none."""
        if not many:
            return ()
        parameters = {
            "delivery_ids": [asked.receipt.delivery_id for asked in many],
            "references": [asked.receipt.reference for asked in many],
            "providers": [asked.source.name for asked in many],
        }
        return self.connection.execute(_FIND, parameters).scalars().all()

    def apply(self, found: Sequence[tuple[Asked, UUID | None]]) -> Sequence[Effect]:
        """Let receipts take effect that are about different deliveries, as `find` says; what each did."""
        ids = [identifier for _, identifier in found if identifier]
        locked = self._lock(found) if ids else {}
        attempts = self._attempts(list(locked)) if locked else {}
        effects: list[Effect] = []
        reports: list[_Report] = []
        told: list[tuple[Asked, Row[Any], Attempt, str]] = []
        for asked, identifier in found:
            delivery = locked.get(identifier) if identifier else None
            if asked.receipt.delivery_id is None and asked.receipt.reference is None:
                effects.append(self._everywhere(asked))
            elif (identifier and delivery is None) or (delivery and delivery.state == State.STARTED):
                effects.append(Effect(busy=True))
            elif delivery is None or delivery.channel not in asked.source.channels or delivery.id not in attempts:
                effects.append(Effect(unmatched=True))
            else:
                attempt = attempt_of(attempts[delivery.id], asked.source.name, asked.receipt.reference)
                copied_to = _copied_to(delivery, asked.receipt)
                if not copied_to:
                    reports += self._report(asked, delivery, attempts[delivery.id], attempt)
                target = copied_to or delivery.target
                told.append((asked, delivery, attempt, target))
                effects.append(Effect(delivery.id, delivery.project_id, delivery.channel, target))
        queues = self._write(reports) if reports else ()
        self._tell_chains([(asked, delivery) for asked, delivery, _, target in told if target == delivery.target])
        for one in told:
            self._suppress(*one)
        return [replace(effects[0], queues=queues), *effects[1:]] if queues else effects

    def count_bounces(self, asked: Asked, done: Effect) -> None:
        """Suppress a target that keeps bouncing for now. The receipt has been noted, and is among those counted."""
        found = self.connection.execute(_BOUNCES, {"target": done.target, "project_id": done.project_id}).scalar_one()
        if done.target and found >= BOUNCES:
            suppress(
                self.connection, done.channel, done.target, project_id=done.project_id, scope="everything",
                reason="bounce", source=asked.source.name, at=asked.at, delivery_id=done.delivery_id,
            )  # fmt: skip

    def _lock(self, found: Sequence[tuple[Asked, UUID | None]]) -> Mapping[UUID, Row[Any]]:
        """The deliveries, except those that somebody else is at, who is not waited for."""
        parameters = {
            "ids": [identifier for _, identifier in found],
            "pauses": [asked.receipt.retry_after or 0.0 for asked, _ in found],
            "targets": [asked.receipt.target and asked.receipt.target.lower() for asked, _ in found],
        }
        return {row.id: row for row in self.connection.execute(_LOCK, parameters)}

    def _attempts(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Attempt]]:
        attempts: dict[UUID, list[Attempt]] = {}
        for identifier, *attempt in self.connection.execute(_ATTEMPTS, {"ids": ids}):
            attempts.setdefault(identifier, []).append(Attempt(*attempt))
        return attempts

    def _report(
        self, asked: Asked, delivery: Row[Any], attempts: Sequence[Attempt], attempt: Attempt
    ) -> Sequence[_Report]:
        """What is to be noted of an attempt, and what that makes of the delivery; nothing where it says nothing new."""
        receipt = asked.receipt
        report = REPORTS.get(receipt.kind)
        if report is None or RANKS[report] < RANKS[attempt.receipt]:
            return ()
        noted = _Report(delivery.id, attempt.fence, report, asked)
        after = [replace(one, receipt=report) if one is attempt else one for one in attempts]
        state = verdict(State(delivery.state), after, doubt=delivery.doubt)
        if state == delivery.state or report == attempt.receipt:
            return [noted]
        bounced_first = state is State.UNDELIVERED and is_first(attempt, attempts)
        may_retry = bounced_first and receipt.retry_after is not None and _may_retry(delivery, self.retries)
        if may_retry and not self._is_cancelled(delivery.batch_id):
            stream = reopen(self.connection, delivery.queue, delivery.project_id, delivery.batch_id)
            return [replace(noted, state=State.QUEUED, pause=receipt.retry_after, stream=stream)]
        return [replace(noted, state=state)]

    def _is_cancelled(self, batch_id: UUID | None) -> bool:
        """Whether it is of a campaign from which nothing more may go out."""
        return bool(batch_id and self.connection.execute(_CANCELLED, {"batch_id": batch_id}).scalar_one())

    def _write(self, reports: Sequence[_Report]) -> Sequence[str]:
        """Note reports and move deliveries; the queues to ring."""
        moved = [one for one in reports if one.state]
        parameters = {
            "noted": [one.delivery_id for one in reports],
            "fences": [one.fence for one in reports],
            "reports": [one.report for one in reports],
            "ats": [one.asked.at for one in reports],
            "references": [one.asked.receipt.reference for one in reports],
            "moved": [one.delivery_id for one in moved],
            "states": [one.state for one in moved],
            "pauses": [one.pause for one in moved],
            "streams": [one.stream for one in moved],
            "reasons": [tidy(one.asked.receipt.detail) or None for one in moved],
            "codes": [one.asked.receipt.code for one in moved],
        }
        return finish(self.connection, self.connection.execute(_WRITE, parameters).all())

    def _tell_chains(self, told: Sequence[tuple[Asked, Row[Any]]]) -> None:
        looked = [
            (delivery.chain_id, delivery.channel, _LOOKS[asked.receipt.kind])
            for asked, delivery in told
            if delivery.chain_id and asked.receipt.kind in _LOOKS
        ]
        if looked:
            chains, channels, levels = zip(*looked, strict=True)
            asked_for = {"chains": list(chains), "channels": list(channels), "levels": list(levels)}
            self.connection.execute(_LOOKED, asked_for)

    def _suppress(self, asked: Asked, delivery: Row[Any], attempt: Attempt, target: str) -> None:
        receipt, channel, project_id = asked.receipt, delivery.channel, delivery.project_id
        reason = receipt.suppress or _SAID.get(receipt.kind)
        if receipt.kind is Kind.RESUBSCRIBED:
            lift(self.connection, channel, target, project_id=project_id, at=asked.at)
        elif channel == "push" and reason in _DEAD:
            forget(self.connection, project_id, target, attempt.started_at)
        elif reason:
            suppress(
                self.connection, channel, target, project_id=project_id, scope=scope_of(channel, reason),
                reason=reason, source=asked.source.name, at=asked.at, delivery_id=delivery.id,
            )  # fmt: skip

    def _everywhere(self, asked: Asked) -> Effect:
        """What somebody says who names no message of ours: STOP and START hold for every project that wrote to him."""
        receipt, source = asked.receipt, asked.source
        channel, target = receipt.channel or source.channels[0], receipt.target
        reason = receipt.suppress or _SAID.get(receipt.kind)
        if channel not in source.channels or target is None:
            return Effect(unmatched=True, hopeless=True)
        if receipt.kind is Kind.RESUBSCRIBED:
            lift(self.connection, channel, target, project_id=None, at=asked.at)
        elif reason == "opt-out":
            suppress(
                self.connection, channel, target, project_id=None, scope=scope_of(channel, reason), reason=reason,
                source=source.name, at=asked.at,
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
    copies = {str(one).lower() for those in delivery.copies or () for one in those or ()}
    target = (receipt.target or "").lower()
    return target if target in copies else None
