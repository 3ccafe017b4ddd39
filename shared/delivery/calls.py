"""Calling providers: many at once on the event loop, each with a deadline that nothing can hold up."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from shared.delivery.alerts import Alerts
from shared.delivery.channel import Channel
from shared.delivery.doubts import Ask, find_after
from shared.delivery.outcomes import Circumstances, RetryPolicy, settlement
from shared.delivery.settler import Settler
from shared.errors import Ambiguous, SendError, Unavailable
from shared.ledger.work import Claimed
from shared.providers.port import LookUp, Provider, Sent, is_idempotent
from shared.providers.turn import Permit
from shared.telemetry.metrics import ATTEMPTS, CALL_SECONDS, WAIT_SECONDS

log = structlog.get_logger(__name__)

GRACE = 1.0
"""Seconds after its deadline in which a call has to have ended; then it is left alone."""
_ALERTS = Alerts()
_Task = asyncio.Task[Any]


class NotCalled(Unavailable):
    """What its provider was not asked, because it was found to be down since permission was given."""


@dataclass(frozen=True, slots=True)
class Call:
    """A message on its way to a provider.

    Parameters:
        cleared: a look-up has settled that earlier calls sent nothing.
        destination: where it goes, if that has a breaker of its own; `watched` if failures of it are known.
    """

    item: Claimed
    message: Any
    permit: Permit[Any]
    cleared: bool = False
    destination: str = ""
    watched: bool = False

    @property
    def provider(self) -> Provider[Any]:
        """Whom it goes to."""
        return self.permit.provider

    @property
    def place(self) -> tuple[str, str]:
        """Provider and destination."""
        return self.provider.name, self.destination

    @property
    def sender(self) -> str:
        """Who it comes from, where the message says so."""
        return getattr(self.message, "sender", None) or ""


@dataclass(frozen=True)
class Calls:
    """The calls of one batch."""

    queue: str
    channel: Channel
    settler: Settler
    policy: RetryPolicy

    async def make(self, calls: Sequence[Call], seconds: float) -> None:
        """Make all of them at once, and settle each as soon as it is answered, or has been silent for `seconds`."""
        tasks = {asyncio.create_task(self._one(call, seconds)): call for call in calls}
        for task in await _ended(tasks, seconds + GRACE):
            call = tasks[task]
            log.error("an adapter does not stop when it is told to", provider=call.provider.name)
            self._settle(call, _silence(seconds), seconds + GRACE)

    async def look_up(self, asked: Sequence[tuple[Claimed, Any, Ask]], seconds: float) -> list[LookUp | None]:
        """What providers say of calls in doubt, asked all at once; None where one did not say within `seconds`."""
        tasks = [asyncio.create_task(self._find(*each, seconds)) for each in asked]
        unended = await _ended(tasks, seconds + GRACE)
        answers = [None if task in unended else task.result() for task in tasks]
        for (_, _, ask), answer in zip(asked, answers, strict=True):
            if ask.is_probe:
                await self._tell_of_probe(ask.provider.name, works=answer is not None)
        return answers

    async def _tell_of_probe(self, name: str, *, works: bool) -> None:
        standings = self.channel.route.standings
        await asyncio.get_running_loop().run_in_executor(standings.threads, lambda: standings.probed(name, works=works))

    async def _find(self, item: Claimed, message: Any, ask: Ask, seconds: float) -> LookUp | None:
        provider = ask.provider
        try:
            async with asyncio.timeout(seconds):
                found: LookUp = await provider.find(message, item.started_at, item.started_ago or 0.0)
                return found
        except (SendError, TimeoutError) as error:
            log.warning("a look-up failed", provider=provider.name, delivery=str(item.id), reason=str(error))
        except Exception:
            log.exception("a look-up failed", provider=provider.name, delivery=str(item.id))
        return None

    async def _one(self, call: Call, seconds: float) -> None:
        begun = time.monotonic()
        answer: Sent | SendError = Ambiguous("The call was interrupted: nobody knows whether it was sent.")
        try:
            answer = await self._answer(call, seconds)
            await self._tell(call, answer)
        finally:
            self._settle(call, answer, time.monotonic() - begun)

    async def _answer(self, call: Call, seconds: float) -> Sent | SendError:
        name, standings = call.provider.name, self.channel.route.standings
        if standings.is_shut(name) and not call.permit.is_probe:
            wait = max(1.0, standings.of(name).wait)
            return NotCalled(f"{name} is not called: it has just begun to fail.", code="breaker", retry_after=wait)
        try:
            async with asyncio.timeout(seconds):
                sent: Sent = await call.provider.send(call.message)
                return sent
        except SendError as error:
            return error
        except TimeoutError:
            return _silence(seconds)
        except Exception as error:
            log.exception("a provider adapter failed", provider=name, delivery=str(call.item.id))
            reason = f"The adapter failed during the call ({type(error).__name__}): nobody knows whether it was sent."
            return Ambiguous(reason, code="adapter")

    async def _tell(self, call: Call, answer: Sent | SendError) -> None:
        """Have all workers know what the answer says of the provider, where that is news."""
        if isinstance(answer, NotCalled):
            return
        if isinstance(answer, SendError):
            _ALERTS.heard(self.channel.name, call.provider.name, answer)
        standings = self.channel.route.standings
        tell = standings.news(
            call.provider.name,
            answer,
            is_probe=call.permit.is_probe,
            destination=call.destination,
            watched=call.watched,
        )
        if tell:
            await asyncio.get_running_loop().run_in_executor(standings.threads, tell)

    def _settle(self, call: Call, answer: Sent | SendError, seconds: float) -> None:
        route, name = self.channel.route, call.provider.name
        about = Circumstances(
            idempotent=is_idempotent(call.provider),
            find_after=find_after(call.provider),
            providers=len(route.providers),
            elsewhere=route.others(name),
            standing=route.standings.of(name),
            cleared=call.cleared,
            sender=call.sender,
        )
        written = settlement(call.item, name, answer, self.policy, about)
        self.settler.put(replace(written, suspect=call.item.deaths > 0))
        CALL_SECONDS.labels(self.queue, name).observe(seconds)
        ATTEMPTS.labels(self.queue, name, written.outcome).inc()
        WAIT_SECONDS.labels(self.queue).observe(call.item.age)


def _silence(seconds: float) -> Ambiguous:
    return Ambiguous(f"No answer within {seconds:g} s: nobody knows whether it was sent.", code="timeout")


async def _ended(
    tasks: Sequence["asyncio.Task[Any]"] | dict["asyncio.Task[Any]", Any], seconds: float
) -> set["asyncio.Task[Any]"]:
    """Wait for all; those that have not ended within `seconds`. Each is told to stop, and nobody waits for it."""
    try:
        done, unended = await asyncio.wait(tasks, timeout=seconds)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=GRACE / 2)
        raise
    for task in unended:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.result()
    return unended
