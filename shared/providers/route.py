"""A channel's route: its providers in order of preference, assembled from the environment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Generic

from shared.errors import SettingsError
from shared.providers.port import M, Provider
from shared.providers.slots import Slots
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
    """The ordered providers of a channel. The first one sends."""

    def __init__(self, providers: Sequence[Provider[M]]) -> None:
        self.providers = tuple(providers)
        self._slots = {provider.name: Slots(provider.concurrency) for provider in providers}

    def slots(self, provider: Provider[M]) -> Slots:
        """The calls this process may have open to one of the route's providers."""
        return self._slots[provider.name]

    def choose(self) -> Provider[M]:
        """The provider the next batch goes to."""
        return self.providers[0]

    async def close(self) -> None:
        """Close every provider's connections."""
        for provider in self.providers:
            await provider.close()


def assemble(
    variable: str,
    named: Sequence[str],
    vendors: Mapping[str, Vendor[M]],
    outbox: Provider[M],
    environ: Mapping[str, str],
) -> Route[M]:
    """Build a channel's route.

    Parameters:
        variable: the setting that names the route, e.g. `CRIER_SMS_ROUTE`; for errors.
        named: the providers it names; empty means whatever is configured, else the outbox.
        vendors: the channel's table of adapters.

    Raises:
        SettingsError: an unknown provider, or one whose settings are missing or wrong.
    """
    names = tuple(named) or tuple(name for name, vendor in vendors.items() if vendor.configured(environ)) or (OUTBOX,)
    known = one_of(*vendors, OUTBOX)
    problems = [f"{variable} {wrong}" for name in names if (wrong := known(name))]
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
    return Route(providers)
