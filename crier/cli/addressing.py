"""`--to`: whom it goes to, and over which channel."""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

import click

from crier.cli.content import CHANNELS

FORMS = "ada@example.com, +442079460018, user:u_1, token:…, topic:line-12, chat:ops or endpoint:ID"


def read_recipient(given: Sequence[str]) -> dict[str, Any]:
    """The recipient that several `--to` name together.

    Raises:
        UsageError: one is of no known form, or two are of the same.
    """
    to: dict[str, Any] = {}
    for one in given:
        for field, value in _fields(one).items():
            if field == "tokens":
                to["tokens"] = [*to.get("tokens", ()), *value]
            elif field in to:
                raise click.UsageError(f"--to: a notification goes to one person; {to[field]} and {value} are two.")
            else:
                to[field] = value
    return to


def read_channels(text: str) -> str | list[str]:
    """A channel, or with commas between them those of a chain; as an option's type."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in CHANNELS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(CHANNELS)}.")
    return names if len(names) > 1 else names[0]


def channel_for(to: dict[str, Any]) -> str:
    """The channel that reaches `to`.

    Raises:
        UsageError: more than one does.
    """
    reached = [
        channel
        for channel, fields in (
            ("email", ("email",)),
            ("sms", ("phone",)),
            ("push", ("user_id", "tokens", "topic")),
            ("webhook", ("endpoint",)),
            ("chat", ("chat",)),
        )
        if any(field in to for field in fields)
    ]
    if len(reached) != 1:
        raise click.UsageError(f"--to can be reached by {' and '.join(reached)}: say which with --channel.")
    return reached[0]


def _fields(text: str) -> dict[str, Any]:
    text = text.strip()
    kind, colon, rest = text.partition(":")
    if colon and rest and kind == "user":
        return {"user_id": rest}
    if colon and rest and kind == "token":
        return {"tokens": [rest]}
    if colon and rest and kind == "topic":
        return {"topic": rest}
    if colon and rest and kind == "chat":
        return {"chat": rest}
    if colon and rest and kind == "endpoint":
        return {"endpoint": rest}
    if "@" in text:
        name, address = parseaddr(text) if "<" in text else ("", text)
        return {"email": address or text, **({"name": name} if name else {})}
    if text.startswith("+") or text[:1].isdigit():
        return {"phone": text}
    raise click.UsageError(f"--to: write {FORMS}; not {text!r}.")
