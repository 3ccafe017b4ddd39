"""What every mail of the catalogue promises: to readers, to clients, and to those who try to break it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.messages.email import EmailContent
from shared.messages.fields import single_line
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle
from tests.shared.templates.reader import Reader
from tests.shared.templates.test_shipped import CHANNELS, UNSUBSCRIBE

MAILS = [name for name, channels in CHANNELS.items() if "email" in channels]
GMAIL_CLIPS_AT = 102 * 1024
READABLE = 4.5
"""WCAG 2.2, success criterion 1.4.3."""
HEBREW = re.compile("[\u05d0-\u05ea]")

Data = Callable[[Template], dict[str, Any]]
Mail = Callable[..., EmailContent]


@pytest.fixture
def mail(catalogue: dict[str, Bundle], brand: Brand, recipient: dict[str, Any]) -> Mail:
    """A mail of the catalogue: `mail("welcome")` from its sample, or from other data, to others, for another brand."""

    def render(
        name: str, data: Mapping[str, Any] | None = None, to: Mapping[str, Any] | None = None, of: Brand = brand
    ) -> EmailContent:
        template = compile_bundle(catalogue[name])
        whom = dict(recipient if to is None else to)
        if template.kind == "promotion":
            whom["unsubscribe_url"] = UNSUBSCRIBE
        content = template.render("email", template.sample if data is None else template.check(data), whom, of)
        assert isinstance(content, EmailContent)
        assert content.html
        assert content.text
        return content

    return render


@pytest.fixture(params=["sample", "awkward", "minimal"])
def any_mail(
    request: pytest.FixtureRequest, catalogue: dict[str, Bundle], mail: Mail, awkward: Data, minimal: Data
) -> Callable[[str], EmailContent]:
    """The mail with each kind of data in turn."""
    kinds: dict[str, Data] = {
        "sample": lambda template: dict(template.sample),
        "awkward": awkward,
        "minimal": minimal,
    }
    return lambda name: mail(name, kinds[request.param](compile_bundle(catalogue[name])))


@pytest.mark.parametrize("name", MAILS)
def test_mail_holds_up(any_mail: Callable[[str], EmailContent], name: str) -> None:
    """Security 12 and 18, and what clients need: one-line subject, closed tags, absolute links, alt texts."""
    content = any_mail(name)
    html, text = content.html or "", content.text or ""
    assert single_line(content.subject) == content.subject.strip()
    page = Reader(html)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "form", "iframe")]
    assert all(re.match(r"https://|mailto:", link["href"] or "") for link in page.all("a"))
    assert all(picture["alt"] and (picture["src"] or "").startswith("https://") for picture in page.all("img"))
    for table in page.all("table"):
        assert table.get("role") == "presentation" or table["class"] in ("details", "sums")
    assert not re.search(r"\bNone\b", page.text + text)
    assert "49" not in page.text, "template syntax in data was run"
    assert len(html.encode()) < GMAIL_CLIPS_AT
    assert "\n\n\n" not in text


@pytest.mark.parametrize("name", MAILS)
def test_the_text_part_leads_where_the_html_leads(any_mail: Callable[[str], EmailContent], name: str) -> None:
    content = any_mail(name)
    links = {link["href"] or "" for link in Reader(content.html or "").all("a")}
    assert [link for link in links if link.startswith("http") and link not in (content.text or "")] == []


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_with_little_has_no_gaps(catalogue: dict[str, Bundle], mail: Mail, minimal: Data, name: str) -> None:
    """What is not known is left out with all that belongs to it: no "Hello ,", no label without a value."""
    content = mail(name, minimal(compile_bundle(catalogue[name])), to={})
    html = Reader(content.html or "")
    for text in (content.subject, content.text or "", *(shown for shown, _ in html.shown)):
        assert not re.search(r"Hello\s*[,.!]|\(\s*\)|,,|[^\s.] [,.:;](\s|$)", text), text
    assert not re.search(r": +$", content.text or "", re.MULTILINE)
    assert not re.search(r"<p [^>]*>\s*</p>", content.html or "")


@pytest.mark.parametrize("name", MAILS)
def test_mail_is_made_for_phones_desks_and_the_dark(mail: Mail, name: str) -> None:
    content = mail(name)
    html = content.html or ""
    page = Reader(html)
    metas = {meta.get("name"): meta.get("content") for meta in page.all("meta")}
    assert metas["color-scheme"] == "light dark"
    assert "width=device-width" in (metas["viewport"] or "")
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 600px)" in html
    (root,) = page.all("html")
    assert (root["lang"], root["dir"]) == ("en", "ltr")
    preheader = html.split('class="preheader"', 1)[1].split(">", 1)[1].split("&#8199;", 1)[0]
    assert 20 < len(preheader.strip()) < 160
    for tag, attributes in page.tags:
        for css_class in (attributes.get("class") or "").split():
            assert attributes.get("style"), f"<{tag} class={css_class}> is not styled"
    headings = [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert headings[:1] == ["h1"]
    assert headings.count("h1") == 1
    assert "{{" not in html
    assert "{%" not in html
    assert 2_000 < len(html) < 30_000
    assert 8 < len(content.subject) < 70


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", MAILS)
def test_every_word_can_be_read(mail: Mail, name: str, dark: bool) -> None:
    """Whatever the brand's colour."""
    for accent in ("#1f6feb", "#ffd400", "#16181d", "#e11d48"):
        page = Reader(mail(name, of=Brand(name="Lumen", accent=accent)).html or "")
        seen = list(page.colours(dark=dark))
        assert len(seen) > 4
        for text, colour, ground in seen:
            assert _contrast(colour, ground) >= READABLE, f"{text!r}: {colour} on {ground}"


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", MAILS)
def test_the_text_part_says_what_the_html_says(catalogue: dict[str, Bundle], mail: Mail, name: str) -> None:
    """Who reads plain text gets every value, written for them."""
    template = compile_bundle(catalogue[name])
    content = mail(name)
    text, html = content.text or "", Reader(content.html or "").text
    values = [value for key, value in template.sample.items() if template.variables.declared[key].type == "string"]
    if template.digest:
        values += [element["text"] for element in template.sample[template.digest]]
    shown = [line for value in values for line in value.splitlines() if line and line in html]
    assert shown or name == "email_verification"
    assert [line for line in shown if line not in text] == []


