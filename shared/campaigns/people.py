"""What makes a row one person: by it, who is on a list twice is found."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

UNIQUE_BY = ("person", "email", "phone")
_PERSON = ("user_id", "email", "phone", "endpoint", "topic", "tokens")
_ORDERS = {
    "person": _PERSON,
    "email": ("email", *_PERSON),
    "phone": ("phone", *_PERSON),
}  # fmt: skip
NOBODY = "Say who it is: email, phone, user_id, or what else the channel needs."


def key_of(recipient: Mapping[str, Any], unique_by: str) -> UUID | None:
    """The same for two rows of one person; None of nobody in particular.

    Parameters:
        recipient: checked, so an address or a number is written in one way; whether in capitals does not matter.
        unique_by: `person` is the user id, else the address, else the number.
    """
    for name in _ORDERS[unique_by]:
        if value := recipient.get(name):
            said = value if isinstance(value, str) else " ".join(sorted(value))
            said = said.lower() if name == "email" else said
            return UUID(bytes=sha256(f"{name}\0{said}".encode()).digest()[:16])
    return None
