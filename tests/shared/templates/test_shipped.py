"""What every template of the catalogue promises, on every channel, with fair data and with foul."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from shared.messages.content import dump_content, load_content
from shared.messages.email import EmailContent
from shared.messages.fields import single_line
from shared.messages.push import PushContent
from shared.messages.segments import GSM7, measure
from shared.messages.sms import SmsContent
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle

CHANNELS = {
    "appointment_reminder": {"email", "sms", "push"},
    "booking_confirmation": {"email", "sms", "push"},
    "one_time_code": {"email", "sms"},
    "payment_receipt": {"email"},
    "trip_delay": {"sms", "push"},
    "welcome": {"email"},
}
SENDS = [(name, channel) for name, channels in CHANNELS.items() for channel in sorted(channels)]
MAILS = [name for name, channels in CHANNELS.items() if "email" in channels]
GMAIL_CLIPS_AT = 102 * 1024
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Collects what a mail consists of and refuses tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self.open):
            self.text.append(data)


@pytest.fixture
def shipped(catalogue: dict[str, Bundle]) -> Callable[[str], Template]:
    return lambda name: compile_bundle(catalogue[name])


@pytest.fixture(params=["sample", "awkward", "minimal"])
def data(
    request: pytest.FixtureRequest,
    awkward: Callable[[Template], dict[str, Any]],
    minimal: Callable[[Template], dict[str, Any]],
) -> Callable[[Template], dict[str, Any]]:
    """Each kind of data in turn; all of it passes the template's own check."""
    kinds: dict[str, Callable[[Template], dict[str, Any]]] = {
        "sample": lambda template: dict(template.sample),
        "awkward": awkward,
        "minimal": minimal,
    }
    choose = kinds[request.param]

    def checked(template: Template) -> dict[str, Any]:
        chosen = choose(template)
        assert template.check(chosen) == chosen
        return chosen

    return checked


def test_the_catalogue_is_complete(catalogue: dict[str, Bundle]) -> None:
    assert {name: set(compile_bundle(bundle).channels) for name, bundle in catalogue.items()} == CHANNELS


@pytest.mark.parametrize(("name", "channel"), SENDS)
def test_what_is_rendered_can_be_sent(
    shipped: Callable[[str], Template],
    data: Callable[[Template], dict[str, Any]],
    brand: Brand,
    name: str,
    channel: str,
) -> None:
    """Whatever the data: the content satisfies the contract of its channel, so no provider is asked for nonsense."""
    template = shipped(name)
    content = template.render(channel, data(template), {"locale": "en"}, brand)
    if isinstance(content, SmsContent) and len(content.body) > 1600:
        pytest.fail("longer than any SMS may be")
    assert load_content(channel, dump_content(channel, content)) == content


@pytest.mark.parametrize("name", MAILS)
def test_mail_holds_up(
    shipped: Callable[[str], Template],
    data: Callable[[Template], dict[str, Any]],
    brand: Brand,
    recipient: dict[str, Any],
    name: str,
) -> None:
    """Security 12 and 18, and what clients need: one-line subject, closed tags, absolute links, alt texts."""
    template = shipped(name)
    content = template.render("email", data(template), recipient, brand)
    assert isinstance(content, EmailContent)
    assert content.html is not None
    assert content.text is not None
    assert single_line(content.subject) == content.subject.strip()
    mail = Reader(content.html)
    assert not [tag for tag, _ in mail.tags if tag in ("script", "link", "form", "iframe")]
    for tag, attributes in mail.tags:
        if tag == "a":
            assert re.match(r"(https?://|mailto:)", attributes["href"] or "")
        if tag == "img":
            assert attributes["alt"]
        if tag == "table":
            assert attributes.get("role") == "presentation" or attributes["class"] in ("details", "sums")
    assert "None" not in mail.text
    assert "None" not in content.text
    assert "49" not in "".join(mail.text), "template syntax in data was run"
    assert len(content.html.encode()) < GMAIL_CLIPS_AT
    assert "\n\n\n" not in content.text


@pytest.mark.parametrize("name", MAILS)
def test_mail_is_made_for_phones_desks_and_the_dark(
    shipped: Callable[[str], Template], brand: Brand, recipient: dict[str, Any], name: str
) -> None:
    template = shipped(name)
    content = template.render("email", template.sample, recipient, brand)
    assert isinstance(content, EmailContent)
    html = content.html or ""
    mail = Reader(html)
    metas = {attributes.get("name"): attributes.get("content") for tag, attributes in mail.tags if tag == "meta"}
    assert metas["color-scheme"] == "light dark"
    assert "width=device-width" in (metas["viewport"] or "")
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 600px)" in html
    root = next(attributes for tag, attributes in mail.tags if tag == "html")
    assert root["lang"] == "en"
    assert root["dir"] == "ltr"
    preheader = html.split('class="preheader"', 1)[1].split(">", 1)[1].split("&#8199;", 1)[0]
    assert len(preheader.strip()) > 20
    for tag, attributes in mail.tags:
        for name_ in (attributes.get("class") or "").split():
            assert attributes.get("style"), f"<{tag} class={name_}> is not styled"
    assert "{{" not in html
    assert "{%" not in html
    assert 2_000 < len(html) < 20_000
    assert len(content.subject) < 70


