"""Permission to call: what is known of providers and destinations, and how many calls may be begun now.

A *subject* is whatever has a breaker: a provider of a channel (`sms.twilio`), or one destination behind it
(`email.smtp@example.com`); see `subject_of`. The rules are the same wherever standings are kept: for all workers in
Redis, or in one process.

- closed: calls go through. The nearer a row of failures comes to opening the breaker, the fewer are begun at once.
- waiting: the provider asked for patience, and nobody calls it before that is over.
- open: it failed too often. One call at a time probes it; the first that works closes the breaker, on probation: one
  more failure opens it again, one more success ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

THRESHOLD = 10
"""Failures in a row that open a breaker."""
FAULT_WEIGHT = 5
"""As many failures is one that says the account is at fault: it will be the same for the next message."""
STEADY_FAILURES = 3
STEADY_SECONDS = 60.0
"""So few in a row open it too when they lie this far apart, or a provider hardly used would never be found out."""
FORGET_SECONDS = 600.0
"""A row of failures is forgotten after so long without another."""
PROBE_SECONDS = 5.0
PROBE_MOST = 60.0
PROBE_SHARE = 12.0
"""From a failure to the next probe: a twelfth of the time it is open already, within these bounds."""
PROBE_LEASE = 15.0
"""A probe of which nothing was heard for so long is given up: its worker died."""
URGENT_SECONDS = 2.0
"""For so long others leave the tokens to an urgent lane that found none."""


def subject_of(channel: str, provider: str, destination: str = "") -> str:
    """The name of a provider, or of one destination behind it."""
    return f"{channel}.{provider}@{destination}" if destination else f"{channel}.{provider}"


def channel_of(subject: str) -> str:
    """The channel a subject belongs to."""
    return subject.partition(".")[0]


class Breaker(IntEnum):
    """The state of a breaker; the numbers are those of the metric."""

    CLOSED = 0
    WAITING = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a subject.

    Parameters:
        failures: in a row, the latest included; above 0 a success is worth reporting.
        wait: seconds until it may be called again.
        slow: it takes messages and reports nothing; others go first.
    """

    breaker: Breaker = Breaker.CLOSED
    failures: int = 0
    wait: float = 0.0
    slow: bool = False


UNTROUBLED = Standing()


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `per_second` come in, at most `burst` are kept."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Wish:
    """Calls somebody would like to begin: at most `room` to `subject`."""

    subject: str
    room: int
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Calls that may be begun; a probe is one."""

    count: int
    is_probe: bool
    standing: Standing


@dataclass(frozen=True, slots=True)
class Answer:
    """A grant for each wish. troubled: destinations of the channel with failures, so that they have to be asked for."""

    grants: Sequence[Grant]
    troubled: int = 0


class Permission(Protocol):
    """Where standings are kept. Nothing here ever raises because a server is away."""

    def ask(self, wishes: Sequence[Wish], size: int, *, urgent: bool, spread: bool) -> Answer:
        """Which calls may be begun now.

        Parameters:
            wishes: at least one, all of one channel, in order of preference; who is slow is moved to the end.
            size: as many calls are wanted together.
            urgent: may take the last tokens.
            spread: every wish may have up to `size`; otherwise the first whose breaker is closed has all.
        """
        ...

    def give_back(self, subject: str, count: int, *, is_probe: bool) -> None:
        """`count` granted calls were not begun."""
        ...

    def succeeded(self, subject: str) -> Standing:
        """A call worked."""
        ...

    def failed(self, subject: str, *, weight: int = 1, is_probe: bool = False) -> Standing:
        """A call failed, and the subject is to blame."""
        ...

    def postpone(self, subject: str, seconds: float) -> Standing:
        """It asked not to be called for so long."""
        ...

    def mark_slow(self, subject: str, seconds: float) -> None:
        """Prefer others for a while."""
        ...

    def known(self) -> dict[str, Standing]:
        """Every subject that is not as it should be, for people."""
        ...
