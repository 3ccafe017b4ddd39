"""What the catalogue's variants promise, each language on every channel it has."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from shared.messages.content import dump_content, load_content
from shared.messages.email import EmailContent
from shared.messages.push import PushContent
from shared.messages.segments import GSM7, measure
from shared.messages.sms import SmsContent
from shared.templates import files
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle
from tests.shared.templates.reader import Reader

LANGUAGES = ("ar", "de", "es", "fr", "pl")
TEMPLATES = Path(__file__).parents[3] / "templates"
WORDLESS = ("activity",)
"""Templates that say only what callers say."""

CHANNELS = {
    path.name: files.channels(file.name for file in path.iterdir() if file.is_file())
    for path in sorted(TEMPLATES.iterdir())
    if not path.name.startswith("_") and path.name not in WORDLESS
}
SENDS = [(name, channel, tag) for name, channels in CHANNELS.items() for channel in channels for tag in LANGUAGES]
MAILS = [(name, tag) for name, channel, tag in SENDS if channel == "email"]
BY_SMS = [(name, tag) for name, channel, tag in SENDS if channel == "sms"]
BY_PUSH = [(name, tag) for name, channel, tag in SENDS if channel == "push"]
UNSUBSCRIBE = "https://notify.example.com/u/4fd1"

Data = Callable[[Template], dict[str, Any]]


def _to(tag: str, template: Template) -> dict[str, Any]:
    to = {"locale": tag, "timezone": "Europe/London", "email": "ada@example.com"}
    return {**to, "unsubscribe_url": UNSUBSCRIBE} if template.kind == "promotion" else to


def _words(tag: str) -> set[str]:
    source = (TEMPLATES / "_layout" / tag / "words.txt").read_text()
    return set(re.findall(r'"([^"]+)"', source))


def test_the_catalogue_is_complete_in_every_language(catalogue: dict[str, Bundle]) -> None:
    for name, channels in CHANNELS.items():
        template = compile_bundle(catalogue[name])
        assert template.locales == ("en", *LANGUAGES), name
        for channel in channels:
            assert [template.locale_for(channel, tag) for tag in LANGUAGES] == list(LANGUAGES), (name, channel)


@pytest.mark.parametrize(("name", "channel", "tag"), SENDS)
def test_what_is_rendered_can_be_sent(
    catalogue: dict[str, Bundle], brand: Brand, awkward: Data, minimal: Data, name: str, channel: str, tag: str
) -> None:
    """Whatever the data: the content satisfies the contract of its channel."""
    template = compile_bundle(catalogue[name])
    for sent in (dict(template.sample), awkward(template), minimal(template)):
        written = dump_content(channel, template.render(channel, sent, _to(tag, template), brand))
        if channel == "whatsapp":
            written = {"body": written["body"]}
        assert dump_content(channel, load_content(channel, written)) == written
        assert not re.search(r"\bNone\b|\[\]|\{\}", str(written.get("body", "")))


@pytest.mark.parametrize(("name", "channel", "tag"), SENDS)
def test_no_line_is_left_in_english(
    catalogue: dict[str, Bundle], brand: Brand, name: str, channel: str, tag: str
) -> None:
    """No file of a variant has a sentence of the template's own, and no mail the English words of the layout."""
    own, theirs = catalogue[name].files, catalogue[name].files
    for file in own:
        if file.startswith(f"{channel}.") and f"{tag}/{file}" in theirs:
            english, foreign = (set(_sentences(theirs[f])) for f in (file, f"{tag}/{file}"))
            assert english & foreign == set(), file
    template = compile_bundle(catalogue[name])
    content = template.render(channel, template.sample, _to(tag, template), brand)
    if isinstance(content, EmailContent):
        for part in (content.text, content.html or ""):
            assert not re.search(r"Questions\?|Unsubscribe|You are receiving", part)
            assert any(word in part for word in _words(tag))


def _sentences(source: str) -> list[str]:
    """Runs of three words or more, without Jinja2, tags and the comments of the page."""
    bare = re.sub(r"(?s)\{[%{#].*?[%}#]\}|<[^>]*>", "\n", source)
    return [run.strip() for run in bare.splitlines() if len(re.findall(r"\w{2,}", run)) >= 3]


