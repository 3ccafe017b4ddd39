"""The text a mail with HTML alone gets; and that reading HTML takes time in proportion to its length."""

import time

import pytest

from services.email.plain_text import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("just text", "just text\n"),
        ("<h1>Hello  <b>Ada</b>!</h1><p>Welcome.<br>Bye &amp; thanks</p>", "Hello Ada!\n\nWelcome.\nBye & thanks\n"),
        ("<ul>\n <li>one</li>\n <li><p>two</p></li>\n</ul>", "- one\n- two\n"),
        ("<table><tr><td>A</td><td>1 €</td></tr><tr><td>B</td><td>2 €</td></tr></table>", "A 1 €\nB 2 €\n"),
        ('<a href="https://e.example/?a=1&amp;b=2">Book</a> now', "Book (https://e.example/?a=1&b=2) now\n"),
        ("<A HREF='https://e.example'>https://e.example</A>", "https://e.example\n"),
        ('<a href="https://e.example"><img src=x alt="Logo"></a>', "Logo (https://e.example)\n"),
        ('<a href="https://e.example"><img src=x></a>', "https://e.example\n"),
        ('<a href="mailto:a@e.example">write</a> <a href="javascript:x()">click</a>', "write click\n"),
        ("<head><title>T</title></head><style>p > b {}</style><p>x</p><script>a<b</script>", "x\n"),
        ("<html><head><meta charset=utf-8><body>no end of head", "no end of head\n"),
        ("<!doctype html><!-- a > b --><p>مرحبا 🎉</p>", "مرحبا 🎉\n"),
        ("5 < 6 & 7 &#128075;", "5 < 6 & 7 👋\n"),
        ("<p>a</p>\n\n\n<div></div><div></div><p>b</p>", "a\n\nb\n"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";\n"),
        ("", "\n"),
    ],
)
def test_what_html_says(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a href='",
        '<a href="',
        "<div>",
        "<!--",
        "<![CDATA[",
        "&",
        "<a ",
        "</a>",
        "<a>x",
        " ",
        '<img alt="x',
        "<li>",
    ],
)
def test_hostile_html_takes_no_longer_than_its_length_asks_for(piece: str) -> None:
    hostile = piece * (300_000 // len(piece))
    begun = time.process_time()
    plain_text(hostile)
    # What is proportional takes a fraction of a second; what is quadratic takes minutes.
    assert time.process_time() - begun < 10
