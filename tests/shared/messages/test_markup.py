"""Plain text among Markdown."""

import pytest
from markdown import markdown

from shared.messages.markup import BREAK, markdown_escaped, url_among_markdown

AWKWARD = (
    "a_b *c* **d** `e` ~~f~~ ||g||", "# no heading", "> no quote", "- no list\n+ nor this\n===", "[x](http://e.example)",
    "<b>&amp;</b> &#64; a & b < c", "back\\slash \\*", "<http://e.example>", "![x](http://e.example/i.png)",
)  # fmt: skip


@pytest.mark.parametrize("text", AWKWARD)
def test_nothing_in_it_means_anything(text: str) -> None:
    drawn = markdown(markdown_escaped(text), extensions=["nl2br"])
    said = drawn.removeprefix("<p>").removesuffix("</p>").replace("<br />", "").replace(BREAK, "")
    assert "<" not in said, drawn
    assert said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_an_address_stays_one() -> None:
    assert url_among_markdown("https://e.example/a_b?c=d#e") == "https://e.example/a_b?c=d#e"
    assert url_among_markdown("https://e.example/a)(b*c`") == "https://e.example/a%29%28b%2Ac%60"
    assert url_among_markdown("see https://e.example/") is None
    assert url_among_markdown("javascript:alert(1)") is None
