"""What a template makes of data: in the terminal, and as files to open."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from crier.answers import Json, Preview
from crier.cli.printable import one_line, printable
from shared.messages.segments import measure

_NOT_IN_NAMES = re.compile(r"[^\w. -]")


def panels(preview: Preview) -> RenderableType:
    """A panel for each channel."""
    return Group(*(panel(channel, content) for channel, content in preview["content"].items()))


def save(path: Path, content: bytes) -> None:
    """Write a file, its folder made when missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise click.FileError(str(path), hint=f"it cannot be written: {error.strerror}") from error


def write_files(preview: Preview, folder: Path) -> list[Path]:
    """Write each channel's content to files in `folder`, made when missing. Their paths; first what to open."""
    files = {folder / _NOT_IN_NAMES.sub("_", f"{preview['name']}.{name}"): text for name, text in _files(preview)}
    for path, content in files.items():
        save(path, content)
    return list(files)


def _files(preview: Preview) -> Iterator[tuple[str, bytes]]:
    # Imported here: only files need the engine that draws.
    from shared.previews import Shown, page

    content = preview["content"]
    drawn = page([Shown(channel, one) for channel, one in content.items()], f"{preview['name']}@{preview['version']}")
    yield "html", drawn.encode()
    if mail := content.get("email"):
        if mail.get("html"):
            yield "email.html", mail["html"].encode()
        yield "email.txt", f"Subject: {mail['subject']}\n\n{mail.get('text', '')}".encode()
        for attachment in mail.get("attachments", ()):
            yield attachment["filename"], b64decode(attachment["content"])
    if sms := content.get("sms"):
        yield "sms.txt", f"{sms['body']}\n".encode()
    if chat := content.get("whatsapp"):
        yield "whatsapp.txt", f"{chat['body']}\n".encode()
    if chat := content.get("chat"):
        yield "chat.md", f"{chat['body']}\n".encode()
    for channel in ("push", "inapp"):
        if one := content.get(channel):
            yield f"{channel}.json", json.dumps(one, indent=2, ensure_ascii=False).encode()


def panel(channel: str, content: Json) -> Panel:
    """What a message says, for the terminal."""
    shown = {"email": _mail, "sms": _sms, "whatsapp": _whatsapp, "push": _titled, "inapp": _titled, "chat": _chat}
    body = shown.get(channel, _other)(content)
    return Panel(body, title=_title(channel, content), title_align="left", border_style="dim", width=100)


def _title(channel: str, content: Json) -> str:
    if channel != "sms":
        return channel
    found = measure(content["body"])
    return f"sms: {found.segments} {'segment' if found.segments == 1 else 'segments'} of {found.encoding.name}"


def _mail(content: Json) -> Text:
    text = Text(one_line(content["subject"]), style="bold")
    text.append(f"\n\n{printable(content.get('text') or '(only HTML)').rstrip()}", style="not bold")
    for attachment in content.get("attachments", ()):
        size = len(b64decode(attachment["content"]))
        text.append(f"\n\n📎 {one_line(attachment['filename'])}, {size / 1000:.0f} KB", style="not bold cyan")
    return text


def _sms(content: Json) -> Text:
    return Text(printable(content["body"]))


def _whatsapp(content: Json) -> Text:
    text = Text(printable(content["body"]))
    for name, value in content.get("variables", {}).items():
        text.append(f"\n{{{{{one_line(name)}}}}}: {one_line(value)}", style="dim")
    return text


def _titled(content: Json) -> Text:
    text = Text(one_line(content["title"]), style="bold").append(
        f"\n{printable(content.get('body', ''))}", style="not bold"
    )
    rest: Mapping[str, Any] = {name: value for name, value in content.items() if name not in ("title", "body")}
    for name, value in rest.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text.append(f"\n{name}: {one_line(shown)}", style="not bold dim")
    return text


def _chat(content: Json) -> Text:
    text = Text(one_line(content.get("title") or ""), style="bold")
    text.append(("\n" if content.get("title") else "") + printable(content["body"]), style="not bold")
    return text.append(f"\n{one_line(content.get('level', 'info'))}", style="not bold dim")


def _other(content: Json) -> Text:
    return Text(printable(json.dumps(content, indent=2, ensure_ascii=False)))
