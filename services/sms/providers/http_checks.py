"""What can be wrong with the settings of the HTTP gateway, told when the service starts."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from services.sms.providers.http_path import path_problem
from services.sms.providers.http_template import PLACEHOLDERS, names, placeholders, unknown_placeholder

if TYPE_CHECKING:
    from services.sms.providers.http_settings import HttpGatewaySettings

HEADERS = '{"Authorization": "Bearer {api_key}"}'
JSON_BODY = '{"to": "{to}", "from": "{from}", "text": "{text}", "id": "{id}"}'
FORM_BODY = "to={to}&from={from}&text={text}&id={id}"
NONE = "none"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token: RFC 9110 section 5.6.2."""
_OURS = frozenset({"content-type", "content-length", "host", "transfer-encoding", "connection"})


def one_line(value: str) -> str | None:
    """A check: nothing that would begin another header."""
    return None if value.isprintable() else "has line breaks or control characters: remove them."


def path_or_none(value: str) -> str | None:
    """A check: a path, or `none`."""
    return None if value == NONE else path_problem(value)


def success_problem(value: str) -> str | None:
    """A check: a path and values."""
    path, _, values = value.partition("=")
    if not values.strip(", "):
        return f"must be a path and the values that mean success, such as status=0,queued; not {value!r}."
    return path_problem(path.strip())


def malformed(settings: "HttpGatewaySettings") -> Iterator[str]:
    """What cannot be read at all."""
    if settings.method == "GET" and settings.content_type == "json":
        yield "SMS_API_CONTENT_TYPE must be form with SMS_API_METHOD=GET, where the fields are the query."
    try:
        headers = settings.headers
    except orjson.JSONDecodeError as error:
        yield f"SMS_API_HEADERS is not JSON ({error}): write an object such as {HEADERS}."
    else:
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            yield f"SMS_API_HEADERS must be an object of texts, such as {HEADERS}."
    try:
        body = settings.body
    except ValueError as error:
        form, example = ("a form", FORM_BODY) if settings.is_form else ("JSON", JSON_BODY)
        yield f"SMS_API_BODY is not {form} ({error}), as SMS_API_CONTENT_TYPE says it is: write it such as {example}."
    else:
        if not isinstance(body, dict | list):
            yield f"SMS_API_BODY must be an object or a list, such as {JSON_BODY}."


def unfillable(settings: "HttpGatewaySettings") -> Iterator[str]:
    """What is wrong with the placeholders, and with headers."""
    used = {"SMS_API_URL": settings.url, "SMS_API_HEADERS": settings.headers, "SMS_API_BODY": settings.body}
    for variable, template in used.items():
        for name in dict.fromkeys(placeholders(template)):
            if name not in PLACEHOLDERS:
                yield f"{variable} {unknown_placeholder(name)}"
        if misplaced := placeholders(list(names(template))):
            yield f"{variable} has {{{misplaced[0]}}} in the name of a field: only values are filled in."
    sent = {*placeholders(settings.url), *placeholders(settings.body)}
    if not sent & {"to", "to_digits"}:
        yield "SMS_API_BODY must have {to} (+442079460018) or {to_digits} (442079460018): nothing says who it is for."
    if "text" not in sent:
        yield "SMS_API_BODY must have {text}: nothing says what is sent."
    if "text" in placeholders(settings.headers):
        yield "SMS_API_HEADERS must not have {text}: texts have lines and letters that headers cannot have."
    for name, value in settings.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not value.isprintable():
            yield f"SMS_API_HEADERS: {name!r} is no name of a header, or its value has control characters: correct it."
        if name.lower() in _OURS:
            yield f"SMS_API_HEADERS must not have {name}: it follows from SMS_API_URL and SMS_API_CONTENT_TYPE."


def shared_codes(settings: "HttpGatewaySettings") -> Iterator[str]:
    """Codes that are said to mean two things."""
    lists = (settings.dead_codes, settings.opt_out_codes, settings.retry_codes, settings.fault_codes)
    counts = Counter(code for codes in lists for code in {*codes})
    for code in sorted(code for code, count in counts.items() if count > 1):
        yield (
            "SMS_API_DEAD_CODES, SMS_API_OPT_OUT_CODES, SMS_API_RETRY_CODES and SMS_API_FAULT_CODES "
            f"share {code}: keep it in one of them."
        )
