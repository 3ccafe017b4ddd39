"""Draws messages: a fragment for each, and a page that stands alone."""

import re
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from shared.messages.content import CHANNELS
from shared.messages.segments import measure
from shared.previews import mail
from shared.previews.markup import marked_up
from shared.previews.shown import Shown

_PAGES = Path(__file__).parent / "pages"
_ADDRESS = re.compile(r"https?://[^\s<>\"\u2066-\u2069]+[^\s<>\"\u2066-\u2069.,;:!?)]")

_RULES = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; base-uri 'none'; form-action 'none'"
_OPEN = "allow-popups allow-popups-to-escape-sandbox"
POLICY = f"{_RULES}; sandbox {_OPEN} allow-downloads"
"""The Content-Security-Policy of a preview: no script, no request but for pictures, and links open elsewhere."""


def fragment(shown: Shown) -> Markup:
    """The message as HTML to put into a page that has the stylesheet `pages/preview.css`."""
    name = shown.channel if shown.channel in CHANNELS else "other"
    attachments = shown.content.get("attachments", ())
    html = shown.content.get("html")
    drawn = _environment.get_template(f"{name}.html").render(
        shown=shown,
        content=shown.content,
        document=mail.document(html, attachments) if html else None,
        files=mail.files(attachments),
        measured=measure(shown.content["body"]) if name == "sms" else None,
        sandbox=_OPEN,
    )
    return Markup(drawn)  # noqa: S704  (the environment has escaped it)


def page(messages: Iterable[Shown], title: str) -> str:
    """The messages as a document that needs nothing else."""
    return _environment.get_template("page.html").render(
        title=title,
        policy=_RULES,
        fragments=[fragment(shown) for shown in messages],
    )


def _linked(text: str) -> Markup:
    """`text` escaped, its addresses as links."""
    parts: list[Markup] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        url = escape(found[0])
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="{}" target="_blank" rel="noreferrer">{}</a>').format(url, url))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


_environment = Environment(
    loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters["linked"] = _linked
_environment.filters["marked_up"] = marked_up
