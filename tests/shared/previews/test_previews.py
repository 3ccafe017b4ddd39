"""Messages are drawn as their readers see them, and nothing that comes from data can do anything (security 18)."""

import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from shared.previews import POLICY, Shown, fragment, page
from shared.previews.kept import shown

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}"
PNG = b64encode(b"\x89PNG").decode()
CONTENT: dict[str, dict[str, Any]] = {
    "email": {"subject": "Your table", "text": "See https://example.com/t/1.", "html": "<p>Your table</p>"},
    "sms": {"body": "Your table. https://example.com/t/1"},
    "whatsapp": {"body": "Your table", "variables": {"1": "Ada"}, "template": "booking_confirmation"},
    "push": {"title": "Your table", "body": "At 19:30", "link": "https://example.com/t/1", "data": {"type": "booking"}},
    "inapp": {
        "title": "Your table",
        "body": "At 19:30",
        "link": "/t/1",
        "icon": "🍽",
        "image": "https://example.com/t.png",
        "actions": [{"label": "Your table", "link": "/t/1"}],
    },
    "chat": {"title": "Your table", "body": "At **19:30**", "format": "markdown", "level": "warning"},
    "webhook": {"type": "table.ready", "data": {"what": "Your table"}},
    "carrier_pigeon": {"note": "Your table"},
}


