"""The sandbox's page: what was received, newest first, as a person would see it.

GET /                                   the list; `vendor` filters, `before` (a sequence) goes back
GET /calls/{sequence}/html              a mail's HTML, for the page's sandboxed frame
GET /calls/{sequence}/raw               a mail as it was received
GET /calls/{sequence}/attachments/{n}   one of its attachments
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web
from jinja2 import Environment, StrictUndefined

from crier.sandbox.control import local_only
from crier.sandbox.journal import Entry
from crier.sandbox.preview import Preview
from crier.sandbox.smtp import raw
from crier.sandbox.summary import answer, headline, outcome

if TYPE_CHECKING:
    from crier.sandbox.server import Sandbox

_log = logging.getLogger(__name__)
_SHOWN = 50
_LONGEST_TEXT = 20_000
_FILES = files("crier.sandbox").joinpath("page_files")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_MAIL_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"


@dataclass(frozen=True, slots=True)
class Row:
    """One call of the list."""

    entry: Entry
    preview: Preview
    headline: str
    outcome: str
    answer: str
    received: str
    answered: str


class Page:
    """The routes above."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self._template = environment.from_string(_FILES.joinpath("page.html").read_text())
        self._style = _FILES.joinpath("page.css").read_text()

    def routes(self) -> Sequence[web.RouteDef]:
        """aiohttp's routes."""
        one = r"/calls/{sequence:\d+}"
        return (
            web.get("/", local_only(self._list)),
            web.get("/page.css", local_only(self._css)),
            web.get(one, local_only(self._one)),
            web.get(f"{one}/html", local_only(self._html)),
            web.get(f"{one}/raw", local_only(self._raw)),
            web.get(one + r"/attachments/{number:\d+}", local_only(self._attachment)),
        )

    async def _list(self, request: web.Request) -> web.Response:
        vendor = request.query.get("vendor") or None
        before = request.query.get("before", "")
        journal = self._sandbox.journal
        older = int(before) if before.isdecimal() else None
        entries = list(journal.newest(_SHOWN + 1, vendor=vendor, before=older))
        page = {"vendor": vendor} if vendor else {}
        more = urlencode({**page, "before": entries[_SHOWN - 1].sequence}) if len(entries) > _SHOWN else None
        newest = None if older is None else urlencode(page)
        return self._page(entries[:_SHOWN], vendor=vendor, older=more, newest=newest)

    async def _one(self, request: web.Request) -> web.Response:
        return self._page([self._entry(request)], newest="", opened=True)

    def _page(
        self,
        entries: Sequence[Entry],
        *,
        vendor: str | None = None,
        older: str | None = None,
        newest: str | None = None,
        opened: bool = False,
    ) -> web.Response:
        counts = self._sandbox.journal.counts
        html = self._template.render(
            rows=[self._row(entry) for entry in entries],
            counts=sorted(counts.items()),
            total=sum(counts.values()),
            vendor=vendor,
            older=older,
            newest=newest,
            opened=opened,
            sandbox=self._sandbox,
        )
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Referrer-Policy": "no-referrer"}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _css(self, _: web.Request) -> web.Response:
        return web.Response(text=self._style, content_type="text/css")

    async def _html(self, request: web.Request) -> web.Response:
        html = self._preview(self._entry(request)).html or ""
        headers = {"Content-Security-Policy": _MAIL_POLICY, "X-Content-Type-Options": "nosniff"}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _raw(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        if "message_base64" not in entry.received:
            raise web.HTTPNotFound
        return _download(raw(entry), f"{entry.sequence}.eml", "message/rfc822")

    async def _attachment(self, request: web.Request) -> web.Response:
        attachments = self._preview(self._entry(request)).attachments
        number = int(request.match_info["number"])
        if number >= len(attachments):
            raise web.HTTPNotFound
        return _download(attachments[number].content, attachments[number].filename, "application/octet-stream")

    def _entry(self, request: web.Request) -> Entry:
        entry = self._sandbox.journal.find(int(request.match_info["sequence"]))
        if entry is None:
            raise web.HTTPNotFound
        return entry

    def _preview(self, entry: Entry) -> Preview:
        try:
            return self._sandbox.preview(entry)
        except Exception:  # noqa: BLE001 - a mail can be broken in ways the parser does not expect; the page still shows the rest
            _log.exception("call %d cannot be shown as a person would see it", entry.sequence)
            return Preview()

    def _row(self, entry: Entry) -> Row:
        preview = self._preview(entry)
        return Row(
            entry=entry,
            preview=preview,
            headline=headline(entry, preview),
            outcome=outcome(entry),
            answer=answer(entry),
            received=_pretty({k: v for k, v in entry.received.items() if k != "message_base64"}),
            answered=_pretty(entry.answered),
        )


def _pretty(value: dict[str, Any]) -> str:
    """JSON to read, with a JSON body taken apart and nothing endless."""
    body = value.get("body")
    if isinstance(body, str):
        with suppress(orjson.JSONDecodeError):
            value = {**value, "body": orjson.loads(body)}
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}\n… {len(text):,} characters"


def _download(content: bytes, filename: str, content_type: str) -> web.Response:
    response = web.Response(body=content, content_type=content_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = _disposition(filename)
    return response


def _disposition(filename: str) -> str:
    """Save the file under its own name, whatever that has in it (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
