"""Variants of a template in other languages: which one a recipient gets, what they need, and what is refused."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.errors import InvalidInput, TemplateError
from shared.messages.sms import SmsContent
from shared.messages.whatsapp import WhatsAppContent
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template
from shared.templates.locales import canonical, lookup

MakeBundle = Callable[..., Bundle]
MakeTemplate = Callable[..., Template]

SMS = {
    "sms.body.txt": "Hello",
    "de/sms.body.txt": "Hallo",
    "pt/sms.body.txt": "Olá",
    "pt-BR/sms.body.txt": "Oi",
    "zh_Hant/sms.body.txt": "你好",
}
MAIL = {"email.subject.txt": "Hello", "email.body.txt": "Hello", "email.body.html": "<p>Hello</p>"}
GERMAN_MAIL = {f"de/{file}": text.replace("Hello", "Hallo") for file, text in MAIL.items()}
N = '[variables.n]\ntype = "decimal"\n[sample]\nn = 1'


def _said(template: Template, locale: str | None, brand: Brand, channel: str = "sms", **data: Any) -> str:
    content = template.render(channel, data, {"locale": locale}, brand)
    assert isinstance(content, SmsContent | WhatsAppContent)
    return str(content.body)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("de", "Hallo"),
        ("de-AT", "Hallo"),
        ("de_AT", "Hallo"),
        ("pt-BR", "Oi"),
        ("pt_br", "Oi"),
        ("pt-PT", "Olá"),
        ("pt", "Olá"),
        ("zh-Hant-TW", "你好"),
        ("zh-TW", "你好"),
        ("zh-CN", "Hello"),
        ("en-GB", "Hello"),
        ("fr", "Hello"),
        ("tlh", "Hello"),
        ("no such tag", "Hello"),
        ("", "Hello"),
        (None, "Hello"),
    ],
)
def test_the_nearest_variant_is_sent(template: MakeTemplate, brand: Brand, locale: str | None, said: str) -> None:
    """Exact tag, then language, then the template's own; a tag nobody knows is no error."""
    assert _said(template(SMS), locale, brand) == said


@pytest.mark.parametrize(
    ("locale", "brand_locale", "said"),
    [(None, "de-CH", "Hallo"), ("fr", "de-CH", "Hallo"), ("en", "de", "Hello"), (None, "fr", "Hello")],
)
def test_the_brand_says_what_whoever_is_unknown_reads(
    template: MakeTemplate, locale: str | None, brand_locale: str, said: str
) -> None:
    assert _said(template(SMS), locale, Brand(locale=brand_locale)) == said


@pytest.mark.parametrize(
    ("locale", "brand_locale", "said"),
    [
        ("it", "en-GB", "1 July 2026"),
        (None, "en-GB", "1 July 2026"),
        ("no such tag", "en-GB", "1 July 2026"),
        ("en-US", "en-GB", "July 1, 2026"),
        ("it", "de-CH", "July 1, 2026"),
        ("it", None, "July 1, 2026"),
    ],
)
def test_dates_follow_the_first_locale_in_the_language_of_the_text(
    template: MakeTemplate, locale: str | None, brand_locale: str | None, said: str
) -> None:
    day = '[variables.day]\ntype = "date"\n[sample]\nday = "2026-07-01"'
    for others in ({}, {"fr/sms.body.txt": "-"}):
        made = template({"sms.body.txt": "{{ day|date }}", **others}, day)
        assert _said(made, locale, Brand(locale=brand_locale), day="2026-07-01") == said


def test_a_brand_in_no_language_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"brand\.locale"):
        Brand(locale="klingonish")


def test_the_languages_are_told(template: MakeTemplate) -> None:
    made = template(SMS)
    assert made.locales == ("en", "de", "pt", "pt-BR", "zh-Hant")
    assert made.locale_for("sms", "pt-AO", "de") == "pt"


def test_a_channel_without_a_form_is_in_the_templates_own_language(template: MakeTemplate, brand: Brand) -> None:
    made = template({**SMS, **MAIL, "push.title.txt": "Hello", "push.body.txt": "Hello", **GERMAN_MAIL})
    assert made.locale_for("push", "de") == "en"
    assert made.locale_for("email", "de") == "de"
    assert made.render("email", {}, {"locale": "de"}, brand).subject == "Hallo"  # type: ignore[union-attr]
    assert made.render("push", {}, {"locale": "de"}, brand).title == "Hello"  # type: ignore[union-attr]