class Tags(HTMLParser):
    """The tags of a page with their attributes, and the frames' documents."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("channel", CONTENT)
def test_every_channel_is_drawn(channel: str) -> None:
    drawn = fragment(Shown(channel, CONTENT[channel], to="Ada", facts={"Template": "booking@1"}))
    assert "Your table" in drawn
    assert "booking@1" in drawn


@pytest.mark.parametrize("channel", CONTENT)
def test_what_comes_from_data_is_escaped(channel: str) -> None:
    content: Any = json.loads(json.dumps(CONTENT[channel]).replace("Your table", json.dumps(EVIL)[1:-1]))
    content |= {"data": {EVIL: EVIL}} if channel == "push" else {}
    drawn = page([Shown(channel, content, to=EVIL, sender=EVIL, facts={EVIL: EVIL})], EVIL)
    tags = Tags(drawn)
    assert not tags.all("script")
    assert not [name for _, attributes in tags.tags for name in attributes if name.startswith("on")]
    assert "49" not in re.sub(r"<style>.*</style>", "", drawn, flags=re.DOTALL)
    assert EVIL in unescape(drawn)


def test_a_mail_stands_in_frames_where_no_script_runs() -> None:
    html = (
        "<html><head><title>x</title></head><body><script>alert(1)</script><a href='https://example.com'>go</a></body>"
    )
    frames = Tags(fragment(Shown("email", {"subject": "x", "html": html}))).all("iframe")
    assert len(frames) == 3
    for frame in frames:
        assert "allow-scripts" not in (frame["sandbox"] or "")
        assert "allow-same-origin" not in (frame["sandbox"] or "")
        assert frame["title"]
        document = Tags(frame["srcdoc"] or "")
        assert document.all("base") == [{"target": "_blank"}]
        assert document.tags[1][0] == "head"


def test_pictures_inside_a_mail_are_shown() -> None:
    inline = {"filename": "l.png", "content_type": "image/png", "content": PNG, "content_id": "logo"}
    other = {"filename": "receipt.pdf", "content_type": "application/pdf", "content": b64encode(b"x" * 31_000).decode()}
    html = '<img src="cid:logo" alt="Lumen"><img src="cid:gone" alt="?">cid:logo'
    drawn = fragment(Shown("email", {"subject": "x", "html": html, "attachments": [inline, other]}))
    document = Tags(drawn).all("iframe")[0]["srcdoc"] or ""
    assert [picture["src"] for picture in Tags(document).all("img")] == [f"data:image/png;base64,{PNG}", "cid:gone"]
    (file,) = Tags(drawn).all("a")
    assert file["download"] == "receipt.pdf"
    assert "31 KB" in drawn


def test_a_mail_without_html_shows_its_text() -> None:
    drawn = fragment(Shown("email", {"subject": "x", "text": "Hello\nhttps://example.com/a?b=1&c=2."}))
    assert not Tags(drawn).all("iframe")
    assert [link["href"] for link in Tags(drawn).all("a")] == ["https://example.com/a?b=1&c=2"]
    assert Tags(drawn).all("details")[0].keys() == {"class", "open"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Hello", ("1 segment of GSM-7", "5 of 160")),
        ("a" * 200, ("2 segments of GSM-7", "200 of 306")),
        ("שלום", ("1 segment of UCS-2", "4 of 70")),
    ],
)
def test_an_sms_says_what_it_takes(body: str, said: tuple[str, str]) -> None:
    drawn = fragment(Shown("sms", {"body": body}, to="+442079460018"))
    assert all(one in drawn for one in said)


def test_a_page_forbids_everything_but_pictures_and_style() -> None:
    drawn = page([Shown("sms", CONTENT["sms"])], "x")
    (meta,) = [meta for meta in Tags(drawn).all("meta") if meta.get("http-equiv")]
    assert (meta["content"] or "").startswith("default-src 'none'; ")
    assert "script-src" not in (meta["content"] or "")
    assert POLICY.startswith(meta["content"] or "?")
    assert "sandbox" in POLICY
    assert "allow-scripts" not in POLICY
    assert not re.search(r"<link|@import|url\(", drawn)


def test_what_the_outbox_kept_is_shown_with_its_envelope() -> None:
    message = {
        "to": "ada@example.com",
        "to_name": "Ada",
        "sender": None,
        "unsubscribe_url": "https://example.com/u",
        "content": CONTENT["email"],
    }
    at = datetime(2026, 3, 14, 9, 5, tzinfo=UTC)
    drawn = unescape(fragment(shown(message, channel="email", at=at, product="Lumen", facts={"Template": "x@1"})))
    for one in ("Ada <ada@example.com>", "Lumen", "https://example.com/u", "14 March 2026, 09:05 UTC", "x@1"):
        assert one in drawn


def test_arabic_runs_from_right_to_left() -> None:
    """What each bubble says decides its direction: not the page, nor a word of ours within it."""
    push = fragment(Shown("push", {"title": "تم تأكيد الحجز", "body": "عشاء"}))
    assert (
        '<p class="preview-title" dir="auto"><span class="preview-now" dir="ltr">now</span>تم تأكيد الحجز</p>' in push
    )
    sms = fragment(Shown("sms", {"body": "حجزك \u2068https://example.com/b/1\u2069"}))
    assert '<p class="preview-bubble" dir="auto">حجزك' in sms
    assert 'href="https://example.com/b/1"' in sms


def test_a_chat_message_shows_its_markup_and_nothing_else() -> None:
    body = f"**Slow**, *very*: `p95` [the board](https://e.example/a_b) \\*stars\\* [x](javascript:alert(1)) {EVIL}"
    content = {"body": body, "format": "markdown", "level": "failure"}
    drawn = fragment(Shown("chat", content, to="ops"))
    for html in (
        "<strong>Slow</strong>", "<em>very</em>", "<code>p95</code>", ' href="https://e.example/a_b"', " *stars* ",
        "[x](javascript:alert(1))", "preview-failure",
    ):  # fmt: skip
        assert html in drawn
    assert not Tags(drawn).all("script")
    assert "**Slow**" in fragment(Shown("chat", {**content, "format": "text"}, to="ops"))


def test_a_kept_chat_message_says_where_it_was_going() -> None:
    message = {"to": "01981f6e", "name": "ops", "service": "slack", "content": {"body": "Hello"}}
    found = shown(message, channel="chat", at=datetime.now(UTC), facts={})
    assert found.to == "ops (slack, 01981f6e)"
