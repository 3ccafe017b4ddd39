"""The text both sides send, and to whom."""

from collections.abc import Callable, Mapping
from typing import Any

TEMPLATE = "bench"
SMS = "Hello {{ first_name }}, your table for {{ guests }} is booked: {{ reference }}."
SUBJECT = "Your table for {{ guests }}"

# What the peer does not have: declared variables.
MANIFEST = """
description = "A small text with three variables."
kind = "transactional"

[variables.first_name]
type = "string"
max_length = 100

[variables.guests]
type = "integer"

[variables.reference]
type = "string"
max_length = 40

[sample]
first_name = "Ada"
guests = 2
reference = "T-1"
"""


PROMPT = 50_000_000
"""Phone numbers from this one on are those of critical messages, where a campaign runs beside them."""


def phone(number: int) -> str:
    """The `number`-th phone number: a possible one (E.164), and nobody else's in a run."""
    return f"+447{400_000_000 + number}"


def address(channel: str, number: int) -> str:
    """The `number`-th target: a phone number, or a mail address."""
    return phone(number) if channel == "sms" else f"guest.{number}@example.com"


def recipient(channel: str, number: int) -> dict[str, Any]:
    """The `number`-th recipient, with the template's variables."""
    to = {"phone" if channel == "sms" else "email": address(channel, number)}
    return {"to": to, "data": {"first_name": "Ada", "guests": 2 + number % 7, "reference": f"T-{number}"}}


def one(channel: str, number: int, **envelope: str) -> Mapping[str, Any]:
    """The body of a request for one message."""
    return {"template": TEMPLATE, "channel": channel, **recipient(channel, number), **envelope}


def many(channel: str, numbers: range, **envelope: str) -> Mapping[str, Any]:
    """The body of a request for many."""
    recipients = [recipient(channel, number) for number in numbers]
    return {"template": TEMPLATE, "channel": channel, "recipients": recipients, **envelope}


def provider_of(addresses: str) -> Callable[[str], str]:
    """Which provider a phone number's message goes to.

    Parameters:
        addresses: of the provider; after a space, where there is one, of that of critical messages.
    """
    usual, *prompt = addresses.split()
    first = phone(PROMPT)
    return lambda to: prompt[0] if prompt and to >= first else usual
