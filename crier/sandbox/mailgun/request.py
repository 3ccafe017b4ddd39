"""Which form Mailgun's `messages.mime` takes (`multipart/form-data`, RFC 7578), and how it names what is wrong.

Parameters: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages.
Messages of errors: https://documentation.mailgun.com/en/latest/api-sending.html#error-codes.
Stricter than Mailgun, it refuses an option that is not documented, or has a value that is not.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache

_PARSER = BytesParser(policy=policy.HTTP)
_ADDRESS = re.compile(r"[^\s@<>,;]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_MAX_RECIPIENTS, _MAX_OPTIONS, _MAX_TAGS, _MAX_TAG = 1000, 16_000, 10, 128
_MAX_REQUEST, _MAX_MESSAGE = 52_400 * 1024, 25 * 1024 * 1024
_SWITCH = r"yes|no|true|false"
_OPTIONS = {
    "o:tag": rf"[ -~]{{1,{_MAX_TAG}}}",
    "o:testmode": "yes",
    "o:tracking": rf"{_SWITCH}|htmlonly",
    "o:tracking-clicks": rf"{_SWITCH}|htmlonly",
    "o:tracking-pixel-location-top": rf"{_SWITCH}|htmlonly",
    **dict.fromkeys(("o:dkim", "o:tracking-opens", "o:require-tls", "o:skip-verification"), _SWITCH),
    **dict.fromkeys(
        ("o:secondary-dkim", "o:secondary-dkim-public", "o:deliverytime", "o:deliver-within",
         "o:deliverytime-optimize-period", "o:time-zone-localize", "o:sending-ip", "o:sending-ip-pool", "o:archive-to",
         "o:suppress-headers", "template", "t:version", "t:text", "t:variables", "recipient-variables"),
        r".+",
    ),
}  # fmt: skip
"""Options to the values they may have."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the form says.

    Parameters:
        to: the envelope's recipients.
        message: the mail, if there is one and it is a file.
        options: the other fields, in order.
        wrong: what is wrong with the form itself.
    """

    to: tuple[str, ...] = ()
    message: bytes | None = None
    options: tuple[tuple[str, str], ...] = ()
    wrong: str | None = None


# A call is looked at several times, one after the other.
@lru_cache(maxsize=1)
def read(content_type: str, body: bytes) -> Request:
    """Take a form apart."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return Request(wrong=f"Invalid request content type. Expecting 'multipart/form-data' but got '{kind}'")
    form = _PARSER.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    assert isinstance(form, EmailMessage)
    if not form.is_multipart() or form.defects:
        return Request(wrong="malformed multipart/form-data request")
    to: list[str] = []
    options: list[tuple[str, str]] = []
    message = wrong = None
    for part in form.iter_parts():
        name = str(part.get_param("name", "", "content-disposition"))
        payload = part.get_payload(decode=True)
        value = payload if isinstance(payload, bytes) else b""
        if name == "message" and part.get_filename() is None:
            wrong = "'message' parameter is not a file"
        elif name == "message":
            message = value
        elif name == "to":
            to += [address for _, address in getaddresses([value.decode(errors="replace")])]
        else:
            options.append((name, value.decode(errors="replace")))
    return Request(tuple(dict.fromkeys(to)), message, tuple(options), wrong)


def problem(request: Request, size: int) -> tuple[int, str] | None:
    """Status and message of what is refused.

    Parameters:
        size: bytes of the whole request.
    """
    if size > _MAX_REQUEST:
        return 413, "request size exceeds 52.4MiB limit"
    if request.message is not None and len(request.message) > _MAX_MESSAGE:
        return 413, "message size exceeds 25MB limit"
    wrong = request.wrong or _wrong_addresses(request) or _wrong_options(request.options)
    return (400, wrong) if wrong else None


def _wrong_addresses(request: Request) -> str | None:
    if not request.to:
        return "to parameter is missing"
    if request.message is None:
        return "message parameter is missing"
    if len(request.to) > _MAX_RECIPIENTS:
        return "Too many recipients, max is 1000"
    if not all(_ADDRESS.fullmatch(address) for address in request.to):
        return "to parameter is not a valid address. please check documentation"
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(request.message)
    senders = getaddresses([str(value) for value in headers.get_all("From", [])])
    if len(senders) != 1 or not _ADDRESS.fullmatch(senders[0][1]):
        return "from parameter is not a valid address. please check documentation"
    if headers["Date"] and not _is_date(str(headers["Date"])):
        return f"{headers['Date']} is not an RFC-2822 compliant date"
    return None


def _wrong_options(options: Iterable[tuple[str, str]]) -> str | None:
    options = list(options)
    if sum(len(name.encode()) + len(value.encode()) for name, value in options) > _MAX_OPTIONS:
        return "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total"
    if sum(name == "o:tag" for name, _ in options) > _MAX_TAGS:
        return f"too many tags, max is {_MAX_TAGS}"
    for name, value in options:
        if name.startswith(("h:", "v:")):
            if not name.isascii():
                return f"Header name must be pure ASCII: {name}"
        elif name not in _OPTIONS:
            return f"unknown parameter {name}"
        elif not re.fullmatch(_OPTIONS[name], value, re.DOTALL):
            return f"invalid value of '{name}'"
    return None


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True
