"""Settings of the email service. Those of a vendor are beside its adapter."""

from dataclasses import dataclass

from shared.settings import setting


@dataclass(frozen=True)
class EmailSettings:
    """The route."""

    route: tuple[str, ...] = setting(
        "CRIER_EMAIL_ROUTE",
        "Providers in order of preference; unset: whatever is configured, else the outbox.",
        default=(),
    )
