"""`/v1/outbox`: what was kept can be looked at by its project, and by nobody else."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.gateway.parts import Parts
from shared.messages.email import EmailContent, EmailMessage
from shared.messages.sms import SmsContent, SmsMessage
from shared.previews import POLICY
from shared.providers.outbox import Outbox

CODE = "481516 is your code <script>alert(1)</script>"


@pytest.fixture
def keep(call: Any, rows: Any, parts: Parts) -> Any:
    """Send something, and keep what would have been sent; its delivery's id."""

    def kept(channel: str = "sms", **fields: Any) -> UUID:
        to = {"email": {"email": "ada@example.com"}, "sms": {"phone": "+442079460018"}}[channel]
        content = {"email": {"subject": "Hi", "html": f"<p>{CODE}"}, "sms": {"body": CODE}}[channel]
        asked = {"channel": channel, "to": to, **({"content": content} | fields)}
        answer = call.send({name: value for name, value in asked.items() if value is not None})
        assert answer.status_code == 202, answer.json
        (row,) = rows("SELECT id FROM deliveries WHERE notification_id = :id", id=answer.json["id"])
        delivery: UUID = row.id
        message = {
            "email": EmailMessage(delivery, "ada@example.com", EmailContent("Hi", html=f"<p>{CODE}")),
            "sms": SmsMessage(delivery, "+442079460018", SmsContent(CODE)),
        }[channel]
        asyncio.run(Outbox(channel, parts.database, parts.outbox.sealer).send(message))
        return delivery

    return kept


def test_a_kept_message_is_read_as_it_would_have_been_sent(call: Any, keep: Any) -> None:
    delivery = keep()
    found = call("GET", f"/v1/outbox/{delivery}").json
    assert found["message"]["content"] == {"body": CODE}
    assert (found["delivery_id"], found["channel"], found["target"]) == (str(delivery), "sms", "+442079460018")
    shown = call("GET", f"/v1/notifications/{found['notification_id']}").json
    assert shown["deliveries"][0]["id"] == str(delivery)


def test_it_is_drawn_without_letting_it_do_anything(call: Any, keep: Any) -> None:
    """Security 18."""
    for channel in ("sms", "email"):
        answer = call("GET", f"/v1/outbox/{keep(channel)}/preview")
        assert answer.content_type == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "481516" in answer.text
        assert "<script" not in answer.text


def test_pages_are_newest_first_and_end(call: Any, keep: Any) -> None:
    deliveries = [str(keep(channel)) for channel in ("sms", "email", "sms")]
    first = call("GET", "/v1/outbox?limit=2").json
    second = call("GET", f"/v1/outbox?limit=2&cursor={first['next']}").json
    assert [item["delivery_id"] for item in (*first["items"], *second["items"])] == deliveries[::-1]
    assert second["next"] is None
    (mail,) = call("GET", "/v1/outbox?channel=email").json["items"]
    assert mail["delivery_id"] == deliveries[1]
    assert "message" not in mail


@pytest.mark.usefixtures("catalogue")
def test_the_template_is_named(call: Any, keep: Any) -> None:
    data = {"code": "481516"}
    keep("sms", content=None, template="one_time_code", data=data, expires_at="2099-01-01T00:00:00Z")
    assert call("GET", "/v1/outbox").json["items"][0]["template"] == "one_time_code@1"


def test_another_project_sees_nothing_of_it(stranger: Any, keep: Any) -> None:
    delivery = keep()
    assert stranger("GET", "/v1/outbox").json == {"items": [], "next": None}
    for path in (f"/v1/outbox/{delivery}", f"/v1/outbox/{delivery}/preview"):
        refused = stranger("GET", path)
        assert (refused.status_code, "481516" in refused.text) == (404, False)


def test_a_cursor_of_ones_own_making_is_refused(call: Any) -> None:
    for cursor in ("x", "MjAyNi0wMy0wMQ", "4oCm"):
        answer = call("GET", f"/v1/outbox?cursor={cursor}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "cursor")
