"""Settings of the SMS service. Those of a vendor are beside its adapter."""

from dataclasses import dataclass

from shared.settings import one_of, positive, setting


@dataclass(frozen=True)
class SmsSettings:
    """The route, and what becomes of long texts."""

    route: tuple[str, ...] = setting(
        "CRIER_SMS_ROUTE",
        "Providers in order of preference; unset: whatever is configured, else the outbox.",
        default=(),
    )
    length: str = setting(
        "CRIER_SMS_LENGTH",
        "A text of more segments than allowed is refused (reject), cut (truncate) or sent as it is (allow).",
        default="reject",
        check=one_of("reject", "truncate", "allow"),
    )
    max_segments: int = setting("CRIER_SMS_MAX_SEGMENTS", "SMS that one text may take.", default=3, check=positive)