@pytest.mark.parametrize(("name", "tag"), BY_SMS)
def test_sms_of_the_sample_takes_two_segments_at_most(
    catalogue: dict[str, Bundle], brand: Brand, name: str, tag: str
) -> None:
    """German always fits GSM-7; the others do where their words allow it."""
    template = compile_bundle(catalogue[name])
    content = template.render("sms", template.sample, _to(tag, template), brand)
    assert isinstance(content, SmsContent)
    measured = measure(content.body)
    assert measured.segments <= 2
    if tag == "de":
        assert (measured.encoding, measured.segments) == (GSM7, 1)


@pytest.mark.parametrize(("name", "tag"), BY_SMS)
def test_addresses_in_an_sms_end_where_a_phone_thinks_they_do(
    catalogue: dict[str, Bundle], brand: Brand, name: str, tag: str
) -> None:
    """An isolate is no space: Android would take one that follows an address for a part of it."""
    template = compile_bundle(catalogue[name])
    body = template.render("sms", template.sample, _to(tag, template), brand).body  # type: ignore[union-attr]
    for address in re.findall(r"https://\S+", str(body)):
        assert address.isascii()
    if tag == "ar":
        alone = ("https://", str(template.sample.get("code", "https://")))
        assert all(line.isascii() == line.startswith(alone) for line in str(body).splitlines())


@pytest.mark.parametrize(("name", "tag"), BY_PUSH)
def test_push_of_the_sample_fits_a_lock_screen(catalogue: dict[str, Bundle], brand: Brand, name: str, tag: str) -> None:
    template = compile_bundle(catalogue[name])
    content = template.render("push", template.sample, _to(tag, template), brand)
    assert isinstance(content, PushContent)
    assert len(content.title) <= 45
    assert len(content.body) <= 125
    assert content.data["type"] == name
    assert content.link


@pytest.mark.parametrize(("name", "channel", "tag"), SENDS)
def test_every_choice_has_its_words(
    catalogue: dict[str, Bundle], brand: Brand, name: str, channel: str, tag: str
) -> None:
    template = compile_bundle(catalogue[name])
    for variable in template.variables.declared.values():
        if channel == "email" and variable.choices:
            sent = [{**template.sample, variable.name: choice} for choice in variable.choices]
            texts = {template.render(channel, one, {"locale": tag}, brand).text for one in sent}  # type: ignore[union-attr]
            assert len(texts) == len(sent), variable.name


@pytest.mark.parametrize(("name", "tag"), MAILS)
def test_the_page_says_its_language_and_direction(
    catalogue: dict[str, Bundle], brand: Brand, name: str, tag: str
) -> None:
    template = compile_bundle(catalogue[name])
    content = template.render("email", template.sample, _to(f"{tag}-001", template), brand)
    assert isinstance(content, EmailContent)
    (root,) = Reader(content.html or "").all("html")
    assert (root["lang"], root["dir"]) == (tag, "rtl" if tag == "ar" else "ltr")


EXPECTED = {
    "ar": ("السبت، 14 مارس 2026", "\u200f1,240.00\xa0€", "7:30 م"),
    "de": ("Samstag, 14. März 2026", "1.240,00\xa0€", "19:30"),
    "es": ("sábado, 14 de marzo de 2026", "1.240,00\xa0€", "19:30"),
    "fr": ("samedi 14 mars 2026", "1\u202f240,00\xa0€", "19:30"),
    "pl": ("sobota, 14 marca 2026", "1\xa0240,00\xa0€", "19:30"),
}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_dates_and_amounts_are_written_as_the_language_does(
    catalogue: dict[str, Bundle], brand: Brand, tag: str
) -> None:
    template = compile_bundle(catalogue["booking_confirmation"])
    data = {**template.sample, "total": {"amount": "1240.00", "currency": "EUR"}}
    text = template.render("email", data, _to(tag, template), brand).text  # type: ignore[union-attr]
    for written in EXPECTED[tag]:
        assert written in str(text)


