"""The loop: permission, claim, compose, admit, start, send, settle. One path for one message and for a million.

The actor's thread owns the database, the process's event loop owns the network, and the settler writes the answers.
No transaction is open while a provider is called, never more is started than is being called, and how many calls are
open is bounded by the route's slots, not by threads.
"""

import time
from asyncio import run_coroutine_threadsafe
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import structlog
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread

from shared.delivery.bells import Ringer
from shared.delivery.calls import Call, Calls
from shared.delivery.channel import Channel
from shared.delivery.doubts import FRESH, Ask, Send, Step, Wait, after_look_up, first_step
from shared.delivery.outcomes import Circumstances, RetryPolicy, held, not_called, settlement
from shared.delivery.rendering import Renderer
from shared.delivery.settler import Settler
from shared.delivery.timing import Timing
from shared.errors import CrierError, LedgerUnavailable, Rejected, SendError
from shared.ledger.work import Claimed, Settlement, Starting, Work
from shared.providers.port import Provider
from shared.providers.turn import Turn
from shared.telemetry.metrics import BATCH_SIZE, NOT_ADMITTED

log = structlog.get_logger(__name__)
_SOON = 1.0
"""Seconds until a delivery is tried again for which nobody may be called just now."""

_LONGEST = 900.0
"""Seconds, at most, until it is looked whether a destination works again."""


@dataclass(slots=True)
class _Batch:
    """What became of a claimed batch so far.

    Parameters:
        held: who has to be given back unless something else becomes of him.
        unsure: the ledger may have some of them as started.
    """

    queue: str
    held: dict[Any, Claimed]
    unsure: bool = False
    waiting: dict[tuple[int, str | None], list[Claimed]] = field(default_factory=dict)

    def wait(self, item: Claimed, delay: float, reason: str | None) -> None:
        """Have it given back until later."""
        del self.held[item.id]
        self.waiting.setdefault((ceil(delay), reason), []).append(item)


