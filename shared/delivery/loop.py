"""The loop: claim, compose, admit, start, send, settle. There is one path for one message and for a million.

The actor's thread owns the database, the process's event loop owns the network, and the settler writes the answers.
No transaction is open while a provider is called, and never more is started than is being called.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread

from shared.delivery.bells import Ringer
from shared.delivery.channel import Channel
from shared.delivery.outcomes import RetryPolicy, settlement
from shared.delivery.rendering import Renderer
from shared.delivery.settler import Settler
from shared.errors import Ambiguous, CrierError, LedgerUnavailable, Rejected, SendError
from shared.ledger.work import Claimed, Starting, Work
from shared.providers.port import Provider, Sent, is_idempotent
from shared.settings import EngineSettings
from shared.telemetry.metrics import ATTEMPTS, BATCH_SIZE, CALL_SECONDS, NOT_ADMITTED, WAIT_SECONDS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The numbers of a lane that hang together, in seconds: call ≤ batch ≤ time limit ≤ lease."""

    call: float
    batch: float
    time_limit: float
    lease: float

    @classmethod
    def of(cls, settings: EngineSettings, lane: str) -> "Timing":
        """Half of everything on `critical`: a one-time code is worth less every second."""
        share = 0.5 if lane == "critical" else 1.0
        return cls(
            settings.provider_timeout * share,
            settings.batch_timeout * share,
            settings.time_limit * share,
            settings.lease * share,
        )


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
        """Deliver who is due in `queue`, up to a batch; how many were claimed."""
        event_loop = get_event_loop_thread()
        if event_loop is None:
            raise RuntimeError("There is no event loop to send on: the AsyncIO middleware is missing.")
        provider = self.channel.route.choose()
        slots = self.channel.route.slots(provider)
        urgent = queue.endswith(".critical")
        with slots.hold(self.batch_size, urgent=urgent, seconds=timing.batch - timing.call) as size:
            batch = self.work.claim(queue, size, timing.lease) if size else []
            if len(batch) == size or any(item.deaths for item in batch):
                self.ringer.ring(queue)
            if batch:
                BATCH_SIZE.labels(queue).observe(len(batch))
                self._deliver(queue, batch, provider, timing, event_loop)
        return len(batch)

    def _deliver(
        self, queue: str, batch: Sequence[Claimed], provider: Provider[Any], timing: Timing, event_loop: EventLoopThread
    ) -> None:
        held = {item.id: item for item in batch}
        latest = time.monotonic() + timing.batch - timing.call
        ready: list[tuple[Claimed, Any]] = []
        try:
            for item in batch:
                if time.monotonic() > latest:
                    self.ringer.ring(queue)
                    break
                if (message := self._compose(item, provider.name)) is None:
                    del held[item.id]
                else:
                    ready.append((item, message))
            barred = self.channel.admit(ready) if ready else {}
            for identifier, error in barred.items():
                self.settler.put(settlement(held.pop(identifier), provider.name, error, self.policy))
                NOT_ADMITTED.labels(queue, error.code).inc()
            ready = [(item, message) for item, message in ready if item.id in held]
            started = self.work.start([Starting(item, provider.name) for item, _ in ready]) if ready else frozenset()
            calls = [(item, message) for item, message in ready if item.id in started]
            for item, _ in ready:
                del held[item.id]
        finally:
            if held:
                self._give_back(list(held.values()))
        if calls:
            event_loop.run_coroutine(self._call_all(queue, calls, provider, timing.call))

    def _compose(self, item: Claimed, provider: str) -> Any:
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
        self.settler.put(settlement(item, provider, refusal, self.policy))
        return None

    async def _call_all(
        self, queue: str, calls: Sequence[tuple[Claimed, Any]], provider: Provider[Any], seconds: float
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for item, message in calls:
                group.create_task(self._call(queue, item, message, provider, seconds))

    async def _call(self, queue: str, item: Claimed, message: Any, provider: Provider[Any], seconds: float) -> None:
        begun = time.monotonic()
        answer: Sent | SendError = Ambiguous("The call was interrupted: nobody knows whether it was sent.")
        try:
            async with asyncio.timeout(seconds):
                answer = await provider.send(message)
        except SendError as error:
            answer = error
        except TimeoutError:
            answer = Ambiguous(f"No answer within {seconds:g} s: nobody knows whether it was sent.", code="timeout")
        except Exception as error:
            log.exception("a provider adapter failed", provider=provider.name, delivery=str(item.id))
            answer = Ambiguous(f"The adapter failed during the call ({type(error).__name__}).", code="adapter")
        finally:
            written = settlement(item, provider.name, answer, self.policy, idempotent=is_idempotent(provider))
            self.settler.put(written)
            CALL_SECONDS.labels(queue, provider.name).observe(time.monotonic() - begun)
            ATTEMPTS.labels(queue, provider.name, written.outcome).inc()
            WAIT_SECONDS.labels(queue).observe(item.age)

    def _give_back(self, held: Sequence[Claimed]) -> None:
        try:
            self.work.release(held)
        except LedgerUnavailable as error:
            log.warning("claims not given back; their lease ends them", claims=len(held), reason=str(error))
