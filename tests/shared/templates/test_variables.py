"""Variables: what is accepted is JSON as it was sent; what is refused is named, with the remedy."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.templates.types import TYPES, Money
from shared.templates.variables import Variable, Variables

ITEM = (Variable("price", "money"), Variable("count", "integer", default=1, required=False))
ORDER = Variables(
    [
        Variable("name", description="the guest's name", max_length=10),
        Variable("note", multiline=True, required=False),
        Variable("size", choices=("small", "large"), required=False),
        Variable("items", "list", max_length=3, items=Variable("items", "object", fields=ITEM)),
    ]
)
GOOD: dict[str, Any] = {"name": "Ada", "items": [{"price": {"amount": "1.50", "currency": "EUR"}}]}


def problems(data: Any, variables: Variables = ORDER) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as raised:
        variables.check(data)
    return raised.value.fields


def test_accepted_data_is_returned_as_it_was_sent() -> None:
    before = json.dumps(GOOD)
    assert ORDER.check(GOOD) is GOOD
    assert json.dumps(GOOD) == before


def test_parsing_gives_types_and_defaults() -> None:
    assert ORDER.parse(GOOD) == {
        "name": "Ada",
        "note": None,
        "size": None,
        "items": [{"price": Money(Decimal("1.50"), "EUR"), "count": 1}],
    }


def test_every_problem_is_told_at_once_by_path() -> None:
    found = problems({"items": [GOOD["items"][0], {"price": {"amount": "x", "currency": "EUR"}}], "size": "smal"})
    assert set(found) == {"data.name", "data.items.1.price", "data.size"}
    assert found["data.name"] == ["`name` (the guest's name) is missing: send a string on one line."]
    assert "`price`" in found["data.items.1.price"][0]
    assert found["data.size"][0].endswith("Did you mean small?")


def test_unknown_variables_are_named_with_what_was_meant() -> None:
    found = problems({**GOOD, "nmae": "Ada", "zzz": 1})
    assert "did you mean `name`?" in found["data.nmae"][0]
    assert "`name`, `note`, `size`, `items`" in found["data.zzz"][0]
    nested = problems({**GOOD, "items": [{"price": GOOD["items"][0]["price"], "cuont": 2}]})
    assert "did you mean `count`?" in nested["data.items.0.cuont"][0]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ([], "data"),
        ("x", "data"),
        ({**GOOD, "name": None}, "data.name"),
        ({**GOOD, "name": 5}, "data.name"),
        ({**GOOD, "name": "x" * 11}, "data.name"),
        ({**GOOD, "name": "a\nb"}, "data.name"),
        ({**GOOD, "name": "a\u2028b"}, "data.name"),
        ({**GOOD, "name": "a\x85b"}, "data.name"),
        ({**GOOD, "name": "\ud800"}, "data.name"),
        ({**GOOD, "note": "a\x00b"}, "data.note"),
        ({**GOOD, "items": {}}, "data.items"),
        ({**GOOD, "items": [1]}, "data.items.0"),
        ({**GOOD, "items": [{}]}, "data.items.0.price"),
        ({**GOOD, "items": GOOD["items"] * 4}, "data.items"),
        ({**GOOD, "items": None}, "data.items"),
    ],
)
def test_refusals_name_the_place(data: Any, path: str) -> None:
    assert list(problems(data)) == [path]


def test_line_breaks_are_for_multiline_strings() -> None:
    assert ORDER.check({**GOOD, "note": "a\nb\tc\r\nd"})


BAD: list[tuple[str, Any]] = [
    ("string", 1), ("string", None), ("string", "x" * 20_001), ("string", "\x1b[31m"),
    ("integer", True), ("integer", 1.5), ("integer", "1"), ("integer", 2**63),
    ("decimal", True), ("decimal", "1e9"), ("decimal", "1e1000000"), ("decimal", "NaN"), ("decimal", float("inf")),
    ("decimal", "1,5"), ("decimal", "0." + "1" * 10), ("decimal", "١"), ("decimal", "1\n"),
    ("boolean", 1), ("boolean", "true"),
    ("date", "2026-02-30"), ("date", "01.03.2026"), ("date", "2026-03-01T00:00"), ("date", 20260301),
    ("datetime", "2026-03-01T18:30:00"), ("datetime", "tomorrow"), ("datetime", "9999-12-31T23:59:59Z"),
    ("url", "javascript:alert(1)"), ("url", "//example.com"), ("url", "/path"), ("url", "https://"),
    ("url", 'https://example.com/"onclick='), ("url", "https://a b"), ("url", "https://[x"), ("url", "https://e/\\x"),
    ("url", "https://example.com:99999"), ("url", "data:text/html,x"), ("url", "https://e.com/" + "x" * 2000),
    ("email", "ada"), ("email", "ada@x.com\n"), ("phone", "020 7946 0018"), ("phone", "+1"),
    ("money", "1.50"), ("money", {"amount": "1.50"}), ("money", {"amount": "1.50", "currency": "EURO"}),
    ("money", {"amount": "1.50", "currency": "eur"}), ("money", {"amount": "1.505", "currency": "EUR"}),
    ("money", {"amount": "1.5", "currency": "JPY"}), ("money", {"amount": True, "currency": "EUR"}),
    ("money", {"amount": "1", "currency": ["EUR"]}), ("money", {"amount": "1", "currency": "EUR", "x": 1}),
    ("timezone", "Mars/Olympus"), ("timezone", "../../etc/passwd"), ("timezone", 1),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_values_of_the_wrong_kind_are_refused(kind: str, value: Any) -> None:
    found = problems({"v": value}, Variables([Variable("v", kind)]))
    assert list(found) == ["data.v"]
    assert found["data.v"][0].startswith("`v` ")
    assert TYPES[kind].expected in found["data.v"][0]


GOOD_VALUES: list[tuple[str, Any, Any]] = [
    ("string", "Grüße 王 😀", "Grüße 王 😀"),
    ("integer", -5, -5),
    ("decimal", 1.5, Decimal("1.5")),
    ("decimal", "12.50", Decimal("12.50")),
    ("boolean", False, False),
    ("date", "2026-03-01", date(2026, 3, 1)),
    ("datetime", "2026-03-01T18:30:00Z", datetime(2026, 3, 1, 18, 30, tzinfo=UTC)),
    ("url", "https://example.com:8443/a?b=c&d=%20#e", "https://example.com:8443/a?b=c&d=%20#e"),
    ("url", "http://localhost/x", "http://localhost/x"),
    ("email", "ada@example.com", "ada@example.com"),
    ("phone", "+44 20 7946 0018", "+44 20 7946 0018"),
    ("money", {"amount": 3, "currency": "JPY"}, Money(Decimal(3), "JPY")),
    ("money", {"amount": "1.500", "currency": "EUR"}, Money(Decimal("1.500"), "EUR")),
    ("timezone", "Europe/London", "Europe/London"),
]


@pytest.mark.parametrize(("kind", "value", "parsed"), GOOD_VALUES)
def test_good_values_are_read(kind: str, value: Any, parsed: Any) -> None:
    variables = Variables([Variable("v", kind)])
    assert variables.parse(variables.check({"v": value})) == {"v": parsed}


@pytest.mark.parametrize(("kind", "value"), [("string", "hunter2\n"), ("email", "hunter2"), ("phone", "hunter2")])
def test_messages_do_not_repeat_values(kind: str, value: str) -> None:
    """Security 26 and 28: a refused value may be a secret, and messages end in logs."""
    assert "hunter2" not in str(problems({"v": value}, Variables([Variable("v", kind, secret=True)])))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.one_of(
    JSON,
    st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,10})?", fullmatch=True),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.dates().map(date.isoformat),
    st.fixed_dictionaries(
        {"amount": st.decimals(allow_nan=None).map(str), "currency": st.sampled_from(["EUR", "JPY", "KWD"])}
    ),
)


@pytest.mark.parametrize("kind", sorted(TYPES))
@settings(deadline=None)
@given(value=LIKELY)
def test_what_is_accepted_can_be_read(kind: str, value: Any) -> None:
    """For every value there is: it is refused, or it is JSON that parses. No third thing happens at render time."""
    variables = Variables([Variable("v", kind)])
    try:
        accepted = variables.check({"v": value})
    except InvalidInput:
        return
    assert json.loads(json.dumps(accepted)) == accepted
    assert variables.parse(accepted)["v"] is not None


@pytest.mark.parametrize("kind", sorted(TYPES))
@settings(deadline=None)
@given(value=LIKELY, beside=st.dictionaries(st.sampled_from(["w", "x"]), JSON, max_size=2))
def test_what_is_quickly_found_good_is_good_by_the_schema(kind: str, value: Any, beside: dict[str, Any]) -> None:
    longest = 5 if kind == "string" else None
    variables = Variables([Variable("v", kind, max_length=longest), Variable("w", choices=("a", "b"), required=False)])
    quickly = variables._is_plainly_good({"v": value, **beside})
    assert quickly is not True or not variables._schema.validate({"v": value, **beside})
    if value is not None and not beside:
        assert quickly is not bool(variables._schema.validate({"v": value})), "it should have been found, and quickly"


def test_a_template_without_variables_takes_none(template: Callable[..., Any]) -> None:
    made = template({"sms.body.txt": "Hi"})
    assert made.check({}) == {}
    with pytest.raises(InvalidInput, match="none at all"):
        made.check({"x": 1})
