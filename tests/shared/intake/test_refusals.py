"""What a caller sends and may not: refused, naming the field and what would be right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import InvalidInput
from shared.intake import Intake

MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Hi", "text": "Hello"}}
PUSH: dict[str, Any] = {"channel": "push", "to": {"tokens": ["t"]}, "content": {"title": "Hi", "body": "Hello"}}


def mail(**content: Any) -> dict[str, Any]:
    return {**MAIL, "content": {"subject": "x", "text": "x", **content}}


def ahead(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in MAIL.items() if name not in names}


def pushed(**content: Any) -> dict[str, Any]:
    return {**PUSH, "content": {**PUSH["content"], **content}}


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


BAD: dict[str, tuple[Any, str, str]] = {
    "not an object": (["x"], "(body)", "Must be an object"),
    "unknown field": ({**MAIL, "chanel": "sms"}, "chanel", "Did you mean channel?"),
    "field of a later version": ({**MAIL, "quorum": "1h"}, "quorum", "no such field"),
    "ordering key of two lines": ({**MAIL, "ordering_key": "a\nb"}, "ordering_key", "line"),
    "empty ordering key": ({**MAIL, "ordering_key": ""}, "ordering_key", "1 and 200"),
    "no channel": (without("channel"), "channel", "Missing"),
    "unknown channel": ({**MAIL, "channel": "emial"}, "channel", "Did you mean email?"),
    "no recipient": (without("to"), "to", "Missing"),
    "a recipient that is text": ({**MAIL, "to": "ada@example.com"}, "to", "Must be an object"),
    "unknown field of the recipient": ({**MAIL, "to": {"emial": "a@example.com"}}, "to.emial", "Did you mean email?"),
    "no address": ({**MAIL, "to": {"name": "Ada"}}, "to.email", "An email needs to.email, or to.user_id"),
    "bad address": ({**MAIL, "to": {"email": "ada@"}}, "to.email", "Not a valid e-mail address"),
    "two addresses": ({**MAIL, "to": {"email": "a@example.com,b@example.com"}}, "to.email", "Not a valid"),
    "no number": ({**MAIL, "channel": "sms", "content": {"body": "x"}}, "to.phone", "needs to.phone"),
    "national number": (
        {"channel": "sms", "to": {"phone": "020 7946 0018"}, "content": {"body": "x"}}, "to.phone", "country code"),
    "impossible number": (
        {"channel": "sms", "to": {"phone": "+4412"}, "content": {"body": "x"}}, "to.phone", "too few or too many"),
    "no device": ({**PUSH, "to": {"name": "Ada"}}, "to.tokens", "to.user_id"),
    "user without devices": ({**PUSH, "to": {"user_id": "u_1"}}, "to.user_id", "to.tokens"),
    "empty list of tokens": ({**PUSH, "to": {"tokens": []}}, "to.tokens", "between 1 and 100"),
    "a topic among the tokens": ({**PUSH, "to": {"tokens": ["/topics/all"]}}, "to.tokens.0", "to.topic"),
    "a topic with a space": ({**PUSH, "to": {"topic": "line 12"}}, "to.topic", "letters, digits"),
    "an icon that is neither": (pushed(icon="Bell.png"), "content.icon", "name of a drawable"),
    "a colour by name": (pushed(android={"color": "red"}), "content.android.color", "#1f6feb"),
    "a level Apple has not": (pushed(ios={"interruption_level": "loud"}), "content.ios.interruption_level", "passive"),
    "a priority nobody has": (pushed(priority="urgent"), "content.priority", "high, normal"),
    "five weeks": (pushed(ttl=3_024_000), "content.ttl", "2419200"),
    "unknown time zone": (
        {**MAIL, "to": {"email": "a@example.com", "timezone": "Europe/Londn"}}, "to.timezone", "Europe/London"),
    "bad locale": ({**MAIL, "to": {"email": "a@example.com", "locale": "english!"}}, "to.locale", "language tag"),
    "neither template nor content": (without("content"), "template", "exactly one"),
    "both template and content": ({**MAIL, "template": "x"}, "template", "exactly one"),
    "data beside content": ({**MAIL, "data": {"a": 1}}, "data", "belong to a template"),
    "content without a body": ({**MAIL, "content": {"subject": "x"}}, "content.text", "text, html or both"),
    "misspelt field of the content": (
        {**MAIL, "content": {"subjct": "x", "text": "x"}}, "content.subjct", "Did you mean subject?"),
    "unknown template": ({**without("content"), "template": "nothing"}, "template", "no template of this name"),
    "unknown lane": ({**MAIL, "lane": "criticl"}, "lane", "Did you mean critical?"),
    "unknown policy": ({**MAIL, "on_unknown": "drop"}, "on_unknown", "resend, hold"),
    "naive time": ({**MAIL, "send_at": "2099-01-01T10:00:00"}, "send_at", "offset"),
    "no time": ({**MAIL, "send_at": "tomorrow"}, "send_at", "RFC 3339"),
    "a number as time": ({**MAIL, "send_at": 4102444800}, "send_at", "RFC 3339"),
    "a day that is none": ({**MAIL, "send_at": "2099-02-30T10:00:00Z"}, "send_at", "RFC 3339"),
    "beyond the calendar": ({**MAIL, "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at", "RFC 3339"),
    "past send_at": ({**MAIL, "send_at": ahead(seconds=-61)}, "send_at", "has passed"),
    "far send_at": ({**MAIL, "send_at": ahead(days=400)}, "send_at", "days ahead"),
    "past expires_at": ({**MAIL, "expires_at": ahead(seconds=-1)}, "expires_at", "has passed"),
    "expires_at before send_at": (
        {**MAIL, "send_at": ahead(hours=2), "expires_at": ahead(hours=1)}, "expires_at", "after send_at"),
    "metadata that is no text": ({**MAIL, "metadata": {"a": 1}}, "metadata", "strings"),
    "nested metadata": ({**MAIL, "metadata": {"a": {"b": "c"}}}, "metadata", "strings"),
    "too many metadata": ({**MAIL, "metadata": {str(n): "" for n in range(21)}}, "metadata", "20 keys"),
    "too much metadata": ({**MAIL, "metadata": {"a": "x" * 1024}}, "metadata", "1024 bytes"),
    "NUL": ({**MAIL, "content": {"subject": "x", "text": "a\0b"}}, "content.text", "NUL"),
    "NUL in a name": ({**MAIL, "metadata": {"a\0": "b"}}, "metadata", "NUL"),
    "too deep": ({**MAIL, "data": {"a": deep(40)}}, "(body)", "32 deep"),
    "not JSON": ({**MAIL, "data": {"a": object()}}, "(body)", "JSON"),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "field", "says"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_refused_by_field(intake: Intake, project: int, request_: Any, field: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        intake.accept(project, request_)
    assert says in " ".join(refusal.value.fields[field])


BREAKS = ("\r", "\n", "\r\nBcc: x@example.com", "\u2028", "\u2029", "\x85", "\v", "\f")


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("content.subject", lambda c: mail(subject=f"Hi{c}")),
        ("content.reply_to", lambda c: mail(reply_to=f"a@b.example{c}")),
        ("content.cc.0", lambda c: mail(cc=[f"a@b.example{c}"])),
        ("content.headers.X-A.value", lambda c: mail(headers={"X-A": c})),
        ("to.email", lambda c: {**MAIL, "to": {"email": f"ada@example.com{c}"}}),
        ("to.name", lambda c: {**MAIL, "to": {"email": "ada@example.com", "name": f"Ada{c}x"}}),
        (
            "content.attachments.0.filename",
            lambda c: mail(attachments=[{"filename": f"a{c}.pdf", "content_type": "text/plain", "content": ""}]),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_line_breaks_reach_no_header_nor_envelope(intake: Intake, project: int, field: str, request_: Any) -> None:
    for character in BREAKS:
        with pytest.raises(InvalidInput) as refusal:
            intake.accept(project, request_(character))
        assert list(refusal.value.fields) == [field]


def test_every_mistake_is_named_at_once(intake: Intake, project: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        intake.accept(project, {"channel": "fax", "lane": "fast", "to": {"email": "x", "phone": "y"}})
    assert set(refusal.value.fields) == {"channel", "lane", "to.email", "to.phone"}


def test_mistakes_of_variables_are_named_by_path(intake: Intake, project: int, greeting: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        intake.accept(
            project,
            {**without("content"), "template": greeting, "data": {"visits": "many", "first_nam": "Ada", "tags": [1]}},
        )
    problems = refusal.value.fields
    assert set(problems) == {"data.first_name", "data.first_nam", "data.visits", "data.tags.0"}
    assert "first_name" in problems["data.first_nam"][0]


def test_a_template_nearly_of_that_name_is_suggested(intake: Intake, project: int, greeting: str) -> None:
    with pytest.raises(InvalidInput, match=r"Did you mean greeting\?"):
        intake.accept(project, {**without("content"), "template": "greting"})


def test_a_template_without_the_channel_says_which_it_has(intake: Intake, project: int, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        intake.accept(project, {**without("content"), "template": code, "data": {"code": "1"}})
    assert "it has sms" in refusal.value.fields["channel"][0]


def test_a_code_needs_to_expire(intake: Intake, project: int, code: str) -> None:
    asked = {"channel": "sms", "to": {"phone": "+442079460018"}, "template": code, "data": {"code": "1"}}
    with pytest.raises(InvalidInput) as refusal:
        intake.accept(project, asked)
    assert list(refusal.value.fields) == ["expires_at"]
    assert intake.accept(project, {**asked, "expires_at": ahead(minutes=5)}).lane == "critical"


def test_nothing_refused_is_stored_or_rung(intake: Intake, project: int, rows: Any, rung: Any) -> None:
    for asked, _, _ in BAD.values():
        with pytest.raises(InvalidInput):
            intake.accept(project, asked)
    assert rows("SELECT FROM notifications") == []
    assert rung.queues == []
