"""A turn: the calls one batch may begin, and to whom."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from shared.providers.permission import Grant
from shared.providers.port import M, Provider


@dataclass(frozen=True, slots=True)
class Permit(Generic[M]):
    """Permission for one call."""

    provider: Provider[M]
    is_probe: bool = False


class Turn(Generic[M]):
    """What was granted, drawn from call by call.

    Parameters:
        order: the providers, the preferred ones first.
        most: deliveries that may be claimed.
        more: asks for more calls of a provider.
        spread: they share; otherwise the first of them that has calls left has the next.
        is_busy: nothing is granted because every call that may be open is; not because somebody fails.

    Attributes:
        slots: room that is taken for its calls, by provider.
        goes_on: its calls are still open when the block of `Route.turn` ends; `Route.end` says when they are not.
    """

    def __init__(
        self,
        order: Sequence[Provider[M]],
        most: int,
        more: Callable[[str, int], Grant],
        *,
        spread: bool = False,
        is_busy: bool = False,
    ) -> None:
        self._order = {provider.name: provider for provider in order}
        self._spread = spread
        self._most = most
        self._more = more
        self._left: Counter[str] = Counter()
        self._owed: Counter[str] = Counter()
        self._probes: set[str] = set()
        self._permits: dict[tuple[str, bool], Permit[M]] = {}
        self.slots: Counter[str] = Counter()
        self.is_busy = is_busy
        self.goes_on = False
        self.troubled = 0

    @property
    def size(self) -> int:
        """Deliveries that may be claimed."""
        return min(self._most, self._left.total())

    def add(self, name: str, grant: Grant) -> None:
        """Have more to draw from."""
        self._left[name] += grant.count
        self._owed[name] += grant.count
        if grant.is_probe:
            self._probes.add(name)

    def want(self, name: str, count: int) -> None:
        """See that `count` calls of a provider can be drawn, as far as it may be called."""
        if name in self._order and (missing := count - self._left[name]) > 0:
            self.add(name, self._more(name, missing))

    def want_others(self, name: str, count: int) -> None:
        """See that `count` calls of anybody else can be drawn, as far as there is one who may be called."""
        for other in self._order:
            missing = count - sum(left for granted, left in self._left.items() if granted != name)
            if other != name and missing > 0:
                self.add(other, self._more(other, missing))

    def draw(self, *, avoid: str | None = None) -> Permit[M] | None:
        """The next call; not to `avoid` where there is a choice."""
        names = [name for name in self._order if self._left[name]]
        names = [name for name in names if name != avoid] or names
        if not names:
            return None
        if not self._spread or self._probes.intersection(names):
            return self.draw_from(next((name for name in names if name in self._probes), names[0]))
        return self.draw_from(random.choices(names, [self._left[name] for name in names])[0])

    def draw_from(self, name: str) -> Permit[M] | None:
        """A call of this provider, where there is one."""
        if not self._left[name]:
            return None
        self._left[name] -= 1
        kind = name, name in self._probes
        if (permit := self._permits.get(kind)) is None:
            permit = self._permits[kind] = Permit(self._order[name], kind[1])
        return permit

    def begin(self, permits: Iterable[Permit[Any]]) -> None:
        """These calls are made; the others are owed."""
        self._owed.subtract(permit.provider.name for permit in permits)

    def owed(self) -> list[tuple[str, int, bool]]:
        """What was granted and is not used: provider, count, whether a probe. After this nothing is left."""
        owed = [(name, count, name in self._probes) for name, count in self._owed.items() if count > 0]
        self._owed.clear()
        self._left.clear()
        return owed
