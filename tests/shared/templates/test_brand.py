"""Brand: only what can be shown safely."""

from dataclasses import fields
from pathlib import Path

import pytest

from shared.errors import InvalidInput
from shared.settings import load_one
from shared.templates.brand import DARK_CARD, Brand
from shared.templates.brand_settings import BrandSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("accent", "red"),
        ("accent", "#fff;background:url(//x)"),
        ("accent", "#1f6feb\n"),
        ("accent_dark", "white"),
        ("logo_url", "http://example.com/x.png"),
        ("logo_url", "data:image/png;base64,AA"),
        ("logo_dark_url", "https://example.com/white.png"),
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


@pytest.mark.parametrize(
    ("brand", "accent", "letters"),
    [
        (Brand(accent="#1f6feb"), "#1f6feb", "#ffffff"),
        (Brand(accent="#16181d"), "#ffffff", "#000000"),
        (Brand(accent="#16181d", accent_dark="#7aa2ff"), "#7aa2ff", "#000000"),
    ],
)
def test_a_button_stands_out_in_the_dark(brand: Brand, accent: str, letters: str) -> None:
    assert (brand.context["accent_dark"], brand.context["on_accent_dark"]) == (accent, letters)


def test_the_dark_is_that_of_the_layout(folder: Path) -> None:
    assert f".card {{ background-color: {DARK_CARD} !important" in (folder / "_layout" / "email.html").read_text()


def test_every_part_of_a_brand_can_be_set() -> None:
    environ = {f"CRIER_BRAND_{field.name.upper()}": _example(field.name) for field in fields(Brand)}
    brand = load_one(BrandSettings, environ).brand()
    assert brand == Brand(**{field.name: _example(field.name) for field in fields(Brand)})


def _example(name: str) -> str:
    if name.startswith("accent"):
        return "#123456"
    if name == "locale":
        return "pt-BR"
    return f"https://example.com/{name}" if name.endswith("url") or name == "website" else f"the {name}"
