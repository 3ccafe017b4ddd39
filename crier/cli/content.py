"""Content of one's own instead of a template: the options for it."""

from base64 import b64encode
from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path
from typing import Any, TypeVar

import click

from crier.cli.values import json_file, text_or_file

CHANNELS = ("email", "sms", "whatsapp", "push", "inapp", "webhook", "chat")
KINDS = ("transactional", "promotion")
LANES = ("critical", "normal", "bulk")
POLICIES = ("resend", "hold")
UNTIL = ("sent", "delivered", "opened", "clicked")
Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--subject", help="A mail's subject."),
    click.option("--text", metavar="TEXT|@FILE", help="A mail's text."),
    click.option("--html", metavar="TEXT|@FILE", help="A mail's HTML."),
    click.option(
        "--attach",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file for a mail.",
    ),
    click.option("--title", help="The title of a push, an in-app notification or a chat message."),
    click.option("--body", metavar="TEXT|@FILE", help="The text of whatever else it is."),
    click.option("--link", help="Where a push or an in-app notification leads."),
    click.option("--content", metavar="@FILE.json", help="All of it, as the API takes it; of a chain by channel."),
)


def content_options(command: Command) -> Command:
    """Give a command the options that `read_content` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_content(options: dict[str, Any]) -> dict[str, Any] | None:
    """The content, taken out of a command's `options`; None when none of them is given."""
    whole = options.pop("content")
    attached = options.pop("attach")
    given = {name: options.pop(name) for name in ("subject", "text", "html", "title", "body", "link")}
    content = {
        name: text_or_file(f"--{name}", value) if name in ("text", "html", "body") else value
        for name, value in given.items()
        if value is not None
    }
    if attached:
        content["attachments"] = [_attachment(path) for path in attached]
    if whole is not None and content:
        raise click.UsageError(f"--content is all of it: leave out {', '.join(f'--{name}' for name in content)}.")
    if whole is not None and not whole.startswith("@"):
        raise click.UsageError("--content: name a file with an @ before it: --content @mail.json.")
    return json_file("--content", whole[1:]) if whole else content or None


def _attachment(path: Path) -> dict[str, str]:
    media_type = guess_type(path.name)[0] or "application/octet-stream"
    return {"filename": path.name, "content_type": media_type, "content": b64encode(path.read_bytes()).decode()}
