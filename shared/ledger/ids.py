"""Identifiers: UUIDv7 (RFC 9562 section 5.7), so that the time of acceptance is in the key and partitions follow it."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from uuid_utils import compat

_PLACES = 1 << 20
_HASHED = (1 << 54) - 1


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return compat.uuid7()


def derived_id(parent: UUID, index: int) -> UUID:
    """The id of the `index`-th child of `parent`: always the same one, in the same partition, after that of the `index`
    before it (a million of them; then they begin among the first again). The 0-th has its parent's own.

    Doing a thing twice (a resumed upload, a repeated insert) then meets the primary key instead of a duplicate. As ids
    are in the order of an upload's rows, inserting and claiming a million of them goes from page to page of an index,
    and not back and forth in all of it.
    """
    if index == 0:
        return parent
    place = ((parent.int >> 64 & 0xFFF) << 8 | parent.int >> 54 & 0xFF) + index
    digest = int.from_bytes(sha256(parent.bytes + index.to_bytes(8, "big")).digest(), "big") & _HASHED
    high, low = divmod(place % _PLACES, 1 << 8)
    return UUID(int=(parent.int >> 80 << 80) | 7 << 76 | high << 64 | 0b10 << 62 | low << 54 | digest)


def lowest_id(moment: datetime) -> UUID:
    """The smallest id of its millisecond: a partition's bound. Before 1970 there are no ids."""
    return UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def moment_of(identifier: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def minute_of(identifier: UUID) -> int:
    """The minute since 1970 in which a UUIDv7 was made; as the database's function of that name."""
    return (identifier.int >> 80) // 60_000