@pytest.mark.parametrize("name", MAILS)
def test_a_name_in_another_direction_disturbs_nothing(
    catalogue: dict[str, Bundle], mail: Mail, awkward: Data, name: str
) -> None:
    """Each value stands in a tag of its own direction, so that commas and figures around it stay where they are."""
    page = Reader(mail(name, awkward(compile_bundle(catalogue[name]))).html or "")
    loose = [
        text
        for text, around in page.shown
        if HEBREW.search(text)
        and not any(tag == "bdi" or attributes.get("dir") == "auto" for tag, attributes in around)
    ]
    assert loose == []


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_in_arabic_is_mirrored(catalogue: dict[str, Bundle], brand: Brand, name: str) -> None:
    """The Arabic variant runs from right to left."""
    template = compile_bundle(catalogue[name])
    to = {"locale": "ar-EG", "unsubscribe_url": UNSUBSCRIBE}
    content = template.render("email", template.sample, to, brand)
    assert isinstance(content, EmailContent)
    page = Reader(content.html or "")
    (root,) = page.all("html")
    assert (root["lang"], root["dir"]) == ("ar", "rtl")
    sides = [(tag, attributes) for tag, attributes in page.tags if attributes.get("align") in ("left", "right")]
    starts = {"detail-label", "detail-value", "sum-label", "panel-title", "panel-text", "step-title", "step-text"}
    for tag, attributes in sides:
        if (attributes["class"] or "").split()[0] in starts:
            assert attributes["align"] == "right", (tag, attributes)
    assert "padding: 13px 12px 13px 0" not in (content.html or "")
    assert "direction" not in (content.html or "")


@pytest.mark.parametrize("name", MAILS)
def test_promotions_can_be_left(catalogue: dict[str, Bundle], mail: Mail, name: str) -> None:
    content = mail(name)
    links = [link["href"] for link in Reader(content.html or "").all("a")]
    is_promotion = compile_bundle(catalogue[name]).kind == "promotion"
    assert (UNSUBSCRIBE in links) == (f"Unsubscribe: {UNSUBSCRIBE}" in (content.text or "")) == is_promotion


def test_the_brand_shows(mail: Mail) -> None:
    brand = Brand(
        name="A & B <i>",
        accent="#ffd400",
        logo_url="https://cdn.example.com/logo.png",
        logo_dark_url="https://cdn.example.com/white.png",
        website="https://ab.example",
        support_email="help@ab.example",
        postal_address="7 Engine Row, London",
        footer="A & B Ltd, no. 01234567",
    )
    content = mail("welcome", of=brand)
    page = Reader(content.html or "")
    (logo,) = page.all("img")
    assert (logo["src"], logo["alt"]) == ("https://cdn.example.com/logo.png", "A & B <i>")
    (dark,) = page.all("source")
    assert dark["srcset"] == "https://cdn.example.com/white.png"
    (button,) = [td for td in page.all("td") if td.get("class") == "button"]
    assert button["bgcolor"] == "#ffd400"
    assert "background-color: #ffd400" in (button["style"] or "")
    (label,) = [link for link in page.all("a") if link.get("class") == "button-link"]
    assert "color: #000000" in (label["style"] or "")
    for part in (page.text, content.text or ""):
        for own in ("help@ab.example", "7 Engine Row, London", "A & B Ltd, no. 01234567", "A & B <i>"):
            assert own in part
    assert "https://ab.example" in (content.text or "")


def test_security_mails_say_what_to_do_if_it_was_not_you(mail: Mail) -> None:
    for name in ("security_alert", "password_reset"):
        assert "Not you?" in (mail(name).text or "")
    for name in ("email_verification", "one_time_code"):
        assert "leave this mail alone" in (mail(name).text or "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one_time_code", "within 10 minutes"),
        ("password_reset", "within 30 minutes"),
        ("email_verification", "works for 24 hours"),
    ],
)
def test_what_expires_says_when(mail: Mail, name: str, said: str) -> None:
    content = mail(name)
    assert said in (content.text or "")
    assert said in Reader(content.html or "").text
