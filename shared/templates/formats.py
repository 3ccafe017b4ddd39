"""Money, numbers, days and times as the recipient writes them: the filters `|money`, `|date` and the like."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any
from unicodedata import bidirectional
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    get_timezone_gmt,
    get_timezone_name,
)
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import pass_context
from jinja2.runtime import Context

from shared.errors import TemplateError
from shared.templates import limits
from shared.templates.locales import locale_of
from shared.templates.types import Money, is_currency

_DATE_STYLES = ("full", "long", "medium", "short")
_SKELETONS = {"day": "MMMEd"}

PLURALS = ("zero", "one", "two", "few", "many", "other")
"""CLDR's categories."""

_LEFT_TO_RIGHT = ("L", "EN")
_RIGHT_TO_LEFT = ("R", "AL", "AN")
"""What Unicode calls letters and digits that run one way or the other (UAX #9)."""


@dataclass(frozen=True)
class Formats:
    """How one recipient reads: the locale of numbers and dates, and the zone of times (`None`: as they were sent)."""

    locale: Locale
    zone: tzinfo | None

    @cached_property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the `dir` of a document."""
        return self.locale.text_direction


@lru_cache(maxsize=2048)
def formats_for(language: str, locale: str | None, zone: str | None) -> Formats:
    """The formats of a recipient who gets a text in `language`.

    A recipient's locale counts where its language is the text's: `en-GB` orders the dates of an English text, but
    `de-DE` does not put a German month into it. A zone or locale nobody knows is passed over.
    """
    own = locale_of(language) or Locale("en")
    theirs = locale_of(locale)
    return Formats(theirs if theirs and theirs.language == own.language else own, zone_named(zone))


@lru_cache(maxsize=1024)
def zone_named(name: str | None) -> ZoneInfo | None:
    """The IANA zone of that name, or `None`."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, LookupError, OSError):
        return None


def _local(value: Any, formats: Formats, zone: str | None) -> datetime:
    if not isinstance(value, datetime):
        raise TemplateError('A time is wanted here: declare the variable with type = "datetime".')
    target = zone_named(zone) if zone else formats.zone
    return value.astimezone(target) if target else value


@lru_cache(maxsize=4096)
def _written_date(day: date, style: str, locale: Locale) -> str:
    if style in _SKELETONS:
        return format_skeleton(_SKELETONS[style], day, locale=locale)
    return format_date(day, style, locale=locale)


@lru_cache(maxsize=4096)
def _written_time(clock: time, locale: Locale) -> str:
    return format_time(clock, "short", locale=locale)


@lru_cache(maxsize=4096)
def _written_zone(naive: datetime, zone: tzinfo | None, locale: Locale) -> str:
    # The zone is a part of the key: equal moments in different zones are equal to the cache.
    local = naive.replace(tzinfo=zone)
    if not isinstance(zone, ZoneInfo):
        return get_timezone_gmt(local, width="long", locale=locale) if local.utcoffset() else "UTC"
    name = get_timezone_name(local, width="short", locale=locale)
    name = name.removesuffix("+00:00") or name
    # Where a language has no short name, the bare offset (+0530) is no help to a reader.
    return get_timezone_gmt(local, width="long", locale=locale) if name.startswith(("+", "-")) else name


@lru_cache(maxsize=4096)
def _written_money(amount: Decimal, currency: str, locale: Locale) -> str:
    return format_currency(amount, currency, locale=locale)


def written_date(value: Any, formats: Formats, style: str = "long", zone: str | None = None) -> str:
    """A date or the day of a time. Styles: full, long, medium, short, and day (`Sat, Mar 1`)."""
    if style not in _DATE_STYLES and style not in _SKELETONS:
        raise TemplateError(f"date: the style is one of {', '.join((*_DATE_STYLES, *_SKELETONS))}.")
    if isinstance(value, datetime):
        value = _local(value, formats, zone).date()
    if not isinstance(value, date):
        raise TemplateError('A date is wanted here: declare the variable with type = "date" or "datetime".')
    return _written_date(value, style, formats.locale)


def written_time(value: Any, formats: Formats, zone: str | None = None) -> str:
    """Hour and minute of a time, in `zone` (IANA) or the recipient's."""
    return _written_time(_local(value, formats, zone).time().replace(second=0, microsecond=0), formats.locale)


def written_zone(value: Any, formats: Formats, zone: str | None = None) -> str:
    """The short name of the zone a time is shown in, such as `BST` or `GMT+05:30`."""
    local = _local(value, formats, zone)
    return _written_zone(local.replace(tzinfo=None), local.tzinfo, formats.locale)


