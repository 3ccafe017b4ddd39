"""What vendors that take mail over HTTP report of it: each recipient's story (`crier.sandbox.magic_mailboxes`), in the
vendor's words.

What can be let happen to a mail later (`Sandbox.simulate`): the steps it has words for. `message` is the vendor's id
of it, or Crier's of the delivery; `recipient` whom it happens to, by default the first.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Protocol

from crier.sandbox.callbacks import Callback
from crier.sandbox.magic_mailboxes import story

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was taken.

    Parameters:
        recipients: addresses, those of copies too.
        carried: what the vendor gives back of it in its events.
    """

    reference: str
    delivery: str | None
    recipients: Sequence[str]
    carried: Mapping[str, Any] = field(default_factory=dict)
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Happening:
    """A step of a mail's story, for one recipient."""

    mail: Mail
    recipient: str
    step: str


class Writer(Protocol):
    """Writes a vendor's calls."""

    def calls(self, url: str, happenings: Sequence[Happening]) -> Sequence[Callback]:
        """What the vendor calls `url` with about what happens to one mail at once."""
        ...


class MailReports:
    """Remembers the mails, so that things can happen to them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._mails: OrderedDict[str, Mail] = OrderedDict()

    def of(self, mail: Mail, url: str | None) -> Sequence[Callback]:
        """All that becomes of a mail; nothing without an address to report to."""
        self._mails[mail.reference] = mail
        if len(self._mails) > _KEPT:
            self._mails.popitem(last=False)
        if url is None:
            return ()
        stories = [[Happening(mail, one, step) for step in story(one)] for one in mail.recipients]
        turns = zip_longest(*stories)
        return [call for turn in turns for call in self._writer.calls(url, [one for one in turn if one is not None])]

    def simulate(self, step: str, details: Mapping[str, str], url: str | None) -> Sequence[Callback]:
        """As `HttpVendor.simulate`."""
        wanted = details.get("message", "")
        found = [mail for mail in self._mails.values() if wanted in (mail.reference, mail.delivery)]
        if url is None or not found:
            raise ValueError("details: message must be a mail that was taken; callbacks need a `to`")
        mail = found[-1]
        recipient = details.get("recipient") or next(iter(mail.recipients), "")
        if recipient not in mail.recipients:
            raise ValueError(f"recipient: the mail went to {', '.join(mail.recipients)}; not {recipient!r}")
        return self._writer.calls(url, [Happening(mail, recipient, step)])

    def forget(self) -> None:
        """Drop every mail."""
        self._mails.clear()