@pytest.mark.parametrize("name", MAILS)
def test_the_text_part_says_what_the_html_says(
    shipped: Callable[[str], Template], brand: Brand, recipient: dict[str, Any], name: str
) -> None:
    """Who reads plain text gets every link and every value, written for them."""
    template = shipped(name)
    content = template.render("email", template.sample, recipient, brand)
    assert isinstance(content, EmailContent)
    text = content.text or ""
    mail = Reader(content.html or "")
    links = [attributes["href"] or "" for tag, attributes in mail.tags if tag == "a"]
    assert all(link in text for link in links if link.startswith("http"))
    shown = [
        line
        for key, value in template.sample.items()
        if template.variables.declared[key].type == "string"
        for line in value.splitlines()
        if line in "".join(mail.text)
    ]
    assert shown
    assert [line for line in shown if line not in text] == []


@pytest.mark.parametrize("locale", ["en", "en-GB", None])
@pytest.mark.parametrize("name", [name for name, channels in CHANNELS.items() if "sms" in channels])
def test_sms_of_the_sample_is_one_segment(
    shipped: Callable[[str], Template], brand: Brand, name: str, locale: str | None
) -> None:
    template = shipped(name)
    content = template.render("sms", template.sample, {"locale": locale, "timezone": "Europe/London"}, brand)
    assert isinstance(content, SmsContent)
    assert measure(content.body).encoding is GSM7
    assert measure(content.body).segments == 1
    assert content.body.startswith((brand.name, str(template.sample.get("code"))))


@pytest.mark.parametrize("name", [name for name, channels in CHANNELS.items() if "push" in channels])
def test_push_of_the_sample_fits_a_lock_screen(
    shipped: Callable[[str], Template], brand: Brand, recipient: dict[str, Any], name: str
) -> None:
    template = shipped(name)
    content = template.render("push", template.sample, recipient, brand)
    assert isinstance(content, PushContent)
    assert len(content.title) <= 40
    assert len(content.body) <= 120
    assert content.data["type"] == name
    assert content.link
    assert content.link.startswith("https://")


@pytest.mark.parametrize("name", [name for name, channels in CHANNELS.items() if "push" in channels])
def test_push_without_a_link_has_none(
    shipped: Callable[[str], Template], minimal: Callable[[Template], dict[str, Any]], brand: Brand, name: str
) -> None:
    content = shipped(name).render("push", minimal(shipped(name)), {}, brand)
    assert isinstance(content, PushContent)
    assert content.link is None


def test_only_the_code_is_secret(catalogue: dict[str, Bundle]) -> None:
    """Security 28: what has to be encrypted and wiped is declared."""
    secrets = {name: compile_bundle(bundle).secret_variables for name, bundle in catalogue.items()}
    assert {name: found for name, found in secrets.items() if found} == {"one_time_code": ("code",)}
    assert {name for name, bundle in catalogue.items() if compile_bundle(bundle).kind == "code"} == {"one_time_code"}


def test_a_code_is_bound_to_its_site(shipped: Callable[[str], Template], brand: Brand) -> None:
    """The last line that phones fill codes in by: https://wicg.github.io/sms-one-time-codes/"""
    content = shipped("one_time_code").render("sms", {"code": "123456", "domain": "lumen.example"}, {}, brand)
    assert isinstance(content, SmsContent)
    assert content.body.splitlines()[-1] == "@lumen.example #123456"


def test_the_brand_shows(shipped: Callable[[str], Template]) -> None:
    brand = Brand(name="A & B <i>", accent="#ffd400", logo_url="https://cdn.example.com/logo.png")
    template = shipped("welcome")
    content = template.render("email", template.sample, {"unsubscribe_url": "https://example.com/u/1"}, brand)
    assert isinstance(content, EmailContent)
    tags = Reader(content.html or "").tags
    logo = next(attributes for tag, attributes in tags if tag == "img")
    assert logo["src"] == "https://cdn.example.com/logo.png"
    assert logo["alt"] == "A & B <i>"
    button = next(attributes for tag, attributes in tags if attributes.get("class") == "button")
    assert button["bgcolor"] == "#ffd400"
    assert "background-color: #ffd400" in (button["style"] or "")
    label = next(attributes for tag, attributes in tags if attributes.get("class") == "button-link")
    assert "color: #000000" in (label["style"] or "")
    assert ("a", "https://example.com/u/1") in [(tag, attributes.get("href")) for tag, attributes in tags]
    assert "https://example.com/u/1" in (content.text or "")
