"""Settings of the email service. Those of a vendor are beside its adapter."""

from dataclasses import dataclass

from shared.providers.route_settings import rates_setting, route_setting


@dataclass(frozen=True)
class EmailSettings:
    """Who sends, and how fast."""

    route: tuple[str, ...] = route_setting("email")
    rates: tuple[str, ...] = rates_setting("email")
