"""One log line as a person reads it."""

import zlib
from typing import Any

from rich.text import Text

from crier.cli.printable import one_line, printable
from crier.local.logs import BEFORE_ALL, LogLine

COLOURS = ("cyan", "magenta", "blue", "green", "yellow", "bright_cyan", "bright_magenta", "bright_blue")
LEVELS = {"debug": "dim", "info": "green", "warning": "yellow", "error": "red", "critical": "bold red"}
SAID_ALREADY = ("timestamp", "level", "event", "service", "logger", "exception")


def render(line: LogLine, width: int = 10) -> Text:
    """`gateway    09:30:01 info    accepted  id=… lane=…`, with the program's name in its colour."""
    colour = COLOURS[zlib.crc32(line.program.encode()) % len(COLOURS)]
    text = Text(f"{line.program:<{width}} ", style=colour)
    if line.fields:
        text.append_text(_event(line))
    else:
        text.append(printable(line.text), style="")
    return text


def _event(line: LogLine) -> Text:
    fields = line.fields
    level = str(fields.get("level", "info")).lower()
    time = f"{line.moment.astimezone():%H:%M:%S} " if line.moment > BEFORE_ALL else ""
    text = Text(time, style="dim").append(f"{level:<8}", style=LEVELS.get(level, ""))
    text.append(one_line(str(fields.get("event", ""))), style="bold" if level in ("error", "critical") else "")
    for name, value in fields.items():
        if name not in SAID_ALREADY:
            text.append(f"  {one_line(name)}=", style="dim").append(one_line(_shown(value)), style="")
    if "exception" in fields:
        text.append("\n" + printable(str(fields["exception"])), style="dim")
    return text


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
