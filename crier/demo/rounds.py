"""Which vendors send in the demo. A channel has one at a time, so that each gets its turn in a round of its own."""

from collections.abc import Mapping

Vendors = Mapping[str, str]

FIRST: Vendors = {"email": "smtp", "sms": "twilio", "whatsapp": "twilio", "push": "fcm"}
"""By channel: who sends nearly everything."""

OTHERS: tuple[Vendors, ...] = (
    {"email": "sendgrid", "sms": "http", "push": "onesignal"},
    {"email": "ses"},
    {"email": "mailgun"},
)
"""Then these, in this order; a channel that is not named stays with the one before."""


def routes(vendors: Vendors) -> dict[str, str]:
    """The settings that make them the route."""
    return {f"CRIER_{channel.upper()}_ROUTE": vendor for channel, vendor in vendors.items()}