def test_files_without_words_serve_all_languages(template: MakeTemplate, brand: Brand) -> None:
    push = {"push.title.txt": "Hello", "push.body.txt": "Hello", "push.data.json": '{"language": "{{ language }}"}'}
    made = template({**push, "de/push.title.txt": "Hallo", "de/push.body.txt": "Hallo"})
    content = made.render("push", {}, {"locale": "de-AT"}, brand)
    assert (content.title, content.data) == ("Hallo", {"language": "de"})  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("locale", "said"), [("pt-BR", "Oi, Brasil"), ("pt-PT", "Olá, português"), ("en", "Hi, words")]
)
def test_a_variant_has_the_nearest_words_of_the_layout(
    template: MakeTemplate, brand: Brand, locale: str, said: str
) -> None:
    include = '{% include "_layout/own.txt" %}'
    made = template(
        {
            "sms.body.txt": f"Hi, {include}",
            "pt/sms.body.txt": f"Olá, {include}",
            "pt-BR/sms.body.txt": f"Oi, {include}",
            "_layout/own.txt": "words",
            "_layout/pt/own.txt": "português",
            "_layout/pt-BR/own.txt": "Brasil",
        }
    )
    assert _said(made, locale, brand) == said


def test_dates_and_amounts_follow_the_variant_and_the_recipients_country(template: MakeTemplate, brand: Brand) -> None:
    body = "{{ n|number }} {{ n|money('EUR') }} {{ 0.25|percent }} {{ language }}"
    made = template({"sms.body.txt": body, "de/sms.body.txt": body}, N)
    said = {tag: _said(made, tag, brand, n="1234.5") for tag in ("en", "de", "de-CH", "fr")}
    assert said == {
        "en": "1,234.5 €1,234.50 25% en",
        "de": "1.234,5 1.234,50 € 25 % de",
        "de-CH": "1’234.5 EUR 1’234.50 25% de",
        "fr": "1,234.5 €1,234.50 25% en",
    }


@pytest.mark.parametrize(
    ("files", "place", "what"),
    [
        ({"xx/sms.body.txt": "Hi"}, "xx/sms.body.txt", "`xx` is no locale"),
        ({"drafts/sms.body.txt": "Hi"}, "drafts/sms.body.txt", "`drafts` is no locale"),
        ({"pt-BR/sms.body.txt": "Oi", "pt_BR/sms.body.txt": "Oi"}, "pt_BR/sms.body.txt", "there already"),
        ({"en/sms.body.txt": "Hi"}, "en", "The template itself is in en"),
        ({"de/sms.boddy.txt": "Hi"}, "de/sms.boddy.txt", "No channel has such a file"),
        ({"de/template.toml": ""}, "de/template.toml", "No channel has such a file"),
        ({"de/push.title.txt": "Hi"}, "de/push.body.txt", "needs this file"),
        ({"de/push.title.txt": "Hi", "de/push.body.txt": "Hi"}, "de/push.body.txt", "no form for push"),
        ({**MAIL, "de/email.subject.txt": "Hallo"}, "de/email.body.txt", "needs this file"),
        (
            {**MAIL, "de/email.subject.txt": "Hallo", "de/email.body.txt": "Hallo"},
            "de/email.body.html",
            "its variants have it too",
        ),
        ({"de/sms.body.txt": "Hallo\n{{ nmae }}"}, "de/sms.body.txt", "`nmae` is not a declared variable"),
    ],
)
def test_what_cannot_be_a_variant_is_refused_by_file(
    bundle: MakeBundle, files: Mapping[str, str], place: str, what: str
) -> None:
    with pytest.raises(TemplateError, match=what) as raised:
        Template(bundle({"sms.body.txt": "Hello", **files})).check_variants()
    assert raised.value.file == place


def test_an_error_while_rendering_names_the_variants_file(template: MakeTemplate, brand: Brand) -> None:
    made = template({"sms.body.txt": "Hello", "de/sms.body.txt": "Hallo\n{{ n.x }}"}, N)
    with pytest.raises(TemplateError) as raised:
        _said(made, "de", brand, n=1)
    assert (raised.value.file, raised.value.line) == ("de/sms.body.txt", 2)


def test_a_bundle_with_variants_comes_back_from_the_ledger(bundle: MakeBundle) -> None:
    """Those who know no variants find what they know beside them."""
    made = bundle({**SMS, **MAIL, "_layout/de/words.txt": "x"})
    stored = made.to_json()
    assert Bundle.from_json(stored) == made
    assert set(stored["files"]) == {"template.toml", "sms.body.txt", *MAIL}
    assert stored["variants"]["de"] == {"sms.body.txt": "Hallo", "_layout/words.txt": "x"}
    assert bundle({"sms.body.txt": "Hello"}).to_json().keys() == {"format", "name", "files"}


def test_whatsapp_asks_for_the_text_approved_in_the_language(template: MakeTemplate, brand: Brand) -> None:
    made = template({"whatsapp.body.txt": "Hello", "pt-BR/whatsapp.body.txt": "Oi"})
    names = [made.render("whatsapp", {}, {"locale": tag}, brand).template for tag in ("en", "pt-BR")]  # type: ignore[union-attr]
    assert names == ["made", "made.pt-BR"]


