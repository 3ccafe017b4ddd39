"""What can be known of a message after a provider took it: the one table of who reports what.

A chain that waits for what nobody reports would always go on: such a request is refused.
"""

from collections.abc import Iterable, Mapping

NOTHING, DELIVERED, OPENED, CLICKED = "sent", "delivered", "opened", "clicked"
"""How far a message can be followed. A provider that reports clicks makes it known that it was opened, too."""

_MAIL = CLICKED
KNOWABLE: Mapping[tuple[str, str], str] = {
    ("email", "smtp"): NOTHING,
    ("email", "sendgrid"): _MAIL,
    ("email", "mailgun"): _MAIL,
    ("email", "ses"): _MAIL,
    ("sms", "twilio"): DELIVERED,
    ("sms", "http"): NOTHING,
    ("whatsapp", "twilio"): OPENED,
    ("push", "fcm"): NOTHING,
    ("push", "onesignal"): CLICKED,
    ("inapp", "inbox"): OPENED,
    ("webhook", "webhook"): DELIVERED,
    ("chat", "apprise"): NOTHING,
}
"""By channel and provider, as `docs/chains.md` shows it."""

_BY_ITSELF = {("webhook", "webhook"), ("inapp", "inbox")}
"""Those of which we know without being told; so it is with the outbox. The others need their receipts set up."""
_OUTBOX = "outbox"
_ORDER = (NOTHING, DELIVERED, OPENED, CLICKED)


def of_channel(channel: str) -> list[str]:
    """Every provider that a channel can have."""
    return [_OUTBOX, *(provider for one, provider in KNOWABLE if one == channel)]


def knowable(channel: str, providers: Iterable[str], reporting: Iterable[str] | None = None) -> str:
    """How far a message of a channel can be followed: as far as the best of its providers reports.

    Parameters:
        reporting: the providers whose receipts are set up; None where that is not known.
    """
    reporting = None if reporting is None else frozenset(reporting)
    return max((_of(channel, one, reporting) for one in providers), key=_ORDER.index, default=NOTHING)


def is_enough(known: str, wanted: str) -> bool:
    """Whether `wanted` becomes known where messages can be followed as far as `known`."""
    return _ORDER.index(known) >= _ORDER.index(wanted)


def _of(channel: str, provider: str, reporting: frozenset[str] | None) -> str:
    if provider == _OUTBOX:
        return DELIVERED
    found = KNOWABLE.get((channel, provider), NOTHING)
    reports = reporting is None or provider in reporting or (channel, provider) in _BY_ITSELF
    return found if reports else NOTHING
