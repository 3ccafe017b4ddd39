"""What the contract needs to know of a provider: how it is built, what its stand-in shows, what refusals mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from crier.sandbox import Entry
from shared.errors import Ambiguous, Blame, Rejected, SendError, Unavailable
from shared.http import Reply
from shared.messages.email import EmailContent, EmailMessage
from shared.messages.push import PushContent, PushMessage
from shared.messages.sms import SmsContent, SmsMessage
from shared.messages.whatsapp import WhatsAppContent, WhatsAppMessage
from shared.providers.outcomes import Row
from shared.providers.port import Found, Sent
from shared.providers.route import Vendor

CANARY = "canary-7d1f"
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Expected:
    """What a refusal means."""

    kind: type[SendError]
    dead: bool = False
    opted_out: bool = False
    alert: bool = False
    fault: bool = False
    wait: float | None = None
    blames: Blame = "provider"


REFUSED, DEAD = Expected(Rejected), Expected(Rejected, dead=True)
ALERT, OPTED_OUT = Expected(Rejected, alert=True), Expected(Rejected, opted_out=True)
LATER, FAULT, UNKNOWN = Expected(Unavailable), Expected(Unavailable, fault=True), Expected(Ambiguous)


def later(blames: Blame) -> Expected:
    return Expected(Unavailable, blames=blames)


def after(seconds: float, blames: Blame = "provider") -> Expected:
    return Expected(Unavailable, wait=seconds, blames=blames)


def answered(entry: Entry) -> Reply:
    """What an HTTP stand-in answered."""
    return Reply(entry.answered["status"], entry.answered["headers"], entry.answered["body"].encode())


@dataclass(frozen=True)
class Received:
    """What the stand-in got: whom it is for, and the words."""

    target: str
    text: str


@dataclass(frozen=True)
class Case:
    """A provider and its stand-in.

    Parameters:
        name: of the provider and of the stand-in.
        channel: which, where the vendor has a provider for several.
        vendor: how it is built from settings.
        message: a message of that id, to that target, that says that text.
        read: what an entry of the stand-in's journal says it got.
        target: somebody the stand-in accepts.
        elsewhere: the settings with the provider pointed at another host and port.
        wrong_login: the settings with credentials that are refused.
        secrets: what must not be found in errors and logs.
        refusals: documented errors to what they mean.
        not_refusals: errors of the stand-in's that are no answer to a send.
        reported: documented errors of messages that were taken, to what they mean.
        table: the adapter's table of outcomes, none if it has none.
        row_of: the row of the table that an entry of the stand-in's journal meets.
        absent: what a look-up says soon after of a message that was not taken; None: there is no look-up.
        carries_id: whether the vendor's call takes our id. says_id: whether its acceptance has an id of the vendor's.
        arrives: what a text is when it has arrived.
        is_final: nothing will be heard of a message after its acceptance.
        stranger: a target with credentials that are refused, where these are no settings. login: what that means.
        statuses: what statuses without the vendor's words mean, where it is not as for all.
        blames: whom failures speak against.
        cut_short: what an answer that ends in the middle (with a length to match) means.
        padded: what an acceptance with 10 MB of body means.
        http: the provider speaks HTTP.
    """

    name: str
    vendor: Vendor[Any]
    message: Callable[[UUID, str, str], Any]
    read: Callable[[Entry], Received]
    target: str
    elsewhere: Callable[[Environment, str, int], Environment]
    wrong_login: Callable[[Environment, Path], Environment]
    secrets: Callable[[Environment], list[str]]
    refusals: Mapping[str, Expected]
    not_refusals: frozenset[str] = field(default_factory=frozenset)
    reported: Mapping[str, Expected] = field(default_factory=dict)
    table: Mapping[Any, Row] = field(default_factory=dict)
    row_of: Callable[[Entry], Row | None] = lambda entry: None
    absent: Found | None = None
    carries_id: bool = True
    says_id: bool = True
    is_final: bool = False
    arrives: Callable[[str], str] = str
    stranger: str | None = None
    login: Expected = FAULT
    statuses: Mapping[int, Expected] = field(default_factory=dict)
    blames: Blame = "provider"
    cut_short: type[Sent | SendError] = Ambiguous
    padded: type[Sent | SendError] = Ambiguous
    http: bool = True
    channel: str = ""

    @property
    def id(self) -> str:
        """What tests call it."""
        return f"{self.name}-{self.channel}" if self.channel else self.name


def mail(delivery_id: UUID, target: str, text: str) -> EmailMessage:
    return EmailMessage(delivery_id, target, EmailContent("Subject", text, f"<p>{text}</p>"), to_name="Ada")


def sms(delivery_id: UUID, target: str, text: str) -> SmsMessage:
    return SmsMessage(delivery_id, target, SmsContent(text), validity=3600.0)


def whatsapp(delivery_id: UUID, target: str, text: str) -> WhatsAppMessage:
    return WhatsAppMessage(delivery_id, target, WhatsAppContent(text), validity=3600.0)


def push(delivery_id: UUID, target: str, text: str) -> PushMessage:
    return PushMessage(delivery_id, target, PushContent("Title", text, data={"text": text}), ttl=3600.0)
