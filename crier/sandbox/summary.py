"""A call in a line: what it was about and how it ended."""

from enum import StrEnum

from crier.sandbox.journal import Entry
from crier.sandbox.preview import Preview

_LONGEST = 60


class Outcome(StrEnum):
    """How a call ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    BROKEN = "broken"
    """The stand-in was told to spoil the answer on its way; or nobody answered its own callback."""
    ANSWERED = "answered"
    """Nothing was to be accepted: a token, a look-up."""


def outcome(entry: Entry) -> Outcome:
    """How the call of `entry` ended."""
    if "fault" in entry.answered.get("behaviour", {}) or entry.answered.keys() & {"failed", "refused"}:
        return Outcome.BROKEN
    if entry.accepted:
        return Outcome.ACCEPTED
    return Outcome.REFUSED if int(answer(entry)[:3]) >= 400 else Outcome.ANSWERED


def answer(entry: Entry) -> str:
    """The HTTP status and the vendor's code, or the SMTP reply; and the fault if there was one."""
    answered = entry.answered
    fault = answered.get("behaviour", {}).get("fault")
    given = answered["reply"].partition(":")[0] if "reply" in answered else str(answered.get("status", ""))
    parts = (
        given,
        answered.get("code"),
        answered.get("failed") or answered.get("refused"),
        f"({fault})" if fault else None,
    )
    return " ".join(part for part in parts if part)[:_LONGEST]


def headline(entry: Entry, preview: Preview) -> str:
    """Subject, title or text; else the request line or the SMTP command."""
    received = entry.received
    if preview.title or preview.text:
        return preview.title or preview.text
    if "path" in received:
        return f"{received['method']} {received['path']}"
    return f"{entry.action.upper()} {received.get('argument', '')}".strip()
