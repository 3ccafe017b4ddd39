"""Settings of the push service. Those of a vendor are beside its adapter."""

from dataclasses import dataclass

from shared.providers.route_settings import rates_setting, route_setting


@dataclass(frozen=True)
class PushSettings:
    """Who sends, and how fast."""

    route: tuple[str, ...] = route_setting("push")
    rates: tuple[str, ...] = rates_setting("push")
