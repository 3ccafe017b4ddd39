"""Any mail server."""

import email
import email.policy
from base64 import b64decode

from crier.sandbox import Entry
from services.email.providers import VENDORS
from services.email.providers.smtp_codes import OUTCOMES, read, row_of
from shared.providers.outcomes import Row
from shared.providers.port import Sent
from tests.contracts.case import CANARY, DEAD, FAULT, LATER, REFUSED, Case, Received, later, mail


def text_of(content: bytes) -> str:
    """The plain text of a mail."""
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, email.message.EmailMessage)
    body = parsed.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text.removesuffix("\r\n").replace("\r\n", "\n")


def _read_mail(entry: Entry) -> Received:
    return Received(str(entry.recipient), text_of(b64decode(entry.received["message_base64"])))


def _row_of(entry: Entry) -> Row | None:
    reply = str(entry.answered["reply"])
    code = int(reply[:3])
    return row_of(read(code, reply[4:])[0]) if code >= 400 else None


CASE = Case(
    name="smtp",
    vendor=VENDORS["smtp"],
    message=mail,
    read=_read_mail,
    target="ada@example.org",
    elsewhere=lambda settings, host, port: {**settings, "SMTP_HOST": host, "SMTP_PORT": str(port)},
    wrong_login=lambda settings, _: {**settings, "SMTP_PASSWORD": CANARY},
    secrets=lambda settings: [settings["SMTP_PASSWORD"], CANARY],
    refusals={
        "421 4.3.2": LATER, "421 4.7.0": LATER, "451 4.3.0": LATER, "452 4.3.1": LATER, "450 4.1.8": LATER,
        "450": later("nobody"), "450 4.2.1": later("nobody"), "452 4.2.2": later("nobody"),
        "450 4.1.2": later("destination"), "451 4.4.1": later("destination"), "451 4.7.1": later("destination"),
        "454 4.7.0": FAULT, "530 5.7.0": FAULT, "534 5.7.9": FAULT, "535 5.7.8": FAULT,
        "500 5.5.1": REFUSED, "501 5.5.4": REFUSED, "503 5.5.1": REFUSED, "504 5.5.4": REFUSED,
        "550 5.1.1": DEAD, "550 5.1.2": DEAD, "553 5.1.3": DEAD, "551 5.1.6": DEAD, "550 5.1.10": DEAD,
        "550": REFUSED, "550 5.2.1": REFUSED, "550 5.7.1": REFUSED, "554 5.7.1": REFUSED, "552 5.3.4": REFUSED,
        "552": later("nobody"), "552 5.2.2": later("nobody"),
    },
    table=OUTCOMES,
    row_of=_row_of,
    # 250 and half a sentence is still 250.
    cut_short=Sent,
    http=False,
)  # fmt: skip
