"""The providers under contract. A new one joins with one `Case` here and its stand-in in `crier.sandbox`."""

import email
import email.policy
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from crier.sandbox import Entry
from crier.sandbox.google_token import make_service_account
from services.email.providers import VENDORS as EMAIL
from services.push.providers import VENDORS as PUSH
from services.sms.providers import VENDORS as SMS
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.messages.email import EmailContent, EmailMessage
from shared.messages.push import PushContent, PushMessage
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.port import Sent
from shared.providers.route import Vendor

CANARY = "canary-7d1f"
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Expected:
    """What a refusal means."""

    kind: type[SendError]
    dead: bool = False
    fault: bool = False
    wait: float | None = None


REFUSED, DEAD = Expected(Rejected), Expected(Rejected, dead=True)
LATER, FAULT, UNKNOWN = Expected(Unavailable), Expected(Unavailable, fault=True), Expected(Ambiguous)


def after(seconds: float) -> Expected:
    return Expected(Unavailable, wait=seconds)


@dataclass(frozen=True)
class Received:
    """What the stand-in got: whom it is for, and the words."""

    target: str
    text: str


@dataclass(frozen=True)
class Case:
    """A provider and its stand-in.

    Parameters:
        vendor: how it is built from settings.
        message: a message of that id, to that target, that says that text.
        read: what an entry of the stand-in's journal says it got.
        target: somebody the stand-in accepts.
        elsewhere: the settings with the provider pointed at another host and port.
        wrong_login: the settings with credentials that are refused.
        secrets: what must not be found in errors and logs.
        refusals: documented errors to what they mean.
        not_refusals: errors of the stand-in's that are no answer to a send.
        carries_id: whether the vendor's call takes our id.
        cut_short: what an answer that ends in the middle (with a length to match) means.
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
    carries_id: bool = True
    cut_short: type[Sent | SendError] = Ambiguous
    http: bool = True


def _mail(delivery_id: UUID, target: str, text: str) -> EmailMessage:
    return EmailMessage(delivery_id, target, EmailContent("Subject", text, f"<p>{text}</p>"), to_name="Ada")


def _read_mail(entry: Entry) -> Received:
    parsed = email.message_from_bytes(b64decode(entry.received["message_base64"]), policy=email.policy.default)
    assert isinstance(parsed, email.message.EmailMessage)
    body = parsed.get_body(("plain",))
    assert body is not None
    return Received(str(entry.recipient), body.get_content().removesuffix("\r\n").replace("\r\n", "\n"))


SMTP = Case(
    name="smtp",
    vendor=EMAIL["smtp"],
    message=_mail,
    read=_read_mail,
    target="ada@example.org",
    elsewhere=lambda settings, host, port: {**settings, "SMTP_HOST": host, "SMTP_PORT": str(port)},
    wrong_login=lambda settings, _: {**settings, "SMTP_PASSWORD": CANARY},
    secrets=lambda settings: [settings["SMTP_PASSWORD"], CANARY],
    refusals={
        "421 4.3.2": LATER, "450 4.2.1": LATER, "451 4.3.0": LATER, "452 4.3.1": LATER, "451 4.7.1": LATER,
        "454 4.7.0": FAULT, "530 5.7.0": FAULT, "534 5.7.9": FAULT, "535 5.7.8": FAULT,
        "500 5.5.1": REFUSED, "501 5.5.4": REFUSED, "503 5.5.1": REFUSED, "504 5.5.4": REFUSED,
        "550 5.1.1": DEAD, "550 5.1.2": DEAD, "553 5.1.3": DEAD, "551 5.1.6": DEAD, "550 5.1.10": DEAD,
        "550": REFUSED, "550 5.2.1": REFUSED, "550 5.7.1": REFUSED, "554 5.7.1": REFUSED, "552 5.3.4": REFUSED,
        "552": LATER, "552 5.2.2": LATER,
    },
    # 250 and half a sentence is still 250.
    cut_short=Sent,
    http=False,
)  # fmt: skip


def _sms(delivery_id: UUID, target: str, text: str) -> SmsMessage:
    return SmsMessage(delivery_id, target, SmsContent(text), validity=3600.0)


def _read_twilio(entry: Entry) -> Received:
    form = parse_qs(entry.received["body"], keep_blank_values=True, strict_parsing=True)
    assert form["ValidityPeriod"] == ["3600"]
    return Received(form["To"][0], form["Body"][0])


TWILIO = Case(
    name="twilio",
    vendor=SMS["twilio"],
    message=_sms,
    read=_read_twilio,
    target="+447700900123",
    elsewhere=lambda settings, host, port: {**settings, "TWILIO_BASE_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "TWILIO_AUTH_TOKEN": CANARY},
    secrets=lambda settings: [settings["TWILIO_AUTH_TOKEN"], CANARY],
    refusals={
        "20003": FAULT, "20429": after(60), "20500": UNKNOWN, "20503": UNKNOWN, "21211": DEAD, "21611": after(900),
        "21614": DEAD, "21701": FAULT,
    } | dict.fromkeys(
        ("20001", "20404", "21212", "21266", "21408", "21602", "21603", "21604", "21606", "21609", "21610", "21612",
         "21617", "21624", "21910"), REFUSED,
    ),
    # Reported after the message was accepted.
    not_refusals=frozenset(
        ("30001", "30002", "30003", "30004", "30005", "30006", "30007", "30008", "30022", "30034", "30036", "30450")
    ),
    carries_id=False,
)  # fmt: skip


def _push(delivery_id: UUID, target: str, text: str) -> PushMessage:
    return PushMessage(delivery_id, target, PushContent("Title", text, data={"text": text}), ttl=3600.0)


def _read_fcm(entry: Entry) -> Received:
    message = json.loads(entry.received["body"])["message"]
    assert message["data"]["text"] == message["notification"]["body"]
    return Received(message["token"], message["notification"]["body"])


def _wrong_account(settings: Environment, folder: Path) -> Environment:
    """A key of the same account that is not its own."""
    account = json.loads(Path(settings["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
    file = folder / "wrong.json"
    make_service_account(file, project=account["project_id"], token_uri=account["token_uri"])
    return {**settings, "FIREBASE_CREDENTIALS_PATH": str(file)}


def _google_secrets(settings: Environment) -> list[str]:
    """How access tokens and signed assertions begin, and every line of the private key."""
    account = json.loads(Path(settings["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
    return ["ya29.", "eyJ", *account["private_key"].split("\n")[1:-2]]


FCM = Case(
    name="fcm",
    vendor=PUSH["fcm"],
    message=_push,
    read=_read_fcm,
    target="device-1",
    elsewhere=lambda settings, host, port: {**settings, "FCM_BASE_URL": f"http://{host}:{port}"},
    wrong_login=_wrong_account,
    secrets=_google_secrets,
    refusals={
        "UNREGISTERED": DEAD, "INVALID_ARGUMENT": REFUSED, "SENDER_ID_MISMATCH": REFUSED, "QUOTA_EXCEEDED": after(60),
        "RATE_LIMIT_EXCEEDED": after(60), "UNAVAILABLE": LATER, "INTERNAL": LATER, "THIRD_PARTY_AUTH_ERROR": FAULT,
        "UNAUTHENTICATED": FAULT, "PERMISSION_DENIED": FAULT,
    },
    # Of the token endpoint.
    not_refusals=frozenset(("invalid_grant", "invalid_scope", "invalid_client")),
)  # fmt: skip

CASES = (SMTP, TWILIO, FCM)
