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
        vendors: the stand-ins of which one has to get it.
        target: the address, number or token, as the vendor gets it.
        name: the recipient's name, as a mail shows it.
        content: what has to arrive; None where nothing may.
        state: how it has to end. `sent` is as well `delivered`, where the vendor reports it.
        refused: how many calls the vendors have to refuse; None where that is a matter of chance.
        times: how often it has to be taken; more than once only where that was asked for.
        not_before: when a vendor may be called at the earliest.
    """

    group: str
    what: str
    notification: str
    delivery: str
    channel: str
    vendors: tuple[str, ...]
    target: str
    content: Content | None
    name: str | None = None
    state: str = "sent"
    refused: int | None = 0
    times: int = 1
    not_before: datetime | None = None

    @property
    def accepted(self) -> int:
        """How many calls the vendors have to accept."""
        return 0 if self.content is None else self.times

    @property
    def states(self) -> tuple[str, ...]:
        """How it may end."""
        return ("sent", "delivered") if self.state == "sent" else (self.state,)


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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a part of the demo saw of its promise, in a line.

    Parameters:
        kept: whether that is what was promised.
    """

    promise: str
    told: str
    kept: bool = True
