"""Requests that are collected: what joins, what each becomes, and what is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer
from shared.delivery.rendering import Renderer
from shared.errors import InvalidInput
from shared.intake import Intake
from shared.intake.upload import Form, Uploads
from shared.ledger.database import Database
from shared.ledger.history import DigestState, History
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Work
from shared.messages.email import EmailContent
from shared.messages.push import PushContent
from shared.senders.identities import Identities
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.catalogue import load_catalogue

TO = {"email": "ada@example.com", "user_id": "u_1", "timezone": "Europe/London"}
ITEM = {"actor": "Grace", "text": "commented"}


def asking(**changes: Any) -> dict[str, Any]:
    plain = {"template": "activity_digest", "channel": "email", "to": TO, "data": ITEM, "digest": {"window": "30m"}}
    return {**plain, **changes}


@pytest.fixture(scope="session")
def shipped() -> dict[str, Bundle]:
    return load_catalogue(Path(__file__).parents[3] / "templates")


@pytest.fixture
def catalogue(database: Database, shipped: dict[str, Bundle]) -> dict[str, Bundle]:
    for name in ("activity_digest", "welcome"):
        TemplateStore(database).add(None, name, shipped[name].checksum, shipped[name].to_json())
    return shipped


@pytest.fixture
def renderer(database: Database, sealer: Sealer) -> Renderer:
    return Renderer(TemplateStore(database), sealer, Identities(database, Brand()))


def sent(database: Database, renderer: Renderer, queue: str = "email.normal") -> list[Any]:
    """What is sent now, when every window has passed."""
    database.execute(text("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL"))
    return [renderer.content(item) for item in Work(database).claim(queue, 100, 30)]


def refused(intake: Intake, project: int, **changes: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as caught:
        intake.accept(project, asking(**changes))
    return dict(caught.value.fields)


@pytest.mark.usefixtures("catalogue")
def test_requests_become_one_message(
    intake: Intake, project: int, database: Database, renderer: Renderer, rung: Any
) -> None:
    first = intake.accept(project, asking())
    second = intake.accept(project, asking(data={"actor": "Annie", "text": "shared", "url": "https://example.com/1"}))
    third = intake.accept(project, asking(data={**ITEM, "activities_url": "https://example.com/all"}))
    assert (first.state, first.collected, second.collected, third.collected) == ("scheduled", 1, 2, 3)
    assert first.id == second.id == third.id
    assert rung.queues == [], "nobody is waked for what is sent later"
    shown = History(database).one(project, first.id)
    assert isinstance(shown.digest, DigestState)
    assert (shown.digest.collected, shown.digest.closed_at, shown.data) == (3, None, None)
    [mail] = sent(database, renderer)
    assert isinstance(mail, EmailContent)
    assert mail.subject == "3 new notifications"
    lines = ["- Grace: commented", "- Annie: shared", "- Grace: commented", "https://example.com/all"]
    positions = [
        mail.text.index(lines[0]),
        mail.text.index(lines[1]),
        mail.text.rindex(lines[2]),
        mail.text.index(lines[3]),
    ]
    assert positions == sorted(positions)
    closed = History(database).one(project, first.id).digest
    assert closed is not None and closed.closed_at is not None


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    "changes",
    [
        {"to": {**TO, "user_id": "u_2"}},
        {"channel": "push", "to": {**TO, "tokens": ["t"]}},
        {"digest": {"window": "30m", "key": "other"}},
    ],
    ids=["another person", "another channel", "another key"],
)
def test_what_is_not_of_the_same_person_channel_and_key_is_apart(
    intake: Intake, project: int, changes: dict[str, Any]
) -> None:
    assert intake.accept(project, asking()).id != intake.accept(project, asking(**changes)).id


@pytest.mark.usefixtures("catalogue")
def test_the_same_person_at_another_address_joins_and_another_project_does_not(
    intake: Intake, project: int, database: Database
) -> None:
    first = intake.accept(project, asking())
    assert intake.accept(project, asking(to={**TO, "email": "ada@example.org"})).id == first.id
    assert intake.accept(Keys(database).project("other"), asking()).id != first.id


@pytest.mark.usefixtures("catalogue")
def test_without_an_id_a_person_is_an_address(intake: Intake, project: int) -> None:
    first = intake.accept(project, asking(to={"email": "Ada@example.com"}))
    assert intake.accept(project, asking(to={"email": "ada@Example.com"})).id == first.id
    assert intake.accept(project, asking(to={"email": "grace@example.com"})).id != first.id


@pytest.mark.usefixtures("catalogue")
def test_the_default_key_is_the_templates_name(intake: Intake, project: int) -> None:
    named = {"window": "1h", "key": "activity_digest"}
    assert intake.accept(project, asking()).id == intake.accept(project, asking(digest=named)).id


@pytest.mark.usefixtures("catalogue")
def test_a_request_repeated_under_its_key_joins_nothing(intake: Intake, project: int, rows: Any) -> None:
    first = intake.accept(project, asking(), "k1")
    intake.accept(project, asking(), "k2")
    again = intake.accept(project, asking(), "k1")
    assert (again.id, again.collected, again.replayed) == (first.id, 1, True)
    assert rows("SELECT count(*) FROM digest_items")[0][0] == 2
    with pytest.raises(InvalidInput, match="different request"):
        intake.accept(project, asking(data={**ITEM, "text": "x"}), "k1")


@pytest.mark.usefixtures("catalogue")
def test_a_new_version_of_the_template_begins_a_new_digest(
    intake: Intake, project: int, database: Database, catalogue: dict[str, Bundle]
) -> None:
    first = intake.accept(project, asking())
    files = {**catalogue["activity_digest"].files, "email.subject.txt": "News: {{ digest_count }}\n"}
    bundle = Bundle("activity_digest", files)
    TemplateStore(database).add(project, bundle.name, bundle.checksum, bundle.to_json())
    intake.templates.forget(project, "activity_digest")
    assert intake.accept(project, asking()).id != first.id


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("now", "zone", "at", "closes_at"),
    [
        ("2027-03-01T07:30:00", "Europe/London", "08:00", "2027-03-01T08:00:00"),
        ("2027-03-01T08:00:00", "Europe/London", "08:00", "2027-03-02T08:00:00"),
        ("2027-03-01T23:30:00", "Asia/Tokyo", "08:00", "2027-03-02T23:00:00"),
        ("2027-03-27T20:00:00", "Europe/Berlin", "02:30", "2027-03-28T01:30:00"),
        ("2027-06-01T12:00:00", None, "08:00", "2027-06-02T08:00:00"),
    ],
    ids=["later today", "now is over", "their morning", "an hour that is left out", "no zone"],
)
def test_a_time_of_day_is_the_recipients(
    database: Database, sealer: Sealer, project: int, rows: Any, now: str, zone: str | None, at: str, closes_at: str
) -> None:
    intake = Intake(database, sealer, now=lambda: datetime.fromisoformat(now).replace(tzinfo=UTC))
    to = {"email": "ada@example.com", **({"timezone": zone} if zone else {})}
    intake.accept(project, asking(to=to, digest={"at": at}))
    [digest] = rows("SELECT closes_at FROM digests")
    assert digest.closes_at == datetime.fromisoformat(closes_at).replace(tzinfo=UTC)


@pytest.mark.usefixtures("catalogue")
def test_a_message_has_as_many_as_its_list_may_and_tells_of_the_others(
    intake: Intake, project: int, database: Database, renderer: Renderer
) -> None:
    for number in range(32):
        intake.accept(project, asking(data={"actor": f"No {number}", "text": "x"}))
    [mail] = sent(database, renderer)
    assert mail.subject == "32 new notifications"
    assert "- No 2: x" in mail.text and "- No 31: x" in mail.text and "No 1:" not in mail.text
    assert "And 2 more." in mail.text


@pytest.mark.usefixtures("catalogue")
def test_a_push_collects_for_every_device(intake: Intake, project: int, database: Database, renderer: Renderer) -> None:
    to = {"tokens": ["one", "two"], "user_id": "u_1"}
    for _ in range(2):
        intake.accept(project, asking(channel="push", to=to))
    found = sent(database, renderer, "push.normal")
    assert [type(content) for content in found] == [PushContent, PushContent]
    assert {content.title for content in found} == {"2 new notifications"}


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"digest": {}}, "digest.window", "exactly one of window and at"),
        ({"digest": {"window": "30m", "at": "08:00"}}, "digest.window", "exactly one of window and at"),
        ({"digest": {"window": "soon"}}, "digest.window", "such as 30m"),
        ({"digest": {"window": "8d"}}, "digest.window", "from 1s to 7d"),
        ({"digest": {"at": "25:00"}}, "digest.at", "such as 08:00"),
        ({"digest": {"windw": "30m"}}, "digest.windw", "Did you mean window?"),
        ({"digest": "30m"}, "digest", "object"),
        ({"template": "welcome", "data": {}}, "digest", "collects nothing"),
        ({"template": None, "content": {"subject": "x", "text": "y"}, "data": None}, "digest", "needs a template"),
        ({"data": {"actor": "Grace"}}, "data.text", "is missing"),
        ({"data": {**ITEM, "url": "x"}}, "data.url", "url"),
        ({"data": {**ITEM, "activities_url": 1}}, "data.activities_url", "must be"),
        ({"data": {**ITEM, "txt": "x"}}, "data.txt", "Did you mean text?"),
        ({"data": {**ITEM, "zzzzzz": "x"}}, "data.zzzzzz", "`actor`, `text`, `url`, `activities_url`"),
        ({"data": {"activities": []}}, "data.activities", "give one element's `actor`, `text`, `url`"),
        ({"send_at": "2030-01-01T00:00:00Z"}, "send_at", "sent when it closes"),
        ({"ordering_key": "k"}, "ordering_key", "sent when it closes"),
        ({"to": {}}, "to.email", "needs to.email"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_wrong_is_named(intake: Intake, project: int, changes: dict[str, Any], field: str, said: str) -> None:
    plain = {name: value for name, value in asking(**changes).items() if value is not None}
    with pytest.raises(InvalidInput) as caught:
        intake.accept(project, plain)
    assert said in " ".join(caught.value.fields[field]), caught.value.fields


@pytest.mark.usefixtures("catalogue")
def test_many_at_once_are_not_collected(intake: Intake, uploads: Uploads, project: int) -> None:
    shared = {"template": "activity_digest", "channel": "email", "digest": {"window": "30m"}}
    with pytest.raises(InvalidInput, match="request of its own"):
        intake.accept_many(project, {**shared, "recipients": [{"to": TO, "data": ITEM}]})
    with pytest.raises(InvalidInput, match="request of its own"):
        uploads.accept(project, shared, Form.NDJSON, iter([]))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="request of its own"):
        intake.check(project, asking())


@pytest.mark.usefixtures("catalogue")
def test_null_is_no_digest(intake: Intake, project: int) -> None:
    receipt = intake.accept(project, asking(digest=None, data={"activities": [ITEM]}))
    assert (receipt.state, receipt.collected) == ("queued", None)


@pytest.mark.usefixtures("catalogue")
def test_what_would_expire_before_it_is_sent_is_refused(intake: Intake, project: int) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=29)).isoformat()
    assert "after the digest closes" in refused(intake, project, expires_at=soon)["expires_at"][0]
    late = (datetime.now(UTC) + timedelta(minutes=40)).isoformat()
    assert intake.accept(project, asking(expires_at=late)).state == "scheduled"


@pytest.mark.usefixtures("catalogue")
def test_one_request_may_add_what_the_catalogue_allows(intake: Intake, project: int) -> None:
    address = "https://example.com/"
    much = {"actor": "é" * 80, "text": "𝄞" * 200, "url": address + "x" * 850, "activities_url": address + "y" * 850}
    assert intake.accept(project, asking(data=much)).collected == 1


def test_one_request_may_add_so_much(intake: Intake, project: int, template: Any) -> None:
    name = template(
        "long",
        """
        description = "Long elements."
        kind = "transactional"
        digest = "parts"
        [variables.parts]
        type = "list"
        default = []
        [variables.parts.items]
        type = "object"
        [variables.parts.items.fields.part]
        type = "string"
        """,
        sms__body__txt="{% for one in parts %}{{ one.part }} {% endfor %}",
    )
    sms = {"template": name, "channel": "sms", "to": {"phone": "+447700900123"}}
    assert refused(intake, project, **sms, data={"part": "x" * 4096})["data"][0].startswith("May have 4096 bytes")
    assert intake.accept(project, asking(**sms, data={"part": "x" * 4000})).collected == 1
