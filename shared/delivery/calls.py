"""Calling providers: many at once on the event loop, each with a deadline that nothing can hold up."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from prometheus_client import Counter, Histogram

from shared.delivery.alerts import Alerts
from shared.delivery.channel import Channel
from shared.delivery.doubts import Ask, find_after
from shared.delivery.outcomes import Circumstances, RetryPolicy, not_called, settlement, taken
from shared.delivery.settler import Settler
from shared.errors import Ambiguous, SendError, Unavailable
from shared.ledger.work import Claimed
from shared.providers.port import LookUp, Provider, Sent, is_idempotent
from shared.providers.turn import Permit
from shared.telemetry.metrics import ATTEMPTS, CALL_SECONDS, WAIT_SECONDS

log = structlog.get_logger(__name__)

BEGUN_TOGETHER = 10
"""Calls of a batch that are begun before the event loop turns to whatever else there is."""

GRACE = 1.0
"""Seconds after its deadline in which a call has to have ended; then it is left alone."""
_ALERTS = Alerts()
_Task = asyncio.Task[Any]


class NotCalled(Unavailable):
    """What its provider was not asked, because it was found to be down since permission was given."""


class Call(NamedTuple):
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
        """Make all of them at once, and settle each as soon as it is answered, or has been silent for `seconds`.

        They are begun a few at a time, so that a one-time code need not wait until a whole batch of others has begun.
        """
        deadline = _Deadline(seconds)
        tasks: dict[_Task, Call] = {}
        waiting = {call.item.id: call for call in calls}
        try:
            for number, call in enumerate(calls, 1):
                tasks[asyncio.create_task(self._one(call, deadline, waiting))] = call
                if number % BEGUN_TOGETHER == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            # A task that is cancelled before its first step takes none: only here is it known that nobody was called.
            for call in waiting.values():
                self.settler.put(not_called(call.item, call.provider.name, "The worker was stopped before the call."))
            raise
        for task in await _ended(tasks, seconds, deadline):
            call = tasks[task]
            log.error("an adapter does not stop when it is told to", provider=call.provider.name)
            self._settle(call, deadline.silence(), seconds + GRACE)

    async def look_up(self, asked: Sequence[tuple[Claimed, Any, Ask]], seconds: float) -> list[LookUp | None]:
        """What providers say of calls in doubt, asked all at once; None where one did not say within `seconds`."""
        deadline = _Deadline(seconds)
        tasks = [asyncio.create_task(self._find(*each, deadline)) for each in asked]
        unended = await _ended(tasks, seconds, deadline)
        answers = [None if task in unended else task.result() for task in tasks]
        for (_, _, ask), answer in zip(asked, answers, strict=True):
            if ask.is_probe:
                await self._tell_of_probe(ask.provider.name, works=answer is not None)
        return answers

    async def _tell_of_probe(self, name: str, *, works: bool) -> None:
        standings = self.channel.route.standings
        await asyncio.get_running_loop().run_in_executor(standings.threads, lambda: standings.probed(name, works=works))

    async def _find(self, item: Claimed, message: Any, ask: Ask, deadline: "_Deadline") -> LookUp | None:
        provider = ask.provider
        try:
            found: LookUp = await provider.find(message, item.started_at, item.started_ago or 0.0)
            return found
        except SendError as error:
            log.warning("a look-up failed", provider=provider.name, delivery=str(item.id), reason=str(error))
        except asyncio.CancelledError:
            if not deadline.is_over:
                raise
            log.warning("a look-up took too long", provider=provider.name, delivery=str(item.id))
        except Exception:
            log.exception("a look-up failed", provider=provider.name, delivery=str(item.id))
        return None

    async def _one(self, call: Call, deadline: "_Deadline", waiting: dict[UUID, Call]) -> None:
        del waiting[call.item.id]
        begun = time.monotonic()
        answer: Sent | SendError | None = None
        try:
            answer = await self._answer(call, deadline)
            await self._tell(call, answer)
        finally:
            self._settle(call, answer or _interrupted(), time.monotonic() - begun)

    async def _answer(self, call: Call, deadline: "_Deadline") -> Sent | SendError:
        name, standings = call.provider.name, self.channel.route.standings
        if standings.is_shut(name) and not call.permit.is_probe:
            wait = max(1.0, standings.of(name).wait)
            return NotCalled(f"{name} is not called: it has just begun to fail.", code="breaker", retry_after=wait)
        try:
            sent: Sent = await call.provider.send(call.message)
            return sent
        except SendError as error:
            return error
        except asyncio.CancelledError:
            if not deadline.is_over:
                raise
            return deadline.silence()
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
        item, name = call.item, call.provider.name
        if isinstance(answer, Sent):
            written = taken(item, name, answer)
        else:
            written = settlement(item, name, answer, self.policy, self._circumstances(call))
        self.settler.put(written._replace(suspect=True) if item.deaths else written)
        call_seconds, wait_seconds = _timers(self.queue, name)
        call_seconds.observe(seconds)
        wait_seconds.observe(item.age)
        _counter(self.queue, name, written.outcome).inc()

    def _circumstances(self, call: Call) -> Circumstances:
        route, name = self.channel.route, call.provider.name
        return Circumstances(
            idempotent=is_idempotent(call.provider),
            find_after=find_after(call.provider),
            providers=len(route.providers),
            elsewhere=route.others(name),
            standing=route.standings.of(name),
            cleared=call.cleared,
            sender=call.sender,
        )


class _Deadline:
    """Of a whole batch, whose calls begin together: a timer for each would cost more than some calls do."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_over = False

    def silence(self) -> Ambiguous:
        """What there is to say of a call that had no answer by then."""
        return Ambiguous(f"No answer within {self._seconds:g} s: nobody knows whether it was sent.", code="timeout")


def _interrupted() -> Ambiguous:
    return Ambiguous("The call was interrupted: nobody knows whether it was sent.")


# Looked up once: finding a metric by its labels costs more than counting.
@cache
def _timers(queue: str, provider: str) -> tuple[Histogram, Histogram]:
    return CALL_SECONDS.labels(queue, provider), WAIT_SECONDS.labels(queue)


@cache
def _counter(queue: str, provider: str, outcome: str) -> Counter:
    return ATTEMPTS.labels(queue, provider, outcome)


async def _ended(tasks: Collection[_Task], seconds: float, deadline: _Deadline) -> set[_Task]:
    """Wait `seconds` for all, then tell the others to stop; those that have not within `GRACE` are left alone."""
    try:
        _, late = await asyncio.wait(tasks, timeout=seconds)
        if late:
            deadline.is_over = True
            for task in late:
                task.cancel()
            _, late = await asyncio.wait(late, timeout=GRACE)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=GRACE / 2)
        raise
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()
    return late
