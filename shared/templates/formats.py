"""Money, numbers, days and times as the recipient writes them: the filters `|money`, `|date` and the like."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    get_timezone_gmt,
    get_timezone_name,
)
from babel.numbers import format_currency, format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context

from shared.errors import TemplateError
from shared.templates import limits
from shared.templates.types import Money

_DATE_STYLES = ("full", "long", "medium", "short")
_SKELETONS = {"day": "MMMEd"}


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
    own = _locale(language) or Locale("en")
    theirs = _locale(locale) if locale else None
    return Formats(theirs if theirs and theirs.language == own.language else own, zone_named(zone))


def _locale(name: str) -> Locale | None:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        return None


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
def _money(context: Context, value: Any) -> str:
    limits.spend(1)
    return written_money(value, _formats(context))


@pass_context
def _number(context: Context, value: Any) -> str:
    limits.spend(1)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TemplateError('A number is wanted here: declare the variable with type = "integer" or "decimal".')
    return format_decimal(value, locale=_formats(context).locale, decimal_quantization=False)


@pass_context
def _plural(context: Context, value: Any, one: str, other: str, **forms: str) -> str:
    """The form a number asks for in the text's language (CLDR): `{{ n|plural("night", "nights") }}`."""
    limits.spend(1)
    chosen = {"one": one, "other": other, **forms}
    return chosen.get(_formats(context).locale.plural_form(value), other)


FORMATS: dict[str, Callable[..., str]] = {
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "zone": _zone,
    "iso": _iso,
    "money": _money,
    "number": _number,
    "plural": _plural,
}
