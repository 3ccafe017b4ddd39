"""Brand: only what can be shown safely."""

import pytest

from shared.errors import InvalidInput
from shared.templates.brand import Brand


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("accent", "red"),
        ("accent", "#fff;background:url(//x)"),
        ("accent", "#1f6feb\n"),
        ("logo_url", "http://example.com/x.png"),
        ("logo_url", "data:image/png;base64,AA"),
        ("website", "javascript:alert(1)"),
        ("website", "https:///x"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Brand(**{field: value})
    assert list(raised.value.fields) == [f"brand.{field}"]


@pytest.mark.parametrize(
    ("accent", "letters"),
    [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#1f6feb", "#ffffff"), ("#ffd400", "#000000")],
)
def test_letters_on_the_accent_can_be_read(accent: str, letters: str) -> None:
    assert Brand(accent=accent).on_accent == letters
