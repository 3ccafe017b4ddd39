"""`/v1/inbox`: a person's in-app notifications, for servers."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.inbox.tokens import InboxTokens
from shared.ledger.ids import new_id
from shared.ledger.inbox import Put
from shared.ledger.keys import Keys
from tests.services.gateway.conftest import Caller

INBOX = "/v1/inbox/ada"


@pytest.fixture
def put(parts, database, key):
    """Put notifications into Ada's inbox; their ids, oldest first."""
    project_id = Keys(database).check(key).project_id

    def put_in(*titles):
        many = [Put(new_id(), project_id, "ada", {"title": title}) for title in titles]
        parts.inboxes.put(many)
        return [str(one.id) for one in many]

    return put_in


def titles(answer):
    return [item["title"] for item in answer.json["items"]]


def test_an_inbox_is_read_marked_and_archived(call, put):
    one, two, three = put("one", "two", "three")
    first = call("GET", f"{INBOX}?limit=2")
    assert (first.status_code, titles(first), first.json["unread"]) == (200, ["three", "two"], 3)
    assert titles(call("GET", f"{INBOX}?cursor={first.json['next']}")) == ["one"]
    marked = call("POST", f"{INBOX}/{one}/read").json
    assert (marked["item"]["id"], marked["unread"]) == (one, 2)
    assert call("POST", f"{INBOX}/{one}/unread").json["unread"] == 3
    assert call("POST", f"{INBOX}/{two}/archive").json["unread"] == 2
    assert titles(call("GET", f"{INBOX}?state=archived")) == ["two"]
    assert call("POST", f"{INBOX}/{two}/unarchive").json["unread"] == 3
    assert call("POST", f"{INBOX}/read-all", json={"up_to": "2"}).json == {"marked": 2, "unread": 1}
    assert titles(call("GET", f"{INBOX}?state=unread")) == ["three"]
    assert call("POST", f"{INBOX}/read-all").json == {"marked": 1, "unread": 0}
    assert call("GET", f"{INBOX}/count").json == {"unread": 0}
    assert three


def test_another_project_sees_nothing_of_it(call, stranger, put):
    [one] = put("one")
    assert stranger("GET", INBOX).json["items"] == []
    assert stranger("POST", f"{INBOX}/{one}/read").status_code == 404
    assert stranger("POST", f"{INBOX}/read-all").json["marked"] == 0
    assert call("GET", f"{INBOX}/count").json == {"unread": 1}


