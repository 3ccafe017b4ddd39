"""What a row of a provider's table says an event is."""

from typing import NamedTuple

from shared.receipts.port import Kind


class Meaning(NamedTuple):
    """A kind, and why the target must not be written to from now on (`Receipt.suppress`)."""

    kind: Kind
    suppress: str | None = None
