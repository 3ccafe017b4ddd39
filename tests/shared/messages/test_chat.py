"""The content of a chat message."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.messages.chat import MAX_BODY, ChatContent
from shared.messages.content import dump_content, load_content, read_content


def test_plain_text_that_informs_is_the_default() -> None:
    content = load_content("chat", {"body": "p95 is 4.2 s."})
    assert content == ChatContent("p95 is 4.2 s.", None, "text", "info")
    assert read_content("chat", {**dump_content("chat", content), "new": 1}) == content


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "body"), ({"body": ""}, "body"), ({"body": " \n"}, "body"), ({"body": "x" * (MAX_BODY + 1)}, "body"),
        ({"body": "x", "title": "a\nb"}, "title"), ({"body": "x", "title": "x" * 201}, "title"),
        ({"body": "x", "format": "rtf"}, "format"), ({"body": "x", "level": "critical"}, "level"),
        ({"body": "x", "url": "slack://a/b/c"}, "url"),
    ],
)  # fmt: skip
def test_what_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load_content("chat", given)
    assert list(caught.value.messages) == [field]
