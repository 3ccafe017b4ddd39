"""Settings of the chat service. Where servers of anybody's may be is in `shared/ssrf.py`; the gateway asks that too."""

from dataclasses import dataclass

from shared.providers.route_settings import rates_setting, route_setting


@dataclass(frozen=True)
class ChatSettings:
    """Who sends, and how fast."""

    route: tuple[str, ...] = route_setting("chat")
    rates: tuple[str, ...] = rates_setting("chat")
