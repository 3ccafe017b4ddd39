"""Who mails come from when nobody says otherwise: the setting that every mail provider has under a name of its own."""

from typing import Any

from services.email.mime import mailbox
from shared.settings import setting


def sender_setting(variable: str) -> Any:
    """The sender as a required setting: `address` or `Name <address>`, checked when the process starts."""
    return setting(variable, "Who mails come from: an address, or Name <address>.", check=_mailbox)


def _mailbox(value: str) -> str | None:
    try:
        mailbox(value)
    except ValueError as error:
        return f"must be an address, or Name <address>: {error}"
    return None
