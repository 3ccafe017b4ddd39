"""SMTP replies that refuse, and the recipients that stand for them.

Reply codes: RFC 5321 section 4.2; enhanced status codes: RFC 3463.
"""

import re

from crier.sandbox.behaviour import Behaviour, Fault

STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "message")
"""Where a rule can apply; `message` is after the final dot."""

_REPLY = re.compile(r"(?P<code>[45][0-9]{2})([ -](?P<enhanced>[45]\.[0-9]{1,3}\.[0-9]{1,3}))?(?P<text> .*)?")
_MAGIC = re.compile(r"(?P<what>bounce|reject|slow|hang|drop)(\+(?P<how>[^@]*))?@.*", re.IGNORECASE)
_SLOW = 5.0
_TEXTS = {
    "421": "Service not available, closing transmission channel",
    "450": "Mailbox unavailable",
    "451": "Local error in processing",
    "452": "Insufficient system storage",
    "454": "Temporary authentication failure",
    "535": "Authentication credentials invalid",
    "550": "Mailbox unavailable",
    "552": "Mailbox full",
    "553": "Mailbox name not allowed",
    "554": "Transaction failed",
}


def is_refusal(text: str) -> bool:
    """Whether `text` is a reply that refuses: `451`, `550 5.1.1`, `550-5.1.1`, `421 4.3.2 Come back later`."""
    return _REPLY.fullmatch(text) is not None


def refusal(reply: str) -> str:
    """The reply line for `reply`, with the enhanced code and the words it leaves out."""
    match = _REPLY.fullmatch(reply)
    assert match is not None, reply
    code = match["code"]
    text = match["text"] or f" {_TEXTS.get(code, 'Refused')}"
    return f"{code} {match['enhanced'] or f'{code[0]}.0.0'}{text}"


def magic(stage: str, recipient: str) -> Behaviour | None:
    """What a magic recipient (see `crier.sandbox.smtp`) stands for at `stage`."""
    match = _MAGIC.fullmatch(recipient)
    if match is None or stage not in ("rcpt", "message"):
        return None
    what, how = match["what"].lower(), match["how"] or ""
    if what in ("bounce", "reject"):
        applies = stage == ("rcpt" if what == "bounce" else "message") and is_refusal(how)
        return Behaviour(stage=stage, error=how) if applies else None
    if stage == "rcpt":
        return None
    if what == "slow":
        return Behaviour(stage=stage, delay=float(how) if how.isdecimal() else _SLOW)
    return Behaviour(stage=stage, fault=Fault.HANG if what == "hang" else Fault.CLOSE)
