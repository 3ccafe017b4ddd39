"""Money, dates and plurals, as the recipient writes them."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import TemplateError

Write = Callable[..., str]
MANIFEST = """
[variables]
at = { type = "datetime" }
day = { type = "date" }
price = { type = "money" }
n = { type = "integer" }
[sample]
at = "2026-07-01T21:05:00+00:00"
day = "2026-07-01"
price = { amount = "1234.50", currency = "EUR" }
n = 2
"""
UK: dict[str, Any] = {"locale": "en-GB", "timezone": "Europe/London"}


@pytest.mark.parametrize(
    ("source", "to", "expected"),
    [
        ("{{ price|money }}", UK, "€1,234.50"),
        ("{{ day|date }}", UK, "1 July 2026"),
        ("{{ day|date('day') }}", UK, "Wed 1 Jul"),
        ("{{ at|date('full') }}", UK, "Wednesday, 1 July 2026"),
        ("{{ at|time }}", UK, "22:05"),
        ("{{ at|time }} {{ at|zone }}", UK, "22:05 BST"),
        ("{{ at|datetime('day') }}", UK, "Wed 1 Jul, 22:05"),
        ("{{ at|time }}", {"locale": "en-US", "timezone": "America/New_York"}, "5:05 PM"),
        ("{{ at|date }}", {"locale": "en_US", "timezone": "Asia/Tokyo"}, "July 2, 2026"),
        ("{{ at|time('Asia/Kolkata') }} {{ at|zone('Asia/Kolkata') }}", UK, "02:35 GMT+05:30"),
        ("{{ at|date('long', 'Asia/Tokyo') }}", UK, "2 July 2026"),
        ("{{ at|time }} {{ at|zone }}", {}, "9:05 PM UTC"),
        ("{{ n|number }}", UK, "2"),
        ("{{ 1234567|number }}", UK, "1,234,567"),
        ("{{ n }} {{ n|plural('night', 'nights') }} {{ 1|plural('night', 'nights') }}", UK, "2 nights night"),
    ],
)
def test_as_the_recipient_writes_it(write: Write, source: str, to: dict[str, Any], expected: str) -> None:
    assert write(source, MANIFEST, to={"name": "Ada", **to}) == expected


def test_a_foreign_locale_does_not_mix_languages(write: Write) -> None:
    """An English text has no German month in it; a German one has, in the recipient's way."""
    german = {"locale": "de-AT", "timezone": "Europe/Vienna"}
    assert write("{{ day|date }}", MANIFEST, to=german) == "July 1, 2026"
    assert write("{{ day|date }}", 'language = "de"\n' + MANIFEST, to=german) == "1. Juli 2026"
    assert write("{{ direction }}", 'language = "he"\n', to=german) == "rtl"


def test_plurals_are_those_of_the_language(write: Write) -> None:
    source = "{% for n in [1, 3, 5] %}{{ n|plural('noc', 'nocy', few='noce', many='nocy') }} {% endfor %}"
    assert write(source, 'language = "pl"\n') == "noc noce nocy"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../../etc/passwd", "", "\x00", "x" * 500])
@pytest.mark.parametrize("locale", ["xx-YY", "", "e", "en_", "../en", "😀", "x" * 500])
def test_a_locale_or_zone_nobody_knows_is_passed_over(write: Write, zone: str, locale: str) -> None:
    assert write("{{ at|time }}", MANIFEST, to={"locale": locale, "timezone": zone}) == "9:05 PM"


def test_equal_moments_in_different_zones_are_told_apart(write: Write) -> None:
    """The written zones are kept by zone and not by moment."""
    source = "{{ at|zone('Europe/London') }} {{ at|zone('Asia/Kolkata') }} {{ at|zone('UTC') }}"
    assert write(source, MANIFEST, to=UK) == "BST GMT+05:30 UTC"


def test_texts_have_plain_spaces(write: Write) -> None:
    """The narrow space some locales put before PM would make an SMS twice as long (UCS-2)."""
    assert write("{{ at|time }}", MANIFEST, to={"locale": "en-US"}) == "9:05 PM"


@pytest.mark.parametrize(
    "source", ["{{ n|date }}", "{{ day|time }}", "{{ n|money }}", "{{ day|number }}", "{{ at|date('x') }}"]
)
def test_a_filter_says_what_it_wants(write: Write, source: str) -> None:
    with pytest.raises(TemplateError, match=r"^sms.body.txt, line 1: "):
        write(source, MANIFEST)
