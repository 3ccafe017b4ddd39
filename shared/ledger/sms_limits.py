"""How much a project's SMS may be, and how long to wait when it is more: the rules, without where they are counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Protocol
from uuid import UUID


class Limit(StrEnum):
    """What there can be too much of. The first two are columns too, and fields of `Sms`."""

    NUMBER = "number"
    BLOCK = "block"
    SPEND = "spend"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a project may have sent: to one number, to one block of numbers, and for how much a day (UTC).

    None is no limit.
    """

    number: Rate | None = None
    block: Rate | None = None
    spend: Decimal | None = None

    @property
    def any(self) -> bool:
        """Whether anything is limited at all."""
        return not (self.number is None and self.block is None and self.spend is None)


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS that is about to be sent.

    Parameters:
        number: E.164.
        block: the numbers it is one of; None for what is not counted against its block.
    """

    delivery_id: UUID
    project_id: int
    number: str
    block: str | None
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Excess:
    """Which limit has no room for an SMS, and in how many seconds it has."""

    limit: Limit
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was let through already, as far as one limit is concerned.

    Parameters:
        key: the number or the block; for the limit of money what was spent today.
        seconds: for numbers and blocks how long ago each was, youngest first; for money what is left of today.
    """

    limit: Limit
    project_id: int
    key: str
    seconds: Sequence[float]


class Gate(Protocol):
    """One limit, while a batch is asked about."""

    limit: Limit

    def wait(self, sms: Sms) -> float:
        """Seconds until there is room; 0 when there is."""
        ...

    def take(self, sms: Sms) -> None:
        """Count it."""
        ...

    def defer(self, sms: Sms, wait: float) -> None:
        """Keep the room it will find in `wait` seconds for it, so that not all who wait come back at once."""
        ...


def gates(limits: Limits, seen: Sequence[Seen]) -> Sequence[Gate]:
    """The limits that are set, as full as they are."""
    found: list[Gate] = []
    if limits.number:
        found.append(_Window(Limit.NUMBER, limits.number, seen))
    if limits.block:
        found.append(_Window(Limit.BLOCK, limits.block, seen))
    if limits.spend is not None:
        found.append(_Budget(limits.spend, seen))
    return found


class _Window:
    """A rate: the ages of what went to each number or block, youngest first."""

    def __init__(self, limit: Limit, rate: Rate, seen: Sequence[Seen]) -> None:
        self.limit = limit
        self._rate = rate
        self._key: Callable[[Sms], str | None] = attrgetter(limit)
        self._ages: dict[tuple[int, str | None], list[float]] = {
            (one.project_id, one.key): list(one.seconds) for one in seen if one.limit is limit
        }

    def wait(self, sms: Sms) -> float:
        ages = self._ages.get((sms.project_id, self._key(sms)), [])
        return self._rate.seconds - ages[self._rate.count - 1] if len(ages) >= self._rate.count else 0.0

    def take(self, sms: Sms) -> None:
        if (ages := self._ages.get((sms.project_id, self._key(sms)))) is not None:
            ages.insert(0, 0.0)

    def defer(self, sms: Sms, wait: float) -> None:
        self._ages[sms.project_id, self._key(sms)].insert(0, -wait)


class _Budget:
    """A day's money."""

    limit = Limit.SPEND

    def __init__(self, most: Decimal, seen: Sequence[Seen]) -> None:
        self._most = most
        self._spent = {one.project_id: Decimal(one.key) for one in seen if one.limit is self.limit}
        self._left_of_today = {one.project_id: one.seconds[0] for one in seen if one.limit is self.limit}

    def wait(self, sms: Sms) -> float:
        over = self._spent[sms.project_id] + sms.cost > self._most
        return self._left_of_today[sms.project_id] if over else 0.0

    def take(self, sms: Sms) -> None:
        self._spent[sms.project_id] += sms.cost

    def defer(self, sms: Sms, wait: float) -> None:
        """Tomorrow has money for many."""
