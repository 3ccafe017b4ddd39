"""What Apprise is handed: words that ping nobody, in the format and within the length of the service."""

import html
import re
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests
from apprise import NotifyFormat

from services.chat.words import unmentioned, words_for
from shared.chat.addresses import open_plugin
from shared.chat.plugins import Stopped, speaking_through
from shared.messages.chat import ChatContent
from shared.messages.markup import BREAK

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
ZULIP = "zulip://bot@org/a8f2c0d1e9b34f6ba8f2c0d1e9b34f6b/general"
NEXTCLOUD = "nctalks://ada:secret@cloud.example.com/room"
MATTERMOST = "mmosts://chat.example.com/3ccdd113474722377935511fc85d3dd4"


@pytest.mark.parametrize(
    "text",
    ["@everyone", "@here", "(@channel)", "_@all_", "<@U123>", "<@&42>", "@**all**", "@room", "x @ada", "<@all>",
     '@"all"', '@"group/staff"', "@'all'", "@<i></i>all", "https://e.example/)@all"],
)  # fmt: skip
def test_no_at_sign_pings(text: str) -> None:
    quiet = unmentioned(text)
    assert quiet.replace(BREAK, "") == text
    assert f"@{BREAK}" in quiet


@pytest.mark.parametrize("text", ["<!channel>", "<!here|here>", "<users/all>", "<at>Ada</at>"])
def test_nor_does_a_bracket(text: str) -> None:
    assert unmentioned(text).startswith(f"<{BREAK}")


@pytest.mark.parametrize(
    "text", ["ada@example.com", "https://ada@social.example/x@y", "a < b", "<https://e.example|x>", "a @ b", "&lt; b"]
)
def test_what_is_no_mention_stays(text: str) -> None:
    assert unmentioned(text) == text


@pytest.mark.parametrize("at", ["&#64;", "&#064;", "&#64", "&#x40;", "&#X0040;", "&commat;"])
def test_nor_does_an_at_sign_or_a_bracket_that_is_an_entity(at: str) -> None:
    assert html.unescape(unmentioned(f"{at}channel")) == f"@{BREAK}channel"
    assert html.unescape(unmentioned(f"https://e.example/{at}all")) == "https://e.example/%40all"
    for bracket in ("&lt;", "&LT;", "&lt", "&#60;", "&#x3c;", "&#x3C"):
        assert html.unescape(unmentioned(f"{bracket}!channel&gt;")) == f"<{BREAK}!channel>"
    assert unmentioned("&#640;a &#x400;a") == "&#640;a &#x400;a"


@pytest.mark.parametrize(
    ("link", "same"),
    [
        ("https://social.example/@ada", "https://social.example/%40ada"),
        ("https://e.example/-@all", "https://e.example/-%40all"),
        ("https://e.example/@**all**", "https://e.example/%40**all**"),
        ("<https://e.example/|@channel>", "<https://e.example/|%40channel>"),
    ],
)
def test_a_link_pings_nobody_and_leads_where_it_led(link: str, same: str) -> None:
    assert unmentioned(link) == same


def test_a_link_hides_no_mention() -> None:
    assert unmentioned("https://e.example/ @all") == f"https://e.example/ @{BREAK}all"


def test_plain_text_is_escaped_where_it_is_shown_as_markdown() -> None:
    content = ChatContent("a *b* [c](http://e.example)", "x_y")
    assert words_for(content, *open_plugin(SLACK))[:3] == ("x_y", content.body, "text")
    for url in (DISCORD, MATTERMOST, NEXTCLOUD):
        words = words_for(content, *open_plugin(url))
        assert words[:3] == ("x\\_y", "a \\*b\\* \\[c\\](http://e.example)", "markdown")


def test_a_topic_is_shown_as_it_is() -> None:
    content = ChatContent("[Log in](https://evil.example)", "x_y")
    assert words_for(content, *open_plugin(ZULIP))[:3] == ("x_y", "\\[Log in\\](https://evil.example)", "markdown")
    assert words_for(ChatContent("a", "x < y", "html"), *open_plugin(ZULIP)).title == "x < y"


@pytest.mark.parametrize("url", [MATTERMOST, ZULIP, NEXTCLOUD, DISCORD])
@pytest.mark.parametrize("form", ["text", "html"])
def test_a_strangers_words_are_no_link_in_what_is_posted(url: str, form: Any) -> None:
    service, plugin = open_plugin(url)
    words = words_for(ChatContent("[Log in](https://evil.example) &amp;#64;all", format=form), service, plugin)
    posted: list[str] = []

    class Kept:
        def answer(self, request: requests.PreparedRequest) -> Any:
            body = request.body if isinstance(request.body, str) else (request.body or b"").decode()
            posted.append(unquote_plus(body))
            raise Stopped

    with speaking_through(Kept()), pytest.raises(Stopped):
        plugin.notify(body=words.body, title="", body_format=NotifyFormat(words.format))
    [said] = posted
    assert "Log in" in said
    assert not re.search(r"(?<!\\)\[Log in", said)
    assert "&#64;" not in said


def test_markup_of_the_callers_own_is_as_it_is() -> None:
    words = words_for(ChatContent("**a**", "x_y", "markdown"), *open_plugin(DISCORD))
    assert words[:3] == ("x\\_y", "**a**", "markdown")
    words = words_for(ChatContent("<b>a</b>", "x < y", "html"), *open_plugin(MATTERMOST))
    assert words[:3] == ("x &lt; y", "<b>a</b>", "html")


def test_what_is_too_long_says_so() -> None:
    service, plugin = open_plugin(MATTERMOST)
    short = words_for(ChatContent("x" * 3900), service, plugin)
    long = words_for(ChatContent("x" * 9000, "A title"), service, plugin)
    assert (short.body, short.shortened) == ("x" * 3900, False)
    assert long.shortened
    assert long.body.endswith("x…")
    assert len(long.body) + len(long.title) <= plugin.body_maxlen
