"""Attachments: a typst source and a message's data become a PDF.

Data reaches typst as JSON in `sys.inputs`, never as source. A document stands alone (see `files.check_document`),
and no file of this machine is within its root.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import typst

from shared.errors import TemplateError
from shared.templates.formats import Formats, written_date, written_money, written_time
from shared.templates.types import Money

_NO_FOLDER = "/dev/null"
"""The root a document's paths start from: nothing can be below it."""

_PLACE = re.compile(r":(\d+):\d+")


def make_pdf(source: str, file: str, data: Mapping[str, Any], formats: Formats) -> bytes:
    """Set `source` with `data` (variables, brand and recipient by name); errors name the line of `file`."""
    inputs = {"data": json.dumps(_readable(data, formats), ensure_ascii=False)}
    try:
        made = typst.Compiler(source.encode(), root=_NO_FOLDER, font_paths=_fonts(), sys_inputs=inputs)
        pdf = made.compile(format="pdf")
    except typst.TypstError as error:
        place = _PLACE.search(error.diagnostic or "")
        raise TemplateError(error.message, file=file, line=int(place[1]) if place else None) from None
    if not isinstance(pdf, bytes):
        raise TemplateError("typst made no document.", file=file)
    return pdf


def _readable(value: Any, formats: Formats) -> Any:
    """`value` as JSON; amounts and times come with `text`, the way the recipient writes them."""
    if isinstance(value, Money):
        return {
            "amount": str(value.amount),
            "currency": value.currency,
            "text": written_money(value, formats),
        }
    if isinstance(value, datetime):
        return {
            "iso": value.isoformat(),
            "text": written_date(value, formats),
            "time": written_time(value, formats),
        }
    if isinstance(value, date):
        return {"iso": value.isoformat(), "text": written_date(value, formats)}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _readable(inner, formats) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(inner, formats) for inner in value]
    return value


@cache
def _fonts() -> typst.Fonts:
    """The machine's fonts and those typst brings along, found once a process."""
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)
