"""Markdown files of templates: what they put in is escaped, what their author wrote is not."""

from typing import Any

import pytest

from shared.errors import TemplateError
from shared.messages.chat import ChatContent
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle

MANIFEST = """
description = "A test."
kind = "transactional"
[variables.who]
type = "string"
[variables.url]
type = "url"
required = false
[variables.how]
type = "string"
default = "info"
[sample]
who = "Ada"
"""


def rendered(body: str, more: dict[str, str] | None = None, **data: Any) -> ChatContent:
    files = {"template.toml": MANIFEST, "chat.body.md": body, **(more or {})}
    content = compile_bundle(Bundle("test", files)).render("chat", {"who": "Ada", **data}, {}, Brand())
    assert isinstance(content, ChatContent)
    return content


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("**{{ who }}** [x](http://a)", "**\\*a\\_b\\*** [x](http://a)"),
        ("{{ who|upper }}", "\\*A\\_B\\*"),
        ("{{ '*' ~ who }}", "\\*\\*a\\_b\\*"),
        ("{{ '*' }}{{ 1 + 1 }}", "*2"),
        ("{% macro bold(x) %}**{{ x }}**{% endmacro %}{{ bold(who) }}", "**\\*a\\_b\\***"),
        ("{% set x %}**{{ who }}**{% endset %}{{ x }}", "**\\*a\\_b\\***"),
        ("{% if who == '*a_b*' %}same{% endif %}", "same"),
        ("{{ who|truncate(3, true, '…', 0) }}", "\\*a…"),
        ("{{ brand.name }} <b>", "Crier <b>"),
    ],
)
def test_what_is_put_in_means_nothing(body: str, expected: str) -> None:
    content = rendered(body, who="*a_b*")
    assert content.body == expected.replace("Crier", Brand().name)
    assert content.format == "markdown"


def test_an_address_is_one() -> None:
    body = "[Open]({{ url }}) {{ url }}"
    assert rendered(body, url="https://e.example/a_b?x=(1)").body == (
        "[Open](https://e.example/a_b?x=%281%29) https://e.example/a_b?x=%281%29"
    )


def test_title_and_level_are_lines() -> None:
    content = rendered(
        "x", {"chat.title.txt": "On {{ who }}\n", "chat.level.txt": "{{ how }}\n"}, who="*a*", how="failure"
    )
    assert (content.title, content.level) == ("On *a*", "failure")
    assert (rendered("x").title, rendered("x").level) == (None, "info")
    with pytest.raises(TemplateError, match="one of info, success, warning, failure"):
        rendered("x", {"chat.level.txt": "{{ how }}"}, how="bad")


def test_mail_is_escaped_as_it_was() -> None:
    files = {
        "template.toml": MANIFEST, "email.subject.txt": "{{ who }}", "email.body.txt": "{{ who }}",
        "email.body.html": "<p>{{ who }}</p>",
    }  # fmt: skip
    mail: Any = compile_bundle(Bundle("test", files)).render("email", {"who": "*<b>*"}, {}, Brand())
    assert (mail.subject, mail.text, "<p>*&lt;b&gt;*</p>" in mail.html) == ("*<b>*", "*<b>*\n", True)
