"""What the demo asked for, delivery by delivery, and what has to come of each."""

from dataclasses import dataclass
from datetime import datetime

from shared.messages.content import Content


@dataclass(frozen=True, slots=True)
class Asked:
    """One delivery.

    Parameters:
        group: which part of the demo it belongs to.
        what: for people, e.g. `recipients.csv, row 17`.
        vendor: the stand-in that has to get it.
        target: the address, number or token, as the vendor gets it.
        name: the recipient's name, as a mail shows it.
        content: what has to arrive; None where nothing may.
        state: how it has to end.
        refused: how many calls the vendor has to refuse.
        not_before: when the vendor may be called at the earliest.
    """

    group: str
    what: str
    notification: str
    delivery: str
    channel: str
    vendor: str
    target: str
    content: Content | None
    name: str | None = None
    state: str = "sent"
    refused: int = 0
    not_before: datetime | None = None

    @property
    def accepted(self) -> int:
        """How many calls the vendor has to accept."""
        return 0 if self.content is None else 1


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Parameters:
        kind: `missing`, `doubled`, `unasked`, `altered`, `early`, `refusals`, `state`, `rows`, `secret` or `promise`.
        what: the delivery, row or call it is about.
    """

    kind: str
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}: {self.detail}"
