"""What arrived, whichever vendor took it."""

from dataclasses import dataclass

from shared.messages.content import Content


@dataclass(frozen=True, slots=True)
class Arrived:
    """What arrived, and for whom.

    Parameters:
        target: the address, number or token.
        name: the recipient's name, as a mail shows it; None on other channels.
    """

    target: str
    content: Content
    name: str | None = None