def test_a_token_opens_that_inbox_for_as_long_as_was_asked(database, key, rung):
    sealer = Sealer(new_key())
    parts = Parts.of(database, sealer, rung, inbox_url="https://inbox.example.com")
    caller = Caller(create_app(parts).test_client(), key)
    made = caller("POST", f"{INBOX}/token", json={"expires_in": 120})
    assert (made.status_code, made.json["user_id"], made.json["url"]) == (201, "ada", "https://inbox.example.com")
    bearer = InboxTokens(sealer).read(made.json["token"])
    assert (bearer.project_id, bearer.user_id) == (Keys(database).check(key).project_id, "ada")
    left = datetime.fromisoformat(made.json["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=60) < left <= timedelta(seconds=120)
    usual = caller("POST", f"{INBOX}/token")
    assert datetime.fromisoformat(usual.json["expires_at"]) - datetime.now(UTC) > timedelta(seconds=3500)


def test_a_users_token_opens_nothing_here(app, call):
    token = call("POST", f"{INBOX}/token").json["token"]
    assert Caller(app.test_client(), token)("GET", INBOX).status_code == 401


def test_who_may_only_read_marks_nothing_and_makes_no_token(app, database, put):
    [one] = put("one")
    reader = Caller(app.test_client(), Keys(database).create("acme", scopes=("read",)))
    assert reader("GET", INBOX).status_code == 200
    for path in (f"{INBOX}/{one}/read", f"{INBOX}/read-all", f"{INBOX}/token"):
        assert reader("POST", path).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", f"{INBOX}?state=new", None, "state"),
        ("GET", f"{INBOX}?limit=101", None, "limit"),
        ("GET", f"{INBOX}?cursor=x", None, "cursor"),
        ("GET", f"{INBOX}?unread=1", None, "unread"),
        ("GET", f"/v1/inbox/{'x' * 201}", None, "user_id"),
        ("POST", f"{INBOX}/read-all", {"up_to": "x"}, "up_to"),
        ("POST", f"{INBOX}/read-all", {"upto": "1"}, "upto"),
        ("POST", f"{INBOX}/token", {"expires_in": 59}, "expires_in"),
        ("POST", f"{INBOX}/token", {"expires_in": 86_401}, "expires_in"),
        ("POST", f"{INBOX}/token", {"expires_in": "60"}, "expires_in"),
    ],
)  # fmt: skip
def test_mistakes_are_told_by_field(call, method, path, body, field):
    answer = call(method, path, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_it_is_sent_like_everything_else(call, rung, rows):
    content = {"title": "Hello", "body": "You", "actions": [{"label": "Reply", "link": "/reply"}], "icon": "💬"}
    accepted = call.send({"channel": "inapp", "to": {"user_id": "ada"}, "content": content})
    assert (accepted.status_code, rung.queues) == (202, ["inapp.normal"])
    [row] = rows("SELECT target, queue, hold FROM deliveries")
    assert tuple(row) == ("ada", "inapp.normal", False)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"to": {"email": "ada@example.com"}, "content": {"title": "x"}}, "to.user_id"),
        ({"content": {"body": "x"}}, "content.title"),
        ({"content": {"title": "x", "link": "javascript:alert(1)"}}, "content.link"),
        ({"content": {"title": "x", "link": "//evil.example"}}, "content.link"),
        ({"content": {"title": "x", "link": "/\\evil.example"}}, "content.link"),
        ({"content": {"title": "x", "link": "/\tevil"}}, "content.link"),
        ({"content": {"title": "x", "image": "http://example.com/x.png"}}, "content.image"),
        ({"content": {"title": "x", "icon": "javascript:x"}}, "content.icon"),
        ({"content": {"title": "x", "actions": [{"label": "x", "link": "data:x"}]}}, "content.actions.0.link"),
        ({"content": {"title": "x", "actions": [{"label": "x", "link": "/"}] * 4}}, "content.actions"),
        ({"content": {"title": "x", "data": {"a": "x" * 4100}}}, "content.data"),
        ({"content": {"title": "x" * 201}}, "content.title"),
        ({"content": {"title": "x", "html": "<b>"}}, "content.html"),
    ],
)  # fmt: skip
def test_what_cannot_go_into_an_inbox_is_refused_by_field(call, request_, field):
    answer = call.send({"channel": "inapp", "to": {"user_id": "ada"}, **request_})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize("kind", ["code", "transactional"])
def test_a_code_or_a_secret_is_not_put_into_an_inbox(app, database, kind):
    manifest = (
        f'description = "x"\nkind = "{kind}"\n[variables.code]\ntype = "string"\ndescription = "x"\n'
        'secret = true\nmax_length = 9\n[sample]\ncode = "482913"\n'
    )
    files = {"template.toml": manifest, "inapp.title.txt": "Your code", "inapp.body.txt": "{{ code }}"}
    caller = Caller(app.test_client(), Keys(database).create("acme", scopes=("send", "read", "admin")))
    assert caller("PUT", "/v1/templates/mine", json={"files": files}).status_code in (200, 201)
    asked = {"channel": "inapp", "to": {"user_id": "ada"}, "template": "mine", "data": {"code": "1"}}
    answer = caller.send({**asked, "expires_at": "2099-01-01T00:00:00Z"})
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert (error["field"], "SMS or email" in error["problem"]) == ("channel", True)
