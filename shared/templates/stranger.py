"""Where a stranger's template runs first: uploads and previews, in a child process that cannot take others along.

The sandbox bounds what a template may do; the limits of the operating system hold even where the sandbox should
fail. The child has nothing worth having: no environment, no connection, and nothing but its answer to write to.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from marshmallow import ValidationError

from shared.errors import InvalidInput, TemplateError
from shared.messages.content import Content, read_content
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.locales import of_folder

CPU_SECONDS = 1.0
"""Processor time for compiling and rendering, beyond what starting the child takes."""

CPU_SECONDS_A_LOCALE = 0.25
"""The same for each language it comes in besides."""

WALL_SECONDS = 15.0
MEMORY_BYTES = 512 * 1024 * 1024
"""Address space beyond what the child has when it is ready."""

MAX_ANSWER_BYTES = 16 * 1024 * 1024


def examine(
    bundle: Bundle,
    *,
    data: Mapping[str, Any] | None = None,
    recipient: Mapping[str, Any] | None = None,
    brand: Brand | None = None,
    documents: Collection[str] = (),
    every_locale: bool = False,
) -> dict[str, Content]:
    """Compile and render a template nobody has looked at yet; the content by channel.

    Parameters:
        data: variables; the template's own sample if not given.
        recipient: who it is shown for.
        documents: typst sources that are trusted because the installation ships them. Others are refused: what
            a document costs can depend on its data, and nothing bounds it in the worker that sends it.
        every_locale: render each of its variants too, to see that they can be.

    Raises `TemplateError` by file and line, or naming the limit it ran into, `InvalidInput` for `data`, and
    `RuntimeError` when it is not the template's fault.
    """
    for file, text in bundle.files.items():
        if file.endswith(".typ") and text not in documents:
            raise TemplateError(
                "A document of one's own can only be added to the installation's templates folder.", file=file
            )
    order = {
        "bundle": bundle.to_json(),
        "data": data,
        "recipient": dict(recipient or {}),
        "brand": asdict(brand or Brand()),
        "every_locale": every_locale,
        "cpu_seconds": CPU_SECONDS + CPU_SECONDS_A_LOCALE * len({of_folder(file)[0] for file in bundle.files} - {""}),
        "memory_bytes": MEMORY_BYTES,
        "answer_bytes": MAX_ANSWER_BYTES,
    }
    answer = _answer(order)
    if "error" in answer:
        raise TemplateError(answer["error"], file=answer["file"], line=answer["line"])
    if "fields" in answer:
        raise InvalidInput(answer["fields"])
    return {channel: _read(channel, content) for channel, content in answer["content"].items()}


def _read(channel: str, content: Mapping[str, Any]) -> Content:
    try:
        return read_content(channel, content)
    except ValidationError as error:
        raise TemplateError(f"With this data the {channel} form cannot be sent: {error.messages}") from None


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    with (
        tempfile.TemporaryFile() as written,
        tempfile.TemporaryFile() as complaints,
        tempfile.TemporaryDirectory() as here,
    ):
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "shared.templates.stranger_process"],
                input=json.dumps(order).encode(),
                stdout=written,
                stderr=complaints,
                cwd=here,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"},
                timeout=WALL_SECONDS,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TemplateError(f"The template was stopped: it ran for more than {WALL_SECONDS:g} s.") from None
        written.seek(0)
        answer = written.read(MAX_ANSWER_BYTES + 1)
        complaints.seek(0)
        complaint = complaints.read(4000).decode(errors="replace")
    if ended.returncode < 0 or len(answer) > MAX_ANSWER_BYTES:
        raise TemplateError(
            "The template was stopped: it used more processor time or memory than a template may have "
            f"({CPU_SECONDS:g} s, {MEMORY_BYTES // 1024**2} MB)."
        )
    if ended.returncode != 0:
        raise RuntimeError(f"The process for strangers' templates failed: {complaint}")
    loaded: dict[str, Any] = json.loads(answer)
    return loaded