def written_money(value: Any, formats: Formats) -> str:
    """An amount with its currency."""
    if not isinstance(value, Money):
        raise TemplateError('An amount is wanted here: declare the variable with type = "money".')
    return _written_money(value.amount, value.currency, formats.locale)


def written_number(value: Any, formats: Formats) -> str:
    """A number, with the separators of the language."""
    return format_decimal(_a_number(value), locale=formats.locale, decimal_quantization=False)


def _a_number(value: Any) -> int | float | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TemplateError('A number is wanted here: declare the variable with type = "integer" or "decimal".')
    return value


@lru_cache(maxsize=512)
def plural_categories(language: str) -> tuple[str, ...]:
    """The forms a text in `language` needs: those whole numbers up to 200 ask for, and `other`, the fractions'.

    French and Spanish have one more for whole millions; without it these get `other`.
    """
    rule = (locale_of(language) or Locale("en")).plural_form
    needed = {rule(number) for number in range(201)} | {"other"}
    return tuple(category for category in PLURALS if category in needed)


def _formats(context: Context) -> Formats:
    formats: Formats = context["_formats"]
    return formats


@pass_context
def _date(context: Context, value: Any, style: str = "long", zone: str | None = None) -> str:
    limits.spend(1)
    return written_date(value, _formats(context), style, zone)


@pass_context
def _time(context: Context, value: Any, zone: str | None = None) -> str:
    limits.spend(1)
    return written_time(value, _formats(context), zone)


@pass_context
def _datetime(context: Context, value: Any, style: str = "long", zone: str | None = None) -> str:
    limits.spend(1)
    formats = _formats(context)
    pattern = str(formats.locale.datetime_formats["medium"])
    return pattern.format(written_time(value, formats, zone), written_date(value, formats, style, zone))


@pass_context
def _zone(context: Context, value: Any, zone: str | None = None) -> str:
    limits.spend(1)
    return written_zone(value, _formats(context), zone)


def _iso(value: Any) -> str:
    """A date or a time as programs read it, in UTC: `2026-03-01T17:30:00+00:00`."""
    limits.spend(1)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TemplateError('A date is wanted here: declare the variable with type = "date" or "datetime".')


@pass_context
def _money(context: Context, value: Any, currency: str | None = None) -> str:
    """An amount; a number with its currency (ISO 4217) given: `{{ price|money("EUR") }}`."""
    limits.spend(1)
    if currency is not None:
        if not isinstance(currency, str) or not is_currency(currency):
            raise TemplateError("money: the currency is a code of three letters (ISO 4217), such as EUR.")
        value = Money(Decimal(str(_a_number(value))), currency)
    return written_money(value, _formats(context))


@pass_context
def _number(context: Context, value: Any) -> str:
    limits.spend(1)
    return written_number(value, _formats(context))


@pass_context
def _percent(context: Context, value: Any) -> str:
    """A share as percents: `{{ 0.2|percent }}` is 20%, in French 20 %."""
    limits.spend(1)
    return format_percent(_a_number(value), locale=_formats(context).locale, decimal_quantization=False)


@pass_context
def _plural(context: Context, value: Any, one: str | None = None, other: str = "", **forms: str) -> str:
    """The form a number asks for in the text's language (CLDR): `{{ n|plural("night", "nights") }}`.

    A `#` in it is the number as the language writes it: `{{ n|plural(one="# night", other="# nights") }}`.
    """
    limits.spend(1)
    formats = _formats(context)
    category = formats.locale.plural_form(_a_number(value))
    chosen = one if category == "one" else forms.get(category)
    if chosen is None:
        chosen = other
    if "#" not in chosen:
        return chosen
    number = written_number(value, formats)
    limits.spend(limits.size(len(chosen) + chosen.count("#") * len(number)) >> 8)
    return chosen.replace("#", number)


@pass_context
def _isolate(context: Context, value: Any) -> str:
    """Plain text that runs in the other direction, kept in one piece (Unicode's isolates); all else as it is.

    For names and numbers in a sentence. An address that is tapped on stands on a line of its own instead: phones
    would take the sign that ends an isolate for a part of it.
    """
    limits.spend_on(value)
    text = "" if value is None else str(value)
    other = _LEFT_TO_RIGHT if _formats(context).direction == "rtl" else _RIGHT_TO_LEFT
    if text.isdigit() or not any(bidirectional(letter) in other for letter in text):
        return text  # a code of digits stays bare: phones offer to copy it
    return f"\u2068{text}\u2069"


FORMATS: dict[str, Callable[..., str]] = {
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "zone": _zone,
    "iso": _iso,
    "money": _money,
    "number": _number,
    "percent": _percent,
    "plural": _plural,
    "isolate": _isolate,
}