def test_tags_are_those_of_bcp_47() -> None:
    assert [canonical(tag) for tag in ("pt-br", "zh_hant_tw", "en", "xx", "_layout")] == [
        "pt-BR", "zh-Hant-TW", "en", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("zh-Hant-TW", ("zh-Hant-TW", "zh-Hant", "zh")),
        ("zh-TW", ("zh-Hant-TW", "zh-Hant", "zh")),
        ("zh_hk", ("zh-Hant-HK", "zh-Hant", "zh")),
        ("zh-CN", ("zh-Hans-CN", "zh-Hans", "zh")),
        ("sr-ME", ("sr-Latn-ME", "sr-Latn", "sr")),
        ("sr-RS", ("sr-Cyrl-RS", "sr-Cyrl", "sr")),
        ("iw", ("he-IL", "he")),
        ("tl", ("fil-PH", "fil")),
        ("no", ("no", "nb")),
        ("no-NO", ("no", "nb")),
        ("nb-NO", ("nb-NO", "nb", "no")),
        ("nn", ("nn",)),
        ("de-US", ("de",)),
        ("ca-ES-valencia", ("ca-ES-VALENCIA", "ca-ES", "ca")),
        ("xx", ()),
    ],
)
def test_what_will_do_for_a_tag(tag: str, found: tuple[str, ...]) -> None:
    assert lookup(tag) == found


NUMBERS = (0, 1, 2, 3, 5, 11, 21, 100)
CATEGORIES = {
    # https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
    "pl": ("many", "one", "few", "few", "many", "many", "many", "many"),
    "ar": ("zero", "one", "two", "few", "few", "many", "many", "other"),
    "fr": ("one", "one", "other", "other", "other", "other", "other", "other"),
    "en": ("other", "one", "other", "other", "other", "other", "other", "other"),
}
EVERY = ", ".join(f'{category}="# {category}"' for category in ("zero", "one", "two", "few", "many", "other"))


@pytest.mark.parametrize("language", sorted(CATEGORIES))
def test_plurals_are_cldrs(template: MakeTemplate, brand: Brand, language: str) -> None:
    made = template({"sms.body.txt": f"{{{{ n|plural({EVERY}) }}}}"}, f'language = "{language}"\n{N}')
    said = tuple(_said(made, None, brand, n=number) for number in NUMBERS)
    assert said == tuple(f"{number} {form}" for number, form in zip(NUMBERS, CATEGORIES[language], strict=True))


def test_the_number_in_a_plural_is_written_as_the_language_does(template: MakeTemplate, brand: Brand) -> None:
    body = '{{ n|plural(one="# guest", other="# guests") }}'
    made = template({"sms.body.txt": body, "de/sms.body.txt": body.replace("guest", "Gast")}, N)
    assert _said(made, "en", brand, n=12345) == "12,345 guests"
    assert _said(made, "de", brand, n=12345) == "12.345 Gasts"


@pytest.mark.parametrize(
    ("language", "forms", "missing"),
    [
        ("pl", 'one="x", other="x"', "few, many are missing"),
        ("ar", '"x", "x", few="x", many="x", two="x"', "zero is missing"),
        ("de", 'one="x"', "other is missing"),
        ("de", '"x", "x", fwe="x"', "no form `fwe`"),
        ("ru", 'one="x", few="x", other="x"', "many is missing"),
    ],
)
def test_a_form_the_language_needs_is_missed_at_once(
    bundle: MakeBundle, language: str, forms: str, missing: str
) -> None:
    with pytest.raises(TemplateError, match=missing) as raised:
        Template(
            bundle({"sms.body.txt": "-", f"{language}/sms.body.txt": f"\n{{{{ n|plural({forms}) }}}}"}, N)
        ).check_variants()
    assert (raised.value.file, raised.value.line) == (f"{language}/sms.body.txt", 2)


@pytest.mark.parametrize("language", ["fr", "es", "ja"])
def test_forms_for_millions_can_be_left_out(template: MakeTemplate, brand: Brand, language: str) -> None:
    forms = 'other="#"' if language == "ja" else 'one="#", other="# de"'
    made = template({"sms.body.txt": "-", f"{language}/sms.body.txt": f"{{{{ n|plural({forms}) }}}}"}, N)
    assert "000" in _said(made, language, brand, n=1_000_000)


@pytest.mark.parametrize(
    ("locale", "value", "said"),
    [
        ("ar", "LM-4821", "\u2068LM-4821\u2069"),
        ("ar", "+44 20 7946", "\u2068+44 20 7946\u2069"),
        ("ar", "482913", "482913"),
        ("ar", "سلمى", "سلمى"),
        ("en", "LM-4821", "LM-4821"),
        ("en", "סלמה", "\u2068סלמה\u2069"),
    ],
)
def test_what_runs_the_other_way_is_isolated(
    template: MakeTemplate, brand: Brand, locale: str, value: str, said: str
) -> None:
    body = "{{ x|isolate }}"
    made = template(
        {"sms.body.txt": body, "ar/sms.body.txt": body}, '[variables.x]\ntype = "string"\n[sample]\nx = "x"'
    )
    assert _said(made, locale, brand, x=value) == said
