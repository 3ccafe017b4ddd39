"""Who a person is, where it matters how much one gets: the caller's own id of them, else where it goes."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

NOBODY = frozenset({"webhook", "chat"})
"""Channels whose messages go to no person: nobody chooses, sleeps or counts there."""


def person_of(recipient: Mapping[str, Any], targets: Sequence[str]) -> str:
    """A person, in one word. An id and an address are never mistaken for each other."""
    if user_id := recipient.get("user_id"):
        return f"user:{user_id}"
    return "target:" + "\0".join(sorted(target.lower() for target in targets))


def key_of(*parts: object) -> UUID:
    """A hash of some parts, short enough for an index and without anybody's address in it."""
    digest = sha256("\0".join(f"{len(str(part))}:{part}" for part in parts).encode()).digest()
    return UUID(bytes=digest[:16])