@pytest.mark.parametrize(
    ("tag", "said"), [("de", "Quittung"), ("es", "Recibo"), ("fr", "Reçu"), ("pl", "Pokwitowanie"), ("ar", "177.60")]
)
def test_the_receipt_is_in_the_language_of_its_mail(
    catalogue: dict[str, Bundle], brand: Brand, tag: str, said: str
) -> None:
    template = compile_bundle(catalogue["payment_receipt"])
    content = template.render("email", template.sample, _to(tag, template), brand)
    (attached,) = content.attachments  # type: ignore[union-attr]
    text = PdfReader(BytesIO(attached.content)).pages[0].extract_text()
    assert said in text
    assert not re.search(r"Receipt|Subtotal:|Paid|Quantity", text)


MINUTES = {
    "ar": {1: "دقيقة واحدة", 2: "دقيقتين", 5: "5 دقائق", 11: "11 دقيقة", 100: "100 دقيقة"},
    "de": {1: "1 Minute", 2: "2 Minuten", 100: "100 Minuten"},
    "es": {1: "1 minuto", 2: "2 minutos"},
    "fr": {0: "0 minute", 1: "1 minute", 2: "2 minutes"},
    "pl": {1: "1 minutę", 2: "2 minuty", 5: "5 minut", 21: "21 minut", 22: "22 minuty"},
}


@pytest.mark.parametrize(
    ("tag", "minutes", "said"), [(t, n, said) for t, of in MINUTES.items() for n, said in of.items()]
)
def test_a_code_says_how_long_it_works(
    catalogue: dict[str, Bundle], brand: Brand, tag: str, minutes: int, said: str
) -> None:
    template = compile_bundle(catalogue["one_time_code"])
    data = {**template.sample, "expires_in_minutes": minutes}
    assert re.search(rf"{said}\b", template.render("sms", data, {"locale": tag}, brand).body)  # type: ignore[union-attr]


@pytest.mark.parametrize("code", ["482913", "K7-29Q", "4829-KQ"])
@pytest.mark.parametrize(
    ("name", "variable", "channel"),
    [("one_time_code", "code", "sms"), ("one_time_code", "code", "email"), ("promotion", "promo_code", "email")],
)
def test_what_is_copied_out_of_an_arabic_message_is_the_code_alone(
    catalogue: dict[str, Bundle], brand: Brand, name: str, variable: str, channel: str, code: str
) -> None:
    template = compile_bundle(catalogue[name])
    data = {**template.sample, variable: code}
    content = template.render(channel, template.check(data), _to("ar", template), brand)
    written = " ".join(str(part) for part in dump_content(channel, content).values())
    assert code in written
    assert not re.search(rf"[\u2066-\u2069]{code}|{code}[\u2066-\u2069]", written)


@pytest.mark.parametrize("tag", ["en", *LANGUAGES])
def test_the_last_line_of_a_code_is_for_the_phone(catalogue: dict[str, Bundle], brand: Brand, tag: str) -> None:
    """https://wicg.github.io/sms-one-time-codes/ reads nothing but these characters there."""
    template = compile_bundle(catalogue["one_time_code"])
    data = {**template.sample, "code": "K7Q29", "domain": "example.com"}
    body = template.render("sms", template.check(data), {"locale": tag}, brand).body  # type: ignore[union-attr]
    assert str(body).splitlines()[-1] == "@example.com #K7Q29"


@pytest.mark.parametrize(
    ("name", "tag", "file", "said"),
    [
        ("one_time_code", "de", "sms.body.txt", "Geben Sie ihn an niemanden weiter."),
        ("one_time_code", "pl", "sms.body.txt", "Nigdy o niego nie prosimy."),
        ("payment_receipt", "pl", "email.body.txt", "Suma częściowa:"),
        ("payment_failure", "es", "email.body.txt", "a más tardar el {{ retry_on|date }}"),
    ],
)
def test_wordings_that_were_wrong_once(name: str, tag: str, file: str, said: str) -> None:
    assert said in (TEMPLATES / name / tag / file).read_text()
