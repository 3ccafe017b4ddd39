"""A channel's route: its providers in order of preference or sharing by weight, assembled from the environment."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from typing import Any, Generic

from shared.errors import SettingsError
from shared.providers.permission import UNTROUBLED, Grant, Permission, Rate, Wish, subject_of
from shared.providers.permission_local import LocalPermission
from shared.providers.port import M, Provider
from shared.providers.route_settings import names_of, weights_of
from shared.providers.slots import Slots
from shared.providers.standings import Standings
from shared.providers.turn import Turn
from shared.settings import load_one, one_of, variable_of

OUTBOX = "outbox"


@dataclass(frozen=True)
class Vendor(Generic[M]):
    """How to build one adapter: the settings it needs and what makes it of them.

    Parameters:
        signs: the variables any of which says that it is meant; by default those it cannot do without.
    """

    settings: type[Any]
    build: Callable[[Any], Provider[M]]
    signs: tuple[str, ...] = ()

    def configured(self, environ: Mapping[str, str]) -> bool:
        """True when any variable that says so is set."""
        required = [variable_of(f) for f in fields(self.settings) if f.default is MISSING]
        return any(environ.get(name) for name in self.signs or required)


class Route(Generic[M]):
    """The providers of a channel, and permission to call them.

    Parameters:
        providers: in order of preference.
        channel: whose they are.
        weights: how they share; without any the first that may be called has everything.
        rates: what each may have at most.
        permission: what is known of them; by default what this process finds out.
    """

    def __init__(
        self,
        providers: Sequence[Provider[M]],
        *,
        channel: str = "",
        weights: Mapping[str, int] | None = None,
        rates: Mapping[str, Rate] | None = None,
        permission: Permission | None = None,
    ) -> None:
        self.providers = tuple(providers)
        self.standings = Standings(channel, permission or LocalPermission())
        self._channel = channel
        self._permission = self.standings.permission
        self._weights = weights or {}
        self._rates = rates or {}
        self._slots = Slots({provider.name: provider.concurrency for provider in providers})

    def provider(self, name: str | None) -> Provider[M] | None:
        """The provider of that name, if it is in the route."""
        return next((provider for provider in self.providers if provider.name == name), None)

    def others(self, name: str) -> bool:
        """Whether anybody else may be called now, by what was heard last."""
        return any(p.name != name and not self.standings.is_shut(p.name) for p in self.providers)

    @contextmanager
    def turn(self, most: int, *, urgent: bool, seconds: float) -> Iterator[Turn[M]]:
        """Permission to begin up to `most` calls, for the time of the block.

        One question to whoever keeps the standings. Nothing is granted where nobody may be called now.

        Parameters:
            urgent: a one-time code's lane: it has what others leave.
            seconds: how long to wait for calls that are open to end.
        """
        taken = self._slots.take(most, urgent=urgent, seconds=seconds, expected=self._expected())
        wanted = self._wanted(taken, most)

        def more(name: str, count: int) -> Grant:
            room = self._slots.take_now(name, count, urgent=urgent)
            if not room:
                return Grant(0, False, UNTROUBLED)
            turn.slots[name] += room
            grant = self._ask({name: room}, room, urgent=urgent)[0][name]
            self._free(turn, name, room - grant.count)
            return grant

        turn = Turn(self.providers, most, more, spread=bool(self._weights), is_busy=not taken)
        turn.slots.update(taken)
        try:
            if taken:
                grants, turn.troubled = self._ask(wanted, most, urgent=urgent)
                for name, grant in grants.items():
                    turn.add(name, grant)
                    self._free(turn, name, taken[name] - grant.count)
            yield turn
        finally:
            self.give_back(turn)
            if not turn.goes_on:
                self.end(turn)

    def end(self, turn: Turn[M]) -> None:
        """The calls of a turn have ended."""
        self._slots.give_back(turn.slots)

    def give_back(self, turn: Turn[M]) -> None:
        """Let others have what a turn did not need: its slots, its tokens, its probe."""
        for name, count, is_probe in turn.owed():
            self._free(turn, name, count)
            if is_probe or name in self._rates:
                self._permission.give_back(subject_of(self._channel, name), count, is_probe=is_probe)

    def _free(self, turn: Turn[M], name: str, count: int) -> None:
        if count:
            turn.slots[name] -= count
            self._slots.give_back({name: count})

    def _expected(self) -> list[str]:
        """Whose calls to wait for: of those that may be called, all that share, or the preferred one."""
        names = [provider.name for provider in self.providers]
        open_ = [name for name in names if not self.standings.is_shut(name)]
        return open_[: None if self._weights else 1] or names

    def _wanted(self, taken: Mapping[str, int], most: int) -> dict[str, int]:
        """How many calls of each to ask for, the preferred provider first."""
        room = {provider.name: taken[provider.name] for provider in self.providers if provider.name in taken}
        sharing = [name for name in room if self._weights and not self.standings.is_shut(name)]
        if not sharing:
            return room
        # Shares are drawn until one cannot be had: taking all the room there is would make equals of them.
        left = dict(room)
        for name in random.choices(sharing, [self._weights[name] for name in sharing], k=most):
            if not left[name]:
                break
            left[name] -= 1
        return {name: room[name] - left[name] if name in sharing else 1 for name in room}

    def _ask(self, room: Mapping[str, int], most: int, *, urgent: bool) -> tuple[dict[str, Grant], int]:
        wishes = [Wish(subject_of(self._channel, name), count, self._rates.get(name)) for name, count in room.items()]
        answer = self._permission.ask(wishes, most, urgent=urgent, spread=bool(self._weights))
        grants = dict(zip(room, answer.grants, strict=True))
        for name, grant in grants.items():
            self.standings.learn(name, grant.standing)
        return grants, answer.troubled

    async def close(self) -> None:
        """Close every provider's connections."""
        for provider in self.providers:
            await provider.close()


def assemble(
    channel: str,
    named: Sequence[str],
    vendors: Mapping[str, Vendor[M]],
    outbox: Provider[M],
    environ: Mapping[str, str],
    *,
    rates: Mapping[str, Rate] | None = None,
    permission: Permission | None = None,
) -> Route[M]:
    """Build a channel's route.

    Parameters:
        channel: whose; errors name its settings, e.g. `CRIER_SMS_ROUTE`.
        named: the entries of its route; empty means the first that is configured, else the outbox. Nothing goes to a
            second one unasked: its numbers may be dearer, its tokens other ones.
        vendors: the channel's table of adapters.
        rates: by provider.

    Raises:
        SettingsError: an unknown provider, or one whose settings are missing or wrong.
    """
    prefix = f"CRIER_{channel.upper()}"
    configured = (name for name, vendor in vendors.items() if vendor.configured(environ))
    names = names_of(named) or [next(configured, OUTBOX)]
    known = one_of(*vendors, OUTBOX)
    problems = [f"{prefix}_ROUTE {wrong}" for name in names if (wrong := known(name))]
    problems += [f"{prefix}_RATES {wrong}" for name in rates or {} if (wrong := known(name))]
    providers: list[Provider[M]] = []
    for name in names:
        if name == OUTBOX:
            providers.append(outbox)
        elif name in vendors:
            try:
                providers.append(vendors[name].build(load_one(vendors[name].settings, environ)))
            except SettingsError as error:
                problems += error.problems
    if problems:
        raise SettingsError(problems)
    return Route(providers, channel=channel, weights=weights_of(named), rates=rates, permission=permission)
