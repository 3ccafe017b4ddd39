"""The types a variable can have: what is accepted in JSON, how it is described, what a template gets.

A type's `problem` says in a few words what is wrong with a value, without repeating it: it may be a secret.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from babel.core import get_global
from babel.numbers import get_currency_precision
from marshmallow import ValidationError

from shared.messages.fields import e164, normal_email

_CURRENCIES = frozenset(get_global("all_currencies"))
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# C0 and C1 controls, and the two separators that start a line in Unicode.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_MULTILINE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_STRING = 20_000
_MAX_URL = 2_000


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Type:
    """Parameters:
    expected: ends the sentence "`name` must be …".
    problem: None for a good value, else what is wrong with it.
    parse: what a template gets for a good value; None for the value itself.
    """

    expected: str
    problem: Callable[[Any], str | None]
    parse: Callable[[Any], Any] | None = None


def is_currency(code: str) -> bool:
    """Whether it is a code of ISO 4217."""
    return code in _CURRENCIES


def _kind(value: Any) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return f"this is {names.get(type(value), 'something else')}"


def _string(value: Any, control: re.Pattern[str] = _CONTROL) -> str | None:
    if not isinstance(value, str):
        return _kind(value)
    if len(value) > _MAX_STRING:
        return f"it may have at most {_MAX_STRING} characters"
    if control.search(value):
        return "remove the line breaks and control characters"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "it has half a character (a lone surrogate)"
    return None


def _multiline(value: Any) -> str | None:
    return _string(value, _CONTROL_MULTILINE)


def _integer(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return _kind(value)
    return None if abs(value) < 2**63 else "it has too many digits"


def _decimal(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _kind(value)
    return None if _DECIMAL.fullmatch(str(value)) else "write at most 18 digits before and 9 after the point"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else _kind(value)


def _date(value: Any) -> str | None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return _kind(value) if not isinstance(value, str) else "it is not written so"
    try:
        date.fromisoformat(value)
    except ValueError:
        return "there is no such day"
    return None


def _datetime(value: Any) -> str | None:
    if not isinstance(value, str):
        return _kind(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return "it is not written so"
    if moment.utcoffset() is None:
        return "add the offset, e.g. Z or +02:00"
    # A day's room, so that moving it to any zone stays within what a datetime can hold.
    return None if 2 <= moment.year <= 9998 else "the year is out of reach"


def _url(value: Any) -> str | None:
    problem = _string(value)
    if problem:
        return problem
    if len(value) > _MAX_URL:
        return f"it may have at most {_MAX_URL} characters"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not an address"
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\\<>\"]", value):
        return "it is not such an address"
    return None


def _checked(check: Callable[[str], str]) -> Callable[[Any], str | None]:
    """The problem that a checking function of the message contract finds."""

    def problem(value: Any) -> str | None:
        wrong = _string(value)
        if wrong:
            return wrong
        try:
            check(value)
        except ValidationError as error:
            return str(error.messages[0]).rstrip(".")
        return None

    return problem


def _money(value: Any) -> str | None:
    if not isinstance(value, Mapping) or set(value) != {"amount", "currency"}:
        return _kind(value) if not isinstance(value, Mapping) else "it has exactly `amount` and `currency`"
    if not isinstance(value["currency"], str) or not is_currency(value["currency"]):
        return "`currency` is a code of three letters (ISO 4217)"
    problem = _decimal(value["amount"])
    if problem:
        return f"`amount`: {problem}"
    amount = _to_decimal(value["amount"]).normalize()
    digits = get_currency_precision(value["currency"])
    if -int(amount.as_tuple().exponent) > digits:
        return f"{value['currency']} has {digits} digits after the point"
    return None


def _timezone(value: Any) -> str | None:
    if not isinstance(value, str):
        return _kind(value)
    return None if value in _zones() else "there is no such zone"


@cache
def _zones() -> set[str]:
    return available_timezones()  # reads the whole folder of zones


def _to_decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _to_money(value: Mapping[str, Any]) -> Money:
    return Money(_to_decimal(value["amount"]), value["currency"])


TYPES: dict[str, Type] = {
    "string": Type("a string on one line", _string),
    "integer": Type("a whole number", _integer),
    "decimal": Type("a number such as 12.5, or \"12.50\" as a string", _decimal, _to_decimal),
    "boolean": Type("true or false", _boolean),
    "date": Type("a date such as 2026-03-01", _date, date.fromisoformat),
    "datetime": Type("a time with its offset such as 2026-03-01T18:30:00+01:00", _datetime, datetime.fromisoformat),
    "url": Type("an absolute address that starts with https:// or http://", _url),
    "email": Type("an e-mail address", _checked(normal_email)),
    "phone": Type("a telephone number such as +442079460018", _checked(e164)),
    "money": Type('an amount such as {"amount": "12.50", "currency": "EUR"}', _money, _to_money),
    "timezone": Type("a time zone such as Europe/London", _timezone),
}  # fmt: skip
MULTILINE = Type("a string", _multiline)
