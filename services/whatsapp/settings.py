"""Settings of the WhatsApp service. Those of a vendor are beside its adapter."""

from dataclasses import dataclass

from shared.settings import setting


@dataclass(frozen=True)
class WhatsAppSettings:
    """The route."""

    route: tuple[str, ...] = setting(
        "CRIER_WHATSAPP_ROUTE",
        "Providers in order of preference; unset: whatever is configured, else the outbox.",
        default=(),
    )
