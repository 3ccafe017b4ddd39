"""Intake: checks a request by every rule, commits it, and rings the lane. `202` and a Python call mean the same."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.crypto import Sealer
from shared.delivery.bells import Ringer
from shared.errors import Conflict, InvalidInput
from shared.intake import digests
from shared.intake.canonical import canonical, request_hash
from shared.intake.chains import ChainPlanner
from shared.intake.declared import DeclaredCategories
from shared.intake.drafts import Drafts, Row, row_errors, row_of
from shared.intake.envelope import Envelope, seal_up, told
from shared.intake.problems import load
from shared.intake.receipts import SHOWN_ERRORS, BulkReceipt, Receipt
from shared.intake.recipient import load_recipient
from shared.intake.request import BulkRequestSchema, EnvelopeSchema, NotificationRequestSchema
from shared.intake.templates import Templates
from shared.ledger.acceptance import Acceptance, Accepted, Draft, IdempotencyKey
from shared.ledger.batches import Batch, RowError
from shared.ledger.chats import Chats
from shared.ledger.database import Database
from shared.ledger.devices import Devices
from shared.ledger.digests import Digests, Item, Joined
from shared.ledger.endpoints import Endpoints
from shared.ledger.ids import new_id
from shared.ledger.planned_chain import PlannedChain
from shared.ledger.recipients import Recipients
from shared.ledger.routes import Routes
from shared.ledger.states import State

_NOTIFICATION = NotificationRequestSchema()
_ENVELOPE = EnvelopeSchema()
_BULK = BulkRequestSchema()


class Intake:
    """The one way in.

    Parameters:
        ringer: wakes the lane's workers; None leaves that to the relay, which does it within a second or two.
        unsubscribes: mails get a link of ours to unsubscribe where the caller gives none, so promotions need none.
        reporting: the providers whose receipts are set up; None where that is not known.
        now: the clock by which `send_at` and `expires_at` are judged.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        ringer: Ringer | None = None,
        *,
        unsubscribes: bool = False,
        reporting: Collection[str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.acceptance = Acceptance(database)
        self._digests = Digests(database)
        self.templates = Templates(database)
        self._categories = DeclaredCategories(database)
        self.drafts = Drafts(
            Devices(database), sealer, Endpoints(database, sealer), Recipients(database), Chats(database, sealer),
            unsubscribes,
        )  # fmt: skip
        self.chains = ChainPlanner(self._envelope, self.drafts, Routes(database), reporting)
        self._ringer = ringer
        self._now = now

    def check(self, project_id: int, request: Mapping[str, Any]) -> Draft:
        """What would be accepted; of a chain its first step.

        Raises:
            InvalidInput: every problem, by field path.
        """
        canonical(request)
        return _first(self._check(project_id, request))

    def accept(self, project_id: int, request: Mapping[str, Any], idempotency_key: str | None = None) -> Receipt:
        """Commit one notification.

        Raises:
            InvalidInput: every problem, by field path; or the key was used before with a different request.
            LedgerUnavailable: nothing was accepted, or nobody knows; repeat it under the same idempotency key.
        """
        form = canonical(request)
        if isinstance(request, Mapping) and request.get("digest") is not None:
            return self._collect(project_id, request, idempotency_key, form)
        try:
            checked = self._check(project_id, request)
        except InvalidInput:
            # Accepted in time the first time, a request may have grown too old for its own `expires_at`.
            if answer := self._earlier(project_id, idempotency_key, form):
                return Receipt.again(answer)
            raise
        draft = _first(checked)
        receipt = Receipt(checked.id, self._state(draft.send_at), draft.channel, draft.lane)
        key = _key(idempotency_key, form, receipt.to_json())
        accepted = self._commit(project_id, checked, key)
        self.ring(draft.queue, draft.send_at)
        if accepted.replayed is not None:
            return Receipt.again(accepted.replayed)
        if not accepted.ids:
            raise Conflict("This Idempotency-Key was removed a moment ago. Try again.")
        return replace(receipt, state=str(State.SUPPRESSED)) if accepted.suppressed else receipt

    def accept_promised(
        self, project_id: int, request: Mapping[str, Any], identifier: UUID, *, now: datetime | None = None
    ) -> Receipt:
        """Commit one notification under an id that was written down before, so that doing it again adds nothing.

        Parameters:
            now: the moment by which it is judged; by the intake's own clock when None.

        Raises:
            InvalidInput: every problem, by field path.
            LedgerUnavailable: nobody knows whether it was accepted; repeat it.
        """
        checked = self._check(project_id, request, identifier, now)
        draft, accepted = _first(checked), self._commit(project_id, checked)
        self.ring(draft.queue, draft.send_at)
        state = str(State.SUPPRESSED) if accepted.suppressed else self._state(draft.send_at)
        return Receipt(identifier, state, draft.channel, draft.lane, replayed=not accepted.ids)

    def accept_many(
        self, project_id: int, request: Mapping[str, Any], idempotency_key: str | None = None
    ) -> BulkReceipt:
        """Commit one notification to each recipient in `recipients`: the good rows together, or none of them.

        Raises:
            InvalidInput: the envelope is wrong, or every row is; or the key was used before with a different request.
            LedgerUnavailable: nothing was accepted, or nobody knows; repeat it under the same idempotency key.
        """
        form = canonical(request)
        _refuse_digest(request)
        try:
            envelope, batch, drafts, receipt, errors = self._check_many(project_id, request)
        except InvalidInput:
            if answer := self._earlier(project_id, idempotency_key, form):
                return BulkReceipt.again(answer)
            raise
        key = _key(idempotency_key, form, receipt.to_json())
        accepted = self.acceptance.accept_batch(project_id, batch, drafts, errors, key=key)
        self.ring(envelope.queue, envelope.send_at)
        return receipt if accepted.replayed is None else BulkReceipt.again(accepted.replayed)

    def envelope(self, project_id: int, request: Mapping[str, Any]) -> Envelope:
        """What an upload says once for all its rows.

        Raises:
            InvalidInput: every problem, by field path.
        """
        _refuse_digest(request)
        return self._envelope(project_id, _load(_ENVELOPE, request), self._now())

    def _envelope(self, project_id: int, asked: Mapping[str, Any], now: datetime) -> Envelope:
        envelope = seal_up(project_id, asked, self.templates, now)
        if envelope.category and envelope.pinned is None:
            self._categories.check(project_id, envelope.category)
        return envelope

    def _commit(
        self, project_id: int, checked: Draft | PlannedChain, key: IdempotencyKey | None = None
    ) -> Accepted:  # fmt: skip
        if isinstance(checked, PlannedChain):
            return self.acceptance.accept_chain(project_id, checked, key=key)
        return self.acceptance.accept(project_id, [checked], key=key)

    def _collect(self, project_id: int, request: Mapping[str, Any], key: str | None, form: bytes) -> Receipt:
        """The same for what a digest collects: it joins the one that is open, or opens one."""
        try:
            draft, item = self._check_item(project_id, request)
        except InvalidInput:
            if answer := self._earlier(project_id, key, form):
                return Receipt.again(answer)
            raise

        def receipt(joined: Joined) -> Receipt:
            state = State.SUPPRESSED if joined.suppressed else State.SCHEDULED
            return Receipt(joined.notification_id, str(state), draft.channel, draft.lane, collected=joined.count)

        joined = self._digests.add(
            self.acceptance,
            project_id,
            draft,
            item,
            key=_key(key, form, {}),
            answer=lambda joined: receipt(joined).to_json(),
        )
        return receipt(joined) if joined.replayed is None else Receipt.again(joined.replayed)

    def _check_item(self, project_id: int, request: Mapping[str, Any]) -> tuple[Draft, Item]:
        asked, now = _load_one(request), self._now()
        if "template" not in asked or asked["channel"] == "webhook":
            raise InvalidInput({"digest": ["A digest needs a template that collects; content is sent as it is."]})
        if isinstance(asked["channel"], list):
            raise InvalidInput({"channel": ["A digest goes by one channel: give the name of one."]})
        pinned = self.templates.pin(project_id, asked["template"], asked["channel"])
        wanted = digests.wanted(asked, pinned.template)
        data = digests.arranged(pinned.template, wanted.collecting, asked.get("data", {}))
        envelope = replace(self._envelope(project_id, {**asked, "data": data}, now), pinned=pinned)
        drafts, refused = self.drafts.make(project_id, envelope, [Row(new_id(), asked["to"])])
        for _, problems in refused:
            raise InvalidInput(digests.as_given(problems, wanted.collecting))
        return drafts[0], wanted.item(project_id, pinned.template, drafts[0], now)

    def _check(
        self, project_id: int, request: Mapping[str, Any], identifier: UUID | None = None, now: datetime | None = None
    ) -> Draft | PlannedChain:
        _refuse_digest(request)
        asked = _load_one(request)
        if isinstance(asked["channel"], list):
            return self.chains.plan(project_id, asked, now or self._now(), identifier)
        envelope = self._envelope(project_id, asked, now or self._now())
        row = Row(identifier or new_id(), asked["to"], ordering_key=asked.get("ordering_key"))
        drafts, refused = self.drafts.make(project_id, envelope, [row])
        for _, problems in refused:
            raise InvalidInput(problems)
        return drafts[0]

    def _check_many(
        self, project_id: int, request: Mapping[str, Any]
    ) -> tuple[Envelope, Batch, list[Draft], BulkReceipt, list[RowError]]:
        asked = _load(_BULK, request)
        envelope = self._envelope(project_id, asked, self._now())
        batch = Batch(new_id(), told(request))
        rows = [row_of(batch.id, number, given) for number, given in enumerate(asked["recipients"], start=1)]
        drafts, refused = self.drafts.make(project_id, envelope, rows)
        errors = row_errors(refused)
        if not drafts:
            raise InvalidInput(
                {f"recipients.{error.row - 1}.{error.field}": [error.problem] for error in errors[:SHOWN_ERRORS]}
            )
        receipt = BulkReceipt(
            batch_id=batch.id,
            channel=envelope.channel,
            lane=envelope.lane,
            accepted=len(drafts),
            refused=len(refused),
            errors=tuple(errors[:SHOWN_ERRORS]),
            added=len(drafts),
        )
        return envelope, batch, drafts, receipt, errors

    def _earlier(self, project_id: int, key: str | None, form: bytes) -> Mapping[str, Any] | None:
        wanted = _key(key, form, {})
        return self.acceptance.earlier(project_id, wanted) if wanted else None

    def _state(self, send_at: datetime | None) -> str:
        return "scheduled" if send_at and send_at > self._now() else "queued"

    def ring(self, queue: str, send_at: datetime | None) -> None:
        """Wake the workers of `queue`, unless what was accepted is for later."""
        if self._ringer and self._state(send_at) == "queued":
            self._ringer.ring(queue)


def _load(schema: EnvelopeSchema, request: Any) -> dict[str, Any]:
    """What a caller asks for; InvalidInput names what is wrong with it."""
    loaded: dict[str, Any] = schema.load_plainly(request) or load(schema, request)
    return loaded


def _first(checked: Draft | PlannedChain) -> Draft:
    """What is sent first."""
    return checked.begins if isinstance(checked, PlannedChain) else checked


def _load_one(request: Any) -> dict[str, Any]:
    """The same for one notification, what is wrong with its recipient included."""
    try:
        return _load(_NOTIFICATION, request)
    except InvalidInput as error:
        to = request.get("to") if isinstance(request, Mapping) else None
        raise InvalidInput({**error.fields, **(load_recipient(to)[1] if to is not None else {})}) from None


def _refuse_digest(request: Any) -> None:
    if isinstance(request, Mapping) and request.get("digest") is not None:
        raise InvalidInput({"digest": [digests.NOT_HERE]})


def _key(key: str | None, form: bytes, response: Mapping[str, Any]) -> IdempotencyKey | None:
    return None if key is None else IdempotencyKey(key, request_hash(form), response)
