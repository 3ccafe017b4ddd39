"""Stylesheets written into tags: what changes, what stays, and what hostile ones can do."""

import time

import pytest

from services.email.styles import inline_styles

PAGE = """<!doctype html>
<html><head><link rel="stylesheet" href="/etc/passwd"><style>
@import url("https://tracker.example/x.css");
body { background: #fff } p { margin: 0 } .x { color: red; font-family: "A B" } td { border: 0 }
.card p { padding: 1px } a:hover { color: blue } @media (max-width: 600px) { p { color: green } }
</style></head><body>
<!--[if mso]><p class="x">Outlook</p><![endif]-->
%s
</body></html>"""


@pytest.mark.parametrize(
    ("tag", "styled"),
    [
        ("<p>a</p>", '<p style="margin: 0;">a</p>'),
        ('<P CLASS="x">a</P>', '<P style="margin: 0;color: red;font-family: \'A B\';" CLASS="x">a</P>'),
        ('<p style="color: blue">a</p>', '<p style="margin: 0;color: blue">a</p>'),
        ("<table><tr><td>1</td></tr></table>", '<table><tr><td style="border: 0;">1</td></tr></table>'),
        ("<div>a</div>", "<div>a</div>"),
        ('<img src="a>b" alt="{{ x }}" />', '<img src="a>b" alt="{{ x }}" />'),
        ("5 < 6 &nbsp; é", "5 < 6 &nbsp; é"),
    ],
)
def test_a_tag_gets_what_its_name_and_attributes_ask_for_and_nothing_else_changes(tag: str, styled: str) -> None:
    expected = (PAGE % styled).replace("<body>", '<body style="background: #fff;">')
    assert inline_styles(PAGE % tag) == expected


@pytest.mark.parametrize("html", ["<p>plain</p>", "", "<style></style><p>x</p>", "<style>p{margin:0}<p>x</p>"])
def test_html_without_a_stylesheet_is_left_alone(html: str) -> None:
    assert inline_styles(html) == html


def test_a_style_that_is_no_css_is_left_alone() -> None:
    html = "<style>p{margin:0}</style><p style='\"'>x</p>"
    assert inline_styles(html) == html


@pytest.mark.parametrize(
    "html",
    [
        "<style>div{a:b}</style>" + "<div>" * 100_000,
        "<style>q{a:b}</style>" + "".join(f"<p><b id={number}></p>" for number in range(4000)),
        "<style>" + "p p p p p q{a:b}" * 1000 + "</style>" + "<p><b>" * 10 + "<q>" * 1000,
        "<style>p{a:" + "x" * 100_000 + "}</style>" + "<p>x</p>" * 1000,
        "<style>" + ".a{b:c}" * 10_000 + "</style>" + "".join(f"<p id={number}>" for number in range(20_000)),
        "<style>" + ":not(" * 30_000 + "</style><p>x",
        "<style>" + "@media x{" * 30_000 + "</style><p>x",
        "<style>" * 50_000,
    ],
    ids=["depth", "unclosed", "descendants", "long value", "many tags", "selectors", "at-rules", "no end"],
)  # fmt: skip
def test_hostile_html_costs_neither_minutes_nor_the_process_nor_much_memory(html: str) -> None:
    begun = time.process_time()
    assert len(inline_styles(html)) < 2_500_000
    # Of a whole document, css-inline takes minutes or gigabytes for some of these, and crashes on the first.
    assert time.process_time() - begun < 10
