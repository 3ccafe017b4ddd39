"""Recipients, categories, preferences and quiet hours over HTTP; and that the id of who is stored is enough."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.gateway import examples
from shared.ledger.database import Database
from shared.ledger.keys import Keys

ADA = {
    "name": "Ada Lovelace", "email": "ada@example.com", "phone": "+442079460018", "locale": "en-GB",
    "timezone": "Europe/London", "metadata": {"plan": "gold"},
}  # fmt: skip
MAIL = {"channel": "email", "content": {"subject": "Hi", "text": "Hello"}}
NIGHT = {"from": "22:00", "until": "08:00", "timezone": "Europe/Paris"}


@pytest.fixture
def call(app: Flask, database: Database) -> Any:
    """Calls as project acme, with every scope."""
    client, key = app.test_client(), Keys(database).create("acme", scopes=("send", "read", "admin"))

    def call(method: str, path: str, json: Any = None, **options: Any) -> Any:
        options |= {"headers": {"Authorization": f"Bearer {key}"}} | ({} if json is None else {"json": json})
        return client.open(path, method=method, **options)

    return call


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.json
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


def test_a_recipient_is_stored_shown_changed_and_forgotten(call: Any) -> None:
    assert call("GET", "/v1/recipients/u_1").status_code == 404
    stored = call("PUT", "/v1/recipients/u_1", ADA).json
    assert stored | {"created_at": 0, "updated_at": 0} == {
        "user_id": "u_1", "quiet_hours": None, "created_at": 0, "updated_at": 0, **ADA,
    }  # fmt: skip
    changed = call("PATCH", "/v1/recipients/u_1", {"phone": None, "quiet_hours": {"from": "20:00", "until": "09:30"}})
    assert changed.json["phone"] is None and changed.json["email"] == ADA["email"]
    assert changed.json["quiet_hours"] == {"from": "20:00", "until": "09:30"}
    assert call("PATCH", "/v1/recipients/u_1", {"name": "Ada"}).json["quiet_hours"] == changed.json["quiet_hours"]
    replaced = call("PUT", "/v1/recipients/u_1", {"email": "ada@new.example", "quiet_hours": "off"}).json
    assert (replaced["name"], replaced["email"], replaced["quiet_hours"]) == (None, "ada@new.example", "off")
    assert call("DELETE", "/v1/recipients/u_1").json == {"removed": "u_1"}
    for method in ("GET", "PATCH", "DELETE"):
        answer = call(method, "/v1/recipients/u_1", {} if method == "PATCH" else None)
        assert answer.status_code == 404 and "PUT /v1/recipients" in answer.json["detail"]


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"timezone": "Europe/Lodnon"}, "timezone", "Did you mean Europe/London?"),
        ({"email": "ada"}, "email", "Not a valid"),
        ({"phone": "12"}, "phone", "international form"),
        ({"emial": "x"}, "emial", "Did you mean email?"),
        ({"quiet_hours": "never"}, "quiet_hours", "off"),
        ({"quiet_hours": {"from": "22:00"}, "timezone": "UTC"}, "quiet_hours.until", "Missing"),
        ({"quiet_hours": {"from": "10pm", "until": "8am"}, "timezone": "UTC"}, "quiet_hours.from", "e.g. 22:00"),
        ({"quiet_hours": {"from": "22:00", "until": "22:00"}, "timezone": "UTC"}, "quiet_hours", "off"),
        ({"quiet_hours": {"from": "22:00", "until": "08:00"}}, "timezone", "in which time zone"),
        ({"metadata": {"a": 1}}, "metadata", "strings"),
    ],
)
def test_what_is_wrong_with_a_recipient(call: Any, wrong: Any, field: str, says: str) -> None:
    assert says in problems(call("PUT", "/v1/recipients/u_1", wrong))[field]
    assert call("GET", "/v1/recipients/u_1").status_code == 404


def test_a_zone_that_hours_need_is_not_forgotten(call: Any) -> None:
    hours = {"quiet_hours": {"from": "22:00", "until": "08:00"}, "timezone": "UTC"}
    assert call("PUT", "/v1/recipients/u_1", hours).status_code == 200
    assert "timezone" in problems(call("PATCH", "/v1/recipients/u_1", {"timezone": None}))


def test_lists_have_cursors_and_look_by_how_an_id_begins(call: Any, stranger: Any) -> None:
    for name in ("a_1", "a_2", "a_3", "A_4", "b_1", "über_1"):
        call("PUT", f"/v1/recipients/{name}", {"email": f"{name[-1]}@Example.com"})
    first = call("GET", "/v1/recipients?limit=4").json
    rest = call("GET", f"/v1/recipients?limit=4&cursor={first['next']}").json
    ids = [one["user_id"] for one in (*first["items"], *rest["items"])]
    assert ids == ["A_4", "a_1", "a_2", "a_3", "b_1", "über_1"] and rest["next"] is None
    assert [one["user_id"] for one in call("GET", "/v1/recipients?prefix=a_").json["items"]] == ["a_1", "a_2", "a_3"]
    assert [one["user_id"] for one in call("GET", "/v1/recipients?prefix=ü").json["items"]] == ["über_1"]
    found = call("GET", "/v1/recipients?email=1@example.COM").json["items"]
    assert [one["user_id"] for one in found] == ["a_1", "b_1", "über_1"]
    assert "prefx" in problems(call("GET", "/v1/recipients?prefx=a"))
    assert stranger("GET", "/v1/recipients").json["items"] == []
    assert stranger("GET", "/v1/recipients/a_1").status_code == 404


def test_the_id_of_a_stored_recipient_is_enough(call: Any, rows: Any) -> None:
    call("PUT", "/v1/recipients/u_1", ADA)
    sent = call("POST", "/v1/notifications", {**MAIL, "to": {"user_id": "u_1"}})
    assert sent.status_code == 202
    assert call("GET", sent.headers["Location"]).json["deliveries"][0]["target"] == ADA["email"]
    text = {"channel": "sms", "content": {"body": "x"}}
    sent = call("POST", "/v1/notifications", {**text, "to": {"user_id": "u_1"}})
    assert call("GET", sent.headers["Location"]).json["deliveries"][0]["target"] == ADA["phone"]


def test_what_the_caller_gives_comes_first(call: Any, catalogue: None) -> None:
    call("PUT", "/v1/recipients/u_1", ADA)
    to = {"user_id": "u_1", "email": "other@example.com", "locale": "de"}
    data = {"name": "Ada", "action_label": "Start", "action_url": "https://example.com"}
    sent = call("POST", "/v1/notifications", {"template": "welcome", "channel": "email", "to": to, "data": data})
    known = call("GET", sent.headers["Location"]).json["recipient"]
    assert known == to | {"name": ADA["name"], "timezone": ADA["timezone"]}


def test_many_at_once_are_filled_in_and_the_unknown_named(call: Any) -> None:
    for number in (1, 2):
        call("PUT", f"/v1/recipients/u_{number}", {"email": f"u{number}@example.com"})
    rows = [{"to": {"user_id": f"u_{number}"}} for number in (1, 2, 3)]
    answer = call("POST", "/v1/notifications/bulk", {**MAIL, "recipients": rows}).json
    assert answer["accepted"] == 2
    [error] = answer["errors"]
    assert (error["row"], error["field"]) == (3, "to.email")
    assert "PUT /v1/recipients" in error["problem"] and "give to.email" in error["problem"]


def test_who_is_not_stored_is_told_both_remedies(call: Any) -> None:
    call("PUT", "/v1/recipients/u_1", {"phone": ADA["phone"]})
    for user in ("u_1", "nobody"):
        says = problems(call("POST", "/v1/notifications", {**MAIL, "to": {"user_id": user}}))["to.email"]
        assert f"of {user} is stored" in says and "PUT /v1/recipients" in says and "to.email" in says


def test_categories_are_declared_in_their_order(call: Any, stranger: Any) -> None:
    assert call("GET", "/v1/categories").json == {"items": []}
    call("PUT", "/v1/categories/news", {"label": "News", "promotional": True, "position": 2})
    call("PUT", "/v1/categories/security", {"label": "Security", "required": True, "position": 1})
    assert [one["name"] for one in call("GET", "/v1/categories").json["items"]] == ["security", "news"]
    call("PUT", "/v1/categories/news", {"label": "The news"})
    assert call("GET", "/v1/categories/news").json == {
        "name": "news", "label": "The news", "description": None, "required": False, "promotional": False,
        "position": 0,
    }  # fmt: skip
    assert stranger("GET", "/v1/categories").json == {"items": []}
    assert call("DELETE", "/v1/categories/news").json == {"removed": "news"}
    assert call("DELETE", "/v1/categories/news").status_code == 404
    assert "small letters" in problems(call("PUT", "/v1/categories/No!", {"label": "x"}))["name"]
    both = {"label": "x", "required": True, "promotional": True}
    assert "promotional" in problems(call("PUT", "/v1/categories/x", both))


def test_a_category_nobody_declared_is_refused_where_any_are(call: Any) -> None:
    asked = {**MAIL, "to": {"email": "ada@example.com"}, "category": "newsleter"}
    assert call("POST", "/v1/notifications", asked).status_code == 202
    call("PUT", "/v1/categories/newsletter", {"label": "Newsletter"})
    says = problems(call("POST", "/v1/notifications", asked))["category"]
    assert "Did you mean newsletter?" in says and "PUT /v1/categories" in says
    sent = call("POST", "/v1/notifications", {**asked, "category": "newsletter"})
    assert call("GET", sent.headers["Location"]).json["category"] == "newsletter"


def test_a_category_belongs_to_content_and_to_people(call: Any, catalogue: None) -> None:
    mail = {"template": "welcome", "channel": "email", "to": {"email": "a@example.com"}, "category": "x"}
    assert "The template says" in problems(call("POST", "/v1/notifications", mail))["category"]
    hook = {"channel": "webhook", "to": {}, "content": {"type": "a.b"}, "category": "x"}
    assert "webhook" in problems(call("POST", "/v1/notifications", hook))["category"]


def test_preferences_are_said_and_told_with_what_holds(call: Any) -> None:
    call("PUT", "/v1/recipients/u_1", ADA)
    call("PUT", "/v1/categories/news", {"label": "News", "promotional": True})
    call("PUT", "/v1/categories/security", {"label": "Security", "required": True})
    choices = [{"category": "news", "channel": "sms", "wanted": False}, {"channel": "push", "wanted": False}]
    said = call("PUT", "/v1/recipients/u_1/preferences", {"choices": choices}).json
    assert [(one["category"], one["channel"], one["wanted"]) for one in said["choices"]] == [
        (None, "push", False), ("news", "sms", False),
    ]  # fmt: skip
    holds = {(one["category"], one["channel"]): (one["wanted"], one["why"]) for one in said["holds"]}
    assert holds["news", "sms"] == (False, "The recipient does not want news by sms.")
    assert holds["news", "email"] == (True, None)
    assert holds["news", "push"] == holds[None, "push"] == (False, "The recipient does not want messages by push.")
    assert holds["security", "push"] == (True, None)
    assert len(holds) == 3 * 4
    call("POST", "/v1/suppressions", {"channel": "email", "target": ADA["email"], "scope": "promotions"})
    call("PATCH", "/v1/recipients/u_1/preferences", {"choices": [{"channel": "push", "wanted": None}]})
    told = call("GET", "/v1/recipients/u_1/preferences").json
    holds = {(one["category"], one["channel"]): one["why"] for one in told["holds"]}
    assert holds["news", "push"] is None and "somebody put it on the list" in holds["news", "email"]
    assert holds[None, "email"] is None


def test_wanting_a_category_again_takes_back_the_wish_of_the_address(call: Any, rows: Any, parts: Any) -> None:
    from shared.ledger.suppressions import Suppressions

    call("PUT", "/v1/recipients/u_1", ADA)
    call("PUT", "/v1/categories/news", {"label": "News"})
    project = rows("SELECT id FROM projects WHERE name = 'acme'")[0].id
    for scope in ("category:news", "category:other"):
        Suppressions(parts.database).add(project, "email", ADA["email"], scope=scope, reason="opt-out", source="link")
    want = {"choices": [{"category": "news", "wanted": True}]}
    holds = call("PATCH", "/v1/recipients/u_1/preferences", want).json["holds"]
    assert all(one["wanted"] for one in holds)
    assert [row.scope for row in rows("SELECT scope FROM suppressions")] == ["category:other"]


@pytest.mark.parametrize(
    ("choices", "field", "says"),
    [
        ([{"category": "nws", "wanted": False}], "choices.0.category", "there are news, security"),
        ([{"category": "security", "wanted": False}], "choices.0.category", "required"),
        ([{"channel": "fax", "wanted": False}], "choices.0.channel", "Must be one of"),
        ([{"channel": "sms"}], "choices.0.wanted", "Missing"),
        ([{"channel": "sms", "wanted": "no"}], "choices.0.wanted", "boolean"),
        ([{"channel": "sms", "wanted": True}] * 2, "choices.1", "twice"),
        ([{"wanted": True}] * 201, "choices", "200"),
    ],
)
def test_what_is_wrong_with_preferences(call: Any, rows: Any, choices: Any, field: str, says: str) -> None:
    call("PUT", "/v1/categories/news", {"label": "News"})
    call("PUT", "/v1/categories/security", {"label": "Security", "required": True})
    assert says in problems(call("PUT", "/v1/recipients/u_1/preferences", {"choices": choices}))[field]
    assert rows("SELECT FROM preferences") == []


def test_quiet_hours_are_set_and_removed(call: Any, stranger: Any) -> None:
    assert call("GET", "/v1/quiet-hours").status_code == 404
    assert call("PUT", "/v1/quiet-hours", NIGHT).json == NIGHT | {"channels": ["sms", "whatsapp", "push"]}
    assert call("PUT", "/v1/quiet-hours", NIGHT | {"channels": ["sms", "sms"]}).json["channels"] == ["sms"]
    assert stranger("GET", "/v1/quiet-hours").status_code == 404
    assert call("DELETE", "/v1/quiet-hours").json == {"removed": "quiet-hours"}
    assert call("DELETE", "/v1/quiet-hours").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": "Europe/Atlantis"}, "timezone"), ({"from": "24:00"}, "from"), ({"until": "22:00"}, "until"),
        ({"channels": ["webhook"]}, "channels.0"), ({"channels": []}, "channels"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_quiet_hours(call: Any, wrong: Any, field: str) -> None:
    assert field in problems(call("PUT", "/v1/quiet-hours", NIGHT | wrong))
    assert call("GET", "/v1/quiet-hours").status_code == 404


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/v1/recipients/u_1", examples.RECIPIENTS), ("/v1/recipients/u_1/preferences", examples.PREFERENCES),
        ("/v1/categories/news", examples.CATEGORIES), ("/v1/quiet-hours", examples.QUIET_HOURS),
    ],
)  # fmt: skip
def test_the_documents_examples_are_taken(call: Any, path: str, given: Any) -> None:
    for name, example in given.items():
        assert call("PUT", path, example).status_code == 200, name


def test_a_link_needs_a_public_address(call: Any, nobody: FlaskClient) -> None:
    answer = call("POST", "/v1/recipients/u_1/preferences-link")
    assert answer.status_code == 409 and "CRIER_PUBLIC_URL" in answer.json["detail"]
