"""A mail as bytes, read back with the standard library; and that no content becomes a header."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage as Mime
from email.utils import collapse_rfc2231_value
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.email.mime import Mail, Mailbox, build, mailbox
from shared.errors import Rejected
from shared.messages.email import Attachment, EmailContent, EmailMessage

ID = UUID("0198c0de-0000-7000-8000-000000000001")
SENDER = Mailbox("crier", "example.com", "Crier")
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
MESSAGE = EmailMessage(ID, "ada@example.org", EmailContent("Subject", "Text"))
# It is one line of ASCII, and decodes to two.
HIDDEN_HEADER = "=?utf-8?q?a=0D=0AX-Evil=3A_1?="
LINE_BREAKS = ["a\nb", "a\r\nX-Evil: 1", "a\x0bb", "a\x85b", "a\u2028b"]


def built(message: EmailMessage = MESSAGE, **content: Any) -> tuple[Mail, Mime]:
    mail = build(replace(message, content=replace(message.content, **content)), SENDER, NOW)
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert isinstance(parsed, Mime)
    return mail, parsed


def test_the_headers_of_every_mail() -> None:
    mail, parsed = built()
    assert {name: str(value) for name, value in parsed.items() if not name.startswith("Content")} == {
        "From": "Crier <crier@example.com>",
        "To": "ada@example.org",
        "Subject": "Subject",
        "Date": "Wed, 02 Jan 2030 03:04:05 +0000",
        "Message-ID": f"<{ID}@example.com>",
        "X-Crier-Id": str(ID),
        "MIME-Version": "1.0",
    }
    assert mail == replace(mail, sender="crier@example.com", recipients=("ada@example.org",), utf8=False)


def test_text_and_html_are_alternatives_and_attachments_come_after() -> None:
    file = Attachment("plan.pdf", "application/pdf", bytes(range(256)) * 40)
    _, parsed = built(text="Téxt 🎉\n.\n..dots\nFrom me", html="<p>مرحبا</p>", attachments=(file,))
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf",
    ]  # fmt: skip
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["Téxt 🎉", ".", "..dots", "From me"]
    assert html.get_content().strip() == "<p>مرحبا</p>"
    (attached,) = parsed.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("plan.pdf", file.content)


def test_an_image_of_the_html_is_beside_it_and_the_text_is_not() -> None:
    logo = Attachment("logo.png", "image/png", bytes(range(256)), content_id="logo")
    chart = Attachment("résumé.svg", "image/svg+xml", b"<svg/>", content_id="chart-1.a_b")
    file = Attachment("plan.pdf", "application/pdf", b"%PDF")
    html = '<img src="cid:logo"> <img src="cid:chart-1.a_b">'
    _, parsed = built(text="Text", html=html, attachments=(logo, file, chart))
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain",
        "multipart/related", "text/html", "image/png", "image/svg+xml", "application/pdf",
    ]  # fmt: skip
    related, image, drawing = (part for part in parsed.walk() if part.get_content_type() in {
        "multipart/related", "image/png", "image/svg+xml",
    })  # fmt: skip
    assert related["Content-Type"].params["type"] == "text/html"
    assert (image["Content-ID"], image.get_content_disposition(), image.get_filename()) == (
        "<logo>", "inline", "logo.png",
    )  # fmt: skip
    assert image.get_content() == logo.content
    assert (drawing["Content-ID"], drawing.get_filename()) == ("<chart-1.a_b>", "résumé.svg")
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["plan.pdf"]
    shown = parsed.get_body(("html",))
    assert shown is not None
    assert shown.get_content().strip() == html


def test_html_with_an_image_and_without_text() -> None:
    logo = Attachment("logo.png", "image/png", b"png", content_id="logo")
    _, parsed = built(text=None, html='<img src="cid:logo">', attachments=(logo,))
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/related", "text/html", "image/png"]


def test_an_image_that_nothing_shows_is_refused() -> None:
    with pytest.raises(Rejected, match="no html to show the image logo"):
        built(attachments=(Attachment("logo.png", "image/png", b"", content_id="logo"),))


@pytest.mark.parametrize("name", ["a b", "a>\r\nX-Evil: 1", HIDDEN_HEADER, "é", "<a>"])
def test_a_name_of_an_image_that_would_break_its_header_is_refused(name: str) -> None:
    with pytest.raises(Rejected, match="cannot name an image"):
        built(html="x", attachments=(Attachment("logo.png", "image/png", b"", content_id=name),))


def test_tags_are_keywords() -> None:
    _, parsed = built(tags=("welcome", "spring_2030"))
    assert parsed["Keywords"] == "welcome, spring_2030"
    _, parsed = built(tags=tuple(f"{number}-{'x' * 60}" for number in range(5)))
    assert str(parsed["Keywords"]).split(", ") == [f"{number}-{'x' * 60}" for number in range(5)]


def test_a_way_to_unsubscribe_is_written_for_clients_to_find() -> None:
    address = f"https://example.com/u/{'x' * 200}"
    mail, parsed = built(replace(MESSAGE, unsubscribe_url=address))
    assert parsed["List-Unsubscribe"] == f"<{address}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address.encode() in mail.content


def test_html_alone_is_the_body() -> None:
    _, parsed = built(text=None, html="<p>x</p>")
    assert parsed.get_content_type() == "text/html"


def test_every_line_is_short_and_ascii_whatever_the_content() -> None:
    mail, _ = built(text="漢" * 5000, html="<p>" + "x" * 5000 + "</p>", subject="ü" * 300)
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 78
    assert mail.content.isascii()


def test_copies_are_named_and_blind_ones_are_not() -> None:
    mail, parsed = built(cc=("b@example.org", "ada@example.org"), bcc=("c@example.org",), reply_to="r@example.org")
    assert mail.recipients == ("ada@example.org", "b@example.org", "c@example.org")
    assert [str(address) for address in parsed["Cc"].addresses] == ["b@example.org", "ada@example.org"]
    assert parsed["Reply-To"] == "r@example.org"
    assert b"c@example.org" not in mail.content


def test_twenty_copies_are_folded() -> None:
    copies = tuple(f"user{number}@a-long-domain-name.example.org" for number in range(20))
    mail, parsed = built(cc=copies)
    assert tuple(str(address) for address in parsed["Cc"].addresses) == copies
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    "name",
    [
        "Ada Lovelace",
        'Ada, "the" <x@y>\\',
        "Ünïcödé, <name@evil.example>",
        "عبد الله",
        "Dr. A.",
        "=?utf-8?q?x?=",
        HIDDEN_HEADER,
    ],
)
def test_a_name_arrives_as_it_is(name: str) -> None:
    _, parsed = built(replace(MESSAGE, to_name=name))
    (address,) = parsed["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "ada@example.org")
    assert parsed["X-Evil"] is None


@pytest.mark.parametrize(
    "subject",
    [
        "a" * 300,
        "ü" * 300,
        "two  spaces   three",
        "🎉 مرحبا",
        "Bcc: x@example.com",
        "=?utf-8?q?x?=",
        HIDDEN_HEADER,
        "word " * 59 + "end",
    ],
)
def test_a_subject_arrives_as_it_is(subject: str) -> None:
    mail, parsed = built(subject=subject)
    assert parsed["Subject"] == subject
    assert parsed["X-Evil"] is None
    assert b"\r\n\r\n" not in mail.content.partition(b"MIME-Version")[0]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\u00ad")))
def test_any_line_of_text_arrives_as_it_is(text: str) -> None:
    _, parsed = built(subject=f"[{text}]")
    assert parsed["Subject"] == f"[{text}]"
    assert len(parsed.keys()) == 9


def test_a_long_unsubscribe_link_is_left_for_clients_to_find() -> None:
    link = f"<https://example.com/u/{'x' * 300}>, <mailto:u@example.com>"
    mail, parsed = built(headers={"List-Unsubscribe": link, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})
    assert parsed["List-Unsubscribe"] == link
    assert b"x" * 300 in mail.content


@pytest.mark.parametrize("text", LINE_BREAKS)
def test_no_line_break_gets_into_a_header(text: str) -> None:
    file = Attachment(text, "text/plain", b"")
    cases: list[Callable[[], object]] = [
        lambda: built(subject=text),
        lambda: built(headers={"X-A": text}),
        lambda: built(attachments=(file,)),
        lambda: built(replace(MESSAGE, to_name=text)),
        lambda: built(replace(MESSAGE, to=f"{text}@example.org")),
        lambda: built(replace(MESSAGE, sender=f"{text} <a@example.org>")),
        lambda: built(cc=(f"{text}@example.org",)),
    ]
    for broken in cases:
        with pytest.raises(Rejected, match="cannot be built"):
            broken()


@pytest.mark.parametrize(
    "name",
    ["plan.pdf", "résumé.pdf", "日本" * 60 + ".pdf", "a" * 180 + ".pdf", 'a"b\\c;d.pdf', "%41'x'.pdf", HIDDEN_HEADER],
)
def test_a_file_name_arrives_as_it_is(name: str) -> None:
    mail, _ = built(attachments=(Attachment(name, "application/pdf", b"x"),))
    raw = email.message_from_bytes(mail.content, policy=email.policy.compat32)
    (attached,) = [part for part in raw.walk() if part.get_content_type() == "application/pdf"]
    parameter: Any = attached.get_param("filename", header="content-disposition")
    assert collapse_rfc2231_value(parameter) == name
    assert mail.content.isascii()
    assert b"\r\nX-Evil" not in mail.content
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 78


@pytest.mark.parametrize("kind", ["multipart/mixed", "message/rfc822", "téxt/plain"])
def test_an_attachment_that_would_break_the_structure_is_refused(kind: str) -> None:
    with pytest.raises(Rejected, match="attachment cannot be of type"):
        built(attachments=(Attachment("a", kind, b""),))


def test_domains_are_ascii_and_an_ascii_mailbox_needs_no_extension() -> None:
    mail, parsed = built(replace(MESSAGE, to="ada@bücher.example"))
    assert (mail.recipients, mail.utf8) == (("ada@xn--bcher-kva.example",), False)
    assert parsed["To"] == "ada@xn--bcher-kva.example"


def test_a_mailbox_outside_ascii_is_written_as_it_is() -> None:
    mail, _ = built(replace(MESSAGE, to="ünï@bücher.example", to_name="Ünï"))
    assert (mail.recipients, mail.utf8) == (("ünï@xn--bcher-kva.example",), True)
    assert "<ünï@xn--bcher-kva.example>\r\n" in mail.content.decode()


def test_a_sender_of_its_own_also_names_the_message() -> None:
    mail, parsed = built(replace(MESSAGE, sender="Größe <news@münchen.example>"))
    assert mail.sender == "news@xn--mnchen-3ya.example"
    assert mail.message_id == f"<{ID}@xn--mnchen-3ya.example>"
    assert parsed["From"].addresses[0].display_name == "Größe"


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("a@example.com", Mailbox("a", "example.com")),
        ("<a@example.com>", Mailbox("a", "example.com")),
        (" Größe & Co. <a@example.com> ", Mailbox("a", "example.com", "Größe & Co.")),
        (r'"Ada \"L.\", Ltd" <a@example.com>', Mailbox("a", "example.com", 'Ada "L.", Ltd')),
    ],
)
def test_mailboxes_are_read_with_or_without_a_name(text: str, box: Mailbox) -> None:
    assert mailbox(text) == box


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "a@b@c",
        "Name <",
        "a b@example.com",
        "a@b.example, c@d.example",
        "A <a@b.example>, <c@d.example>",
    ],
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        mailbox(text)
