"""docs/channels/webhook.md: its receiver takes what we send and nothing else; its tables are those of the code."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.webhook.sender import headers_of
from shared.ledger.events import EVENTS, PATTERNS
from shared.messages.webhook import WebhookContent, WebhookMessage, payload

PAGE = (Path(__file__).parents[3] / "docs/channels/webhook.md").read_text()


@pytest.fixture
def example() -> dict[str, Any]:
    """The names that the page's example defines."""
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/channels/webhook.md", "exec"), names)
    return names


def message(secret: str) -> WebhookMessage:
    content = WebhookContent("order.created", {"order": "4711"})
    return WebhookMessage(uuid4(), "", "", content, payload(content, datetime.now(UTC)), (secret,))


def test_the_receiver_takes_what_we_send_once(example: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    one = message(example["SECRET"])
    headers = headers_of(one, datetime.now(UTC))
    assert [example["receive"](one.body, headers) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out == "order.created {'order': '4711'}\n"


def test_the_receiver_refuses_what_was_altered_is_old_or_is_anothers(example: dict[str, Any]) -> None:
    now, one = datetime.now(UTC), message(example["SECRET"])
    another = message("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    for body, headers in (
        (one.body.replace(b"4711", b"4712"), headers_of(one, now)),
        (one.body, headers_of(one, now - timedelta(minutes=6))),
        (another.body, headers_of(another, now)),
    ):
        assert example["receive"](body, headers) == 400


def test_every_event_is_on_the_page() -> None:
    rows = PAGE.partition("| event | when |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`([a-z.]+)`", rows)) == sorted(EVENTS)
    assert all(f"`{pattern}`" in PAGE for pattern in PATTERNS)
