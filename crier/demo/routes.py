"""Who sends in the demo: most lanes prefer a vendor and have another to fail over to, and one lane is shared by all.

That lane has workers of its own, with routes of their own: nothing is started anew for a vendor to have its turn.
"""

from collections.abc import Mapping

PREFERRED: Mapping[str, tuple[str, ...]] = {
    "email": ("smtp", "sendgrid"),
    "sms": ("twilio", "http"),
    "whatsapp": ("twilio",),
    "push": ("fcm",),
}
"""By channel, the preferred one first."""

SHARED_LANE = "bulk"
SHARED: Mapping[str, tuple[str, ...]] = {
    "email": ("smtp", "sendgrid", "ses", "mailgun"),
    "sms": ("twilio", "http"),
    "push": ("onesignal",),
}
"""Who shares that lane, to equal parts."""

REPORTING = frozenset({"twilio", "sendgrid", "ses", "mailgun"})
"""Vendors that tell the gateway what became of a message to one recipient."""


def vendors(channel: str, lane: str) -> tuple[str, ...]:
    """Whoever may send it."""
    return SHARED[channel] if lane == SHARED_LANE and channel in SHARED else PREFERRED[channel]


def preferred() -> dict[str, str]:
    """The settings of a worker whose routes are by preference."""
    return {_setting(channel): ",".join(names) for channel, names in PREFERRED.items()}


def shared() -> dict[str, str]:
    """The settings of a worker whose routes are shared by weight."""
    return {_setting(channel): ",".join(f"{name}:1" for name in names) for channel, names in SHARED.items()}


def _setting(channel: str) -> str:
    return f"CRIER_{channel.upper()}_ROUTE"