@dataclass(frozen=True)
class DeliveryLoop:
    """Answers the bells of one channel."""

    channel: Channel
    work: Work
    renderer: Renderer
    settler: Settler
    ringer: Ringer
    policy: RetryPolicy
    batch_size: int

    def answer(self, queue: str, timing: Timing) -> int:
        """Deliver who is due in `queue`, up to a batch; how many were claimed. Calls go on after it returns.

        Where nobody may be called now nothing is claimed, and nothing rings: the relay does, as long as somebody waits.
        """
        event_loop = get_event_loop_thread()
        if event_loop is None:
            raise RuntimeError("There is no event loop to send on: the AsyncIO middleware is missing.")
        urgent = queue.endswith(".critical")
        if not urgent and not self.settler.has_room(timing.batch - timing.call):
            log.warning("nothing is claimed while so many answers wait to be written", queue=queue)
            return 0
        with self.channel.route.turn(self.batch_size, urgent=urgent, seconds=timing.batch - timing.call) as turn:
            batch = self.work.claim(queue, turn.size, timing.lease) if turn.size else []
            if turn.is_busy or (batch and len(batch) == turn.size) or any(item.deaths for item in batch):
                self.ringer.ring(queue)
            if batch:
                BATCH_SIZE.labels(queue).observe(len(batch))
                self._deliver(_Batch(queue, {item.id: item for item in batch}), batch, turn, timing, event_loop)
        return len(batch)

    def _deliver(
        self,
        state: _Batch,
        batch: Sequence[Claimed],
        turn: Turn[Any],
        timing: Timing,
        event_loop: EventLoopThread,
    ) -> None:
        latest = time.monotonic() + timing.batch - timing.call
        calls = Calls(state.queue, self.channel, self.settler, self.policy)
        started: list[Call] = []
        try:
            ready = list(self._composed(state, batch, latest))
            steps = self._steps(ready, calls, turn, event_loop, latest)
            drawn = self._drawn(state, ready, steps, turn)
            admitted = self._admitted(state, self._past_destinations(state, drawn, turn))
            started = self._started(state, admitted)
            turn.begin(call.permit for call in started)
            self.channel.route.give_back(turn)
        finally:
            self._give_back(state)
        if started:
            self._call(calls, started, turn, timing, event_loop)

    def _call(
        self, calls: Calls, started: Sequence[Call], turn: Turn[Any], timing: Timing, event_loop: EventLoopThread
    ) -> None:
        """Leave the calls to the event loop: this thread is for whoever comes next, however slow a provider is."""
        turn.goes_on = True
        self.settler.expect(len(started))

        def ended(calling: Future[None]) -> None:
            self.channel.route.end(turn)
            self.settler.expect(-len(started))
            if error := calling.exception():
                log.error("calls failed", queue=calls.queue, exc_info=error)

        run_coroutine_threadsafe(calls.make(started, timing.call), event_loop.loop).add_done_callback(ended)

    def _composed(self, state: _Batch, batch: Sequence[Claimed], latest: float) -> Iterable[tuple[Claimed, Any]]:
        for item in batch:
            if time.monotonic() > latest:
                return
            if (message := self._compose(state, item)) is not None:
                yield item, message

    def _compose(self, state: _Batch, item: Claimed) -> Any:
        """The provider's message, or None where there is none to be made; then the delivery has failed for good.

        Raises:
            LedgerUnavailable: what it is made of cannot be read; nothing is known against the delivery.
        """
        try:
            return self.channel.compose(item, self.renderer.content(item))
        except LedgerUnavailable:
            raise
        except SendError as error:
            refusal = error
        except CrierError as error:
            refusal = Rejected(str(error), code="template")
        except Exception:
            log.exception("a message could not be composed", delivery=str(item.id))
            refusal = Rejected("The message could not be composed: the worker's log says why.", code="compose")
        self._put(state, self._without_call(item, refusal, "not-composed"))
        return None

    def _steps(
        self,
        ready: Sequence[tuple[Claimed, Any]],
        calls: Calls,
        turn: Turn[Any],
        event_loop: EventLoopThread,
        latest: float,
    ) -> dict[Any, Step]:
        """What to do with each; those that can be looked up are, all at once."""
        steps = {item.id: first_step(item, self.channel.route, self.policy) for item, _ in ready}
        asked = []
        for item, message in ready:
            if isinstance(step := steps[item.id], Ask):
                if step.is_probe and not self._probes(turn, step.provider.name):
                    steps[item.id] = Wait(_SOON, "Nobody knows whether it was sent; somebody else is being asked.")
                else:
                    asked.append((item, message, step))
        if asked:
            seconds = max(0.1, latest - time.monotonic())
            tries = self.policy.attempts * len(self.channel.route.providers)
            answers = event_loop.run_coroutine(calls.look_up(asked, seconds))
            for (item, _, ask), answer in zip(asked, answers, strict=True):
                steps[item.id] = after_look_up(item, ask.provider.name, answer, self.policy, tries)
        return steps

    @staticmethod
    def _probes(turn: Turn[Any], name: str) -> bool:
        """Use the turn's probe of a provider for a look-up; false where it has none."""
        if (permit := turn.draw_from(name)) is None:
            return False
        turn.begin([permit])
        return True

    def _drawn(
        self, state: _Batch, ready: Sequence[tuple[Claimed, Any]], steps: dict[Any, Step], turn: Turn[Any]
    ) -> list[Call]:
        """A provider for each that is to be sent."""
        sending: list[tuple[Claimed, Any, Send]] = []
        for item, message in ready:
            match steps[item.id]:
                case Send() as send:
                    sending.append((item, message, send))
                case Wait(delay, reason):
                    state.wait(item, delay, reason)
                case Settlement() as settled:
                    self._put(state, settled)
        for name, count in Counter(send.only for _, _, send in sending if send.only).items():
            turn.want(name, count)
        for name, count in Counter(failed for item, _, send in sending if (failed := _failed(item, send))).items():
            turn.want_others(name, count)
        # A probe is drawn first: rather not for one that would be held if the provider hung.
        sending.sort(key=lambda each: (each[2] is not FRESH, each[0].hold))
        calls: list[Call] = []
        for item, message, send in sending:
            permit = turn.draw_from(send.only) if send.only else turn.draw(avoid=_failed(item, send))
            if permit is None:
                wait = self.channel.route.standings.of(send.only).wait if send.only else 0.0
                state.wait(item, max(_SOON, wait), None)
            else:
                destination = _destination(permit.provider, message)
                calls.append(Call(item, message, permit, cleared=send.cleared, destination=destination))
        return calls

    def _past_destinations(self, state: _Batch, calls: list[Call], turn: Turn[Any]) -> list[Call]:
        """Those whose destination may be called; the others wait. Asked only where a destination is in trouble."""
        if not turn.troubled or not (places := Counter(call.place for call in calls if call.destination)):
            return calls
        grants = self.channel.route.standings.destinations(places)
        left = {place: grant.count for place, grant in grants.items()}
        passed: list[Call] = []
        for call in calls:
            if not call.destination:
                passed.append(call)
            elif left[call.place] > 0:
                left[call.place] -= 1
                grant = grants[call.place]
                passed.append(call._replace(watched=grant.is_probe or grant.standing.failures > 0))
            else:
                # The longer it waits already, the less often it is claimed for nothing.
                wait = max(_SOON, grants[call.place].standing.wait, min(call.item.age / 10, _LONGEST))
                state.wait(call.item, wait, f"{call.destination} keeps failing: it waits until that works again.")
        return passed

    def _admitted(self, state: _Batch, calls: list[Call]) -> list[Call]:
        barred = self.channel.admit([(call.item, call.message) for call in calls]) if calls else {}
        for call in calls:
            if error := barred.get(call.item.id):
                self._put(state, self._without_call(call.item, error, "limit", cleared=call.cleared))
                NOT_ADMITTED.labels(state.queue, error.code).inc()
        return [call for call in calls if call.item.id in state.held]

    def _started(self, state: _Batch, calls: list[Call]) -> list[Call]:
        starting = [Starting(call.item, call.provider.name, call.sender, call.cleared) for call in calls]
        try:
            started = self.work.start(starting) if starting else frozenset()
        except LedgerUnavailable:
            state.unsure = True
            raise
        for call in calls:
            del state.held[call.item.id]
        return [call for call in calls if call.item.id in started]

    def _without_call(self, item: Claimed, error: SendError, why: str, *, cleared: bool = False) -> Settlement:
        name = self.channel.route.providers[0].name
        if isinstance(error, Rejected) and item.doubt and not cleared:
            reason = f"Nobody knows whether it was sent, and it cannot be sent again: {error.reason}"
            return held(item, item.provider or name, reason, code=error.code)
        written = settlement(item, name, error, self.policy, Circumstances(cleared=cleared))
        return written._replace(why=why) if isinstance(error, Rejected) else written

    def _put(self, state: _Batch, settled: Settlement) -> None:
        item = state.held.pop(settled.id)
        self.settler.put(settled._replace(suspect=True) if item.deaths else settled)

    def _give_back(self, state: _Batch) -> None:
        if state.unsure:
            # The start got no answer, and may have been written: only this process knows that nobody was called.
            self._not_called(state)
        if state.held:
            state.waiting.setdefault((0, None), []).extend(state.held.values())
        try:
            for (delay, reason), items in state.waiting.items():
                self.work.release(items, delay=delay, reason=reason)
            if state.held:
                # Not before they can be claimed again.
                self.ringer.ring(state.queue)
        except LedgerUnavailable as error:
            log.warning("claims are given back when the ledger is", reason=str(error))
            self._not_called(state)

    def _not_called(self, state: _Batch) -> None:
        for item in list(state.held.values()):
            reason = "The ledger went away before it could be sent."
            self._put(state, not_called(item, self.channel.route.providers[0].name, reason))


def _failed(item: Claimed, send: Send) -> str | None:
    """Who has just failed it, so that another is tried where there is one."""
    return item.provider if not send.only and (item.attempts or item.doubt) else None


def _destination(provider: Provider[Any], message: Any) -> str:
    find = getattr(provider, "destination", None)
    return find(message) if find else ""
