"""What a process last heard of its channel's providers, and what their answers say about them."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import structlog

from shared.errors import Ambiguous, SendError, Unavailable
from shared.providers.permission import FAULT_WEIGHT, UNTROUBLED, Breaker, Grant, Permission, Standing, Wish, subject_of
from shared.providers.port import Sent
from shared.telemetry.metrics import BREAKER

log = structlog.get_logger(__name__)

_SAYING = {
    Breaker.CLOSED: "a provider works again",
    Breaker.WAITING: "a provider asked for patience",
    Breaker.OPEN: "a provider fails: it is only probed until it works again",
}

_UNHEARD = (UNTROUBLED, 0.0)


class Standings:
    """The providers of one channel, as this process sees them.

    Parameters:
        permission: what all know.
    """

    def __init__(self, channel: str, permission: Permission) -> None:
        self.permission = permission
        # Apart from the loop's own threads, which an adapter that blocks may have used up.
        self.threads = ThreadPoolExecutor(4, thread_name_prefix="standings")
        self._channel = channel
        self._heard: dict[str, tuple[Standing, float]] = {}

    def of(self, provider: str) -> Standing:
        """What is known of a provider now, without asking anybody."""
        standing, heard_at = self._heard.get(provider, _UNHEARD)
        if not standing.wait:
            return standing
        return replace(standing, wait=max(0.0, standing.wait - (time.monotonic() - heard_at)))

    def is_shut(self, provider: str) -> bool:
        """Whether it must not be called, except as a probe, by what was heard last."""
        standing = self.of(provider)
        return standing.breaker is Breaker.OPEN or (standing.breaker is Breaker.WAITING and standing.wait > 0)

    def learn(self, provider: str, standing: Standing) -> None:
        """Remember what was heard; a change is logged."""
        before = self._heard.get(provider, _UNHEARD)[0].breaker
        self._heard[provider] = standing, time.monotonic()
        BREAKER.labels(self._channel, provider).set(standing.breaker)
        if standing.breaker is not before:
            say = log.info if standing.breaker is Breaker.CLOSED else log.warning
            say(_SAYING[standing.breaker], channel=self._channel, provider=provider, wait=round(standing.wait, 1))

    def probed(self, provider: str, *, works: bool) -> None:
        """Have all know what a question to a provider with an open breaker showed. May take `PATIENCE` seconds."""
        subject = subject_of(self._channel, provider)
        told = self.permission.succeeded(subject) if works else self.permission.failed(subject, is_probe=True)
        self.learn(provider, told)

    def destinations(self, calls: Counter[tuple[str, str]]) -> dict[tuple[str, str], Grant]:
        """How many of the calls to each (provider, destination) may be begun."""
        wishes = [Wish(subject_of(self._channel, *place), count) for place, count in calls.items()]
        answer = self.permission.ask(wishes, max(calls.values()), urgent=False, spread=True)
        return dict(zip(calls, answer.grants, strict=True))

    def news(
        self, provider: str, answer: Sent | SendError, *, is_probe: bool, destination: str, watched: bool
    ) -> Callable[[], None] | None:
        """What to tell everybody of an answer; None where it is what they expect. Telling may take `PATIENCE` seconds.

        Parameters:
            is_probe: of the provider, or of its destination where that is watched.
            destination: where it went, if that has a breaker of its own.
            watched: failures of the destination are known.
        """
        blames = answer.blames if isinstance(answer, Unavailable | Ambiguous) else None
        if blames == "provider":
            return lambda: self.learn(provider, self._against(provider, answer, is_probe=is_probe))
        heard = self._heard.get(provider, _UNHEARD)[0]
        in_doubt = is_probe or heard.failures > 0 or heard.breaker is Breaker.OPEN
        if not (in_doubt or watched or (blames == "destination" and destination)):
            return None

        def tell() -> None:
            there = subject_of(self._channel, provider, destination)
            if in_doubt:
                self.learn(provider, self.permission.succeeded(subject_of(self._channel, provider)))
            if blames == "destination" and destination:
                self.permission.failed(there, is_probe=watched)
            elif watched:
                self.permission.succeeded(there)

        return tell

    def _against(self, provider: str, answer: Sent | SendError, *, is_probe: bool) -> Standing:
        subject = subject_of(self._channel, provider)
        if isinstance(answer, Unavailable) and answer.retry_after is not None:
            return self.permission.postpone(subject, max(1.0, answer.retry_after))
        weight = FAULT_WEIGHT if isinstance(answer, Unavailable) and answer.provider_fault else 1
        return self.permission.failed(subject, weight=weight, is_probe=is_probe)
