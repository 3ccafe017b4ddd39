"""Settings of the push service. Those of a vendor are beside its adapter."""

from dataclasses import dataclass

from shared.settings import setting


@dataclass(frozen=True)
class PushSettings:
    """The route."""

    route: tuple[str, ...] = setting(
        "CRIER_PUSH_ROUTE",
        "Providers in order of preference; unset: whatever is configured, else the outbox.",
        default=(),
    )
