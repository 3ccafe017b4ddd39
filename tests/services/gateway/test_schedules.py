"""`/v1/schedules` over a real ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.gateway import examples
from services.gateway.parts import Parts
from shared.ledger.database import Database
from shared.ledger.template_store import TemplateStore
from shared.schedules.firing import Sweeper
from shared.templates.bundle import Bundle
from tests.services.gateway.conftest import Caller

PATH = "/v1/schedules"
SMS = {"channel": "sms", "to": {"phone": "+442079460018"}, "content": {"body": "Your table is ready."}}
HOURLY = {"name": "hourly", "trigger": {"every": "1h"}, "request": SMS}


def ahead(**distance: float) -> str:
    return (datetime.now(UTC) + timedelta(**distance)).isoformat()


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.json
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


def asked(trigger: Any = None, request: Any = None, **fields: Any) -> dict[str, Any]:
    return HOURLY | {"trigger": trigger or HOURLY["trigger"], "request": request or SMS} | fields


@pytest.mark.parametrize("name", examples.SCHEDULES)
def test_the_documented_examples_are_accepted(call: Caller, name: str) -> None:
    answer = call("POST", PATH, json=examples.SCHEDULES[name])
    assert answer.status_code == 201, answer.json
    made = answer.json
    assert call("GET", answer.headers["Location"]).json == made
    assert made["request"] == examples.SCHEDULES[name]["request"]
    assert made["next_fire_at"] == made["next_fires"][0]
    assert len(made["next_fires"]) == (1 if "at" in made["trigger"] else 5)
    assert (made["state"], made["fires"], "project_id" in made) == ("active", [], False)


def test_what_cron_says_is_told_as_moments(call: Caller) -> None:
    trigger = {"cron": "0 9 * * mon-fri", "timezone": "Australia/Lord_Howe"}
    made = call("POST", PATH, json=asked(trigger)).json
    assert made["trigger"] == trigger
    moments = [datetime.fromisoformat(one) for one in made["next_fires"]]
    assert all(one.utcoffset() == timedelta() for one in moments)
    assert {one.time().isoformat() for one in moments} <= {"22:30:00", "22:00:00"}


def test_what_it_fires_is_shown_with_it(call: Caller, parts: Parts, database: Database) -> None:
    made = call("POST", PATH, json=HOURLY).json
    database.execute(text("UPDATE schedules SET next_fire_at = now()"))
    assert Sweeper(parts.intake, parts.schedules.schedules.fires).sweep() == 1
    [fire] = call("GET", f"{PATH}/{made['id']}").json["fires"]
    assert (fire["state"], fire["reason"]) == ("fired", None)
    sent = call("GET", f"/v1/notifications/{fire['notification_id']}").json
    assert (sent["channel"], sent["content"]) == ("sms", {"body": "Your table is ready."})


def test_it_is_paused_resumed_and_deleted(call: Caller) -> None:
    made = call("POST", PATH, json=HOURLY).json
    at = f"{PATH}/{made['id']}"
    paused = call("POST", f"{at}/pause").json
    assert (paused["state"], paused["next_fire_at"], paused["next_fires"]) == ("paused", None, [])
    assert call("POST", f"{at}/pause").status_code == 200
    assert call("POST", f"{at}/resume").json == made
    assert call("DELETE", at).json == {"id": made["id"], "deleted": True}
    answers = [call("GET", at), call("DELETE", at), call("POST", f"{at}/pause"), call("POST", f"{at}/resume")]
    assert [answer.status_code for answer in answers] == [404] * 4


def test_one_that_has_ended_says_so(call: Caller, database: Database) -> None:
    made = call("POST", PATH, json=HOURLY).json
    database.execute(text("UPDATE schedules SET state = 'ended', next_fire_at = NULL, ended_at = now()"))
    for verb in ("pause", "resume"):
        refused = call("POST", f"{PATH}/{made['id']}/{verb}")
        assert (refused.status_code, "It has ended" in refused.json["detail"]) == (409, True)


def test_the_list_has_pages_and_says_nothing_of_what_is_sent(call: Caller) -> None:
    made = [call("POST", PATH, json=asked(name=f"n{number}")).json["id"] for number in range(3)]
    first = call("GET", f"{PATH}?limit=2").json
    assert [one["id"] for one in first["items"]] == made[:0:-1]
    assert "request" not in first["items"][0]
    second = call("GET", f"{PATH}?limit=2&cursor={first['next']}").json
    assert ([one["id"] for one in second["items"]], second["next"]) == (made[:1], None)
    call("POST", f"{PATH}/{made[1]}/pause")
    assert [one["id"] for one in call("GET", f"{PATH}?state=paused").json["items"]] == [made[1]]
    assert "cursor" in problems(call("GET", f"{PATH}?cursor=x"))
    assert "active, paused, ended" in problems(call("GET", f"{PATH}?state=stopped"))["state"]


def test_nobody_else_sees_it(call: Caller, stranger: Caller) -> None:
    made = call("POST", PATH, json=HOURLY).json
    at = f"{PATH}/{made['id']}"
    answers = [stranger("GET", at), stranger("DELETE", at), stranger("POST", f"{at}/pause")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert stranger("GET", PATH).json["items"] == []
    assert stranger("POST", PATH, json=HOURLY).status_code == 201, "names are a project's own"


def test_repeated_under_its_key_it_is_made_once(call: Caller) -> None:
    soon = asked({"at": ahead(seconds=30)})
    first, again = (call("POST", PATH, json=soon, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = call("POST", PATH, json=HOURLY, headers={"Idempotency-Key": "k"})
    assert "different request" in problems(other)["Idempotency-Key"]
    assert "Idempotency-Key" in problems(call.send(**{"Idempotency-Key": "k"}))


def test_a_name_is_given_once(call: Caller) -> None:
    call("POST", PATH, json=HOURLY)
    refused = call("POST", PATH, json=HOURLY)
    assert (refused.status_code, "Delete it, or choose another" in refused.json["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("trigger", "field", "said"),
    [
        ({"cron": "0 9 * * *", "timezone": "Europe/Londn"}, "timezone", "Did you mean Europe/London?"),
        ({"cron": "0 9 * * *", "timezone": "GMT+1"}, "timezone", "Not an IANA time zone"),
        ({"cron": "0 0 30 2 *"}, "cron", "This never fires"),
        ({"cron": "0 9 * *"}, "cron", "this has 4"),
        ({"cron": 9}, "cron", "Not a valid string"),
        ({"every": "59s"}, "every", "Must be from 60s to 366d."),
        ({"every": "367d"}, "every", "Must be from 60s to 366d."),
        ({"every": "half an hour"}, "every", "30m or 1d"),
        ({"at": "2020-01-01T00:00:00Z"}, "at", "This moment has passed"),
        ({"at": "2090-01-01T00:00:00Z"}, "at", "ten years"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "at", "RFC 3339"),
        ({"at": "2030-01-01T00:00:00"}, "at", "which offset"),
        ({"every": "1h", "end_at": "2020-01-01T00:00:00Z"}, "end_at", "This moment has passed"),
        (
            {"every": "1h", "start_at": "2030-01-01T00:00:00Z", "end_at": "2029-01-01T00:00:00Z"},
            "end_at", "Must be after start_at",
        ),
        ({"cron": "0 0 29 2 *", "end_at": "2027-01-01T00:00:00Z"}, "end_at", "its first time comes after"),
        ({"every": "1h", "cron": "* * * * *"}, "", "exactly one of at, every, cron"),
        ({"timezone": "UTC"}, "", "exactly one of at, every, cron"),
        ({}, "", "exactly one of at, every, cron"),
        ({"every": "1h", "timezone": "UTC"}, "timezone", "Belongs to cron"),
        ({"at": "2030-01-01T00:00:00Z", "end_at": "2031-01-01T00:00:00Z"}, "end_at", "Belongs to every and cron"),
        ({"evry": "1h"}, "evry", "Did you mean every?"),
        ("hourly", "", "Must be an object"),
    ],
)  # fmt: skip
def test_what_is_no_trigger_is_refused_with_its_remedy(call: Caller, trigger: Any, field: str, said: str) -> None:
    refused = problems(call("POST", PATH, json=HOURLY | {"trigger": trigger}))
    path = f"trigger.{field}" if field else "trigger"
    assert said in refused[path]
    assert call("GET", PATH).json["items"] == []


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("request_", "field", "said"),
    [
        ({**SMS, "send_at": "2030-01-01T00:00:00Z"}, "request.send_at", "give `trigger`"),
        ({**SMS, "expires_at": "2030-01-01T00:00:00Z"}, "request.expires_at", "leave this out"),
        ({**SMS, "to": {}}, "request.to.phone", "needs to.phone"),
        ({**SMS, "to": {"phone": "1"}}, "request.to.phone", ""),
        ({**SMS, "chanel": "sms"}, "request.chanel", "Did you mean channel?"),
        ({**SMS, "content": {"body": ""}}, "request.content.body", ""),
        ({**SMS, "content": {"body": "\x00"}}, "request.content.body", "NUL"),
        ("send it", "request", "POST /v1/notifications"),
        (
            {"template": "one_time_code", "channel": "sms", "to": SMS["to"], "data": {"code": "482913"}},
            "request.template", "One-time codes cannot be scheduled",
        ),
        (
            {"template": "wellcome", "channel": "email", "to": {"email": "ada@example.com"}},
            "request.template", "Did you mean welcome?",
        ),
        (
            {"template": "welcome", "channel": "email", "to": {"email": "ada@example.com"}},
            "request.data.action_url", "is missing",
        ),
    ],
)  # fmt: skip
def test_what_could_not_be_sent_is_refused_at_once(call: Caller, request_: Any, field: str, said: str) -> None:
    refused = problems(call("POST", PATH, json=HOURLY | {"request": request_}))
    assert field in refused, refused
    assert said in refused[field]


def test_a_template_with_secrets_is_refused(call: Caller, database: Database) -> None:
    """Its kind does not matter: what is secret would be kept for as long as the schedule."""
    manifest = """
        description = "The door's code."
        kind = "transactional"
        [variables.door]
        type = "string"
        description = "the code of the door"
        secret = true
        [sample]
        door = "1234"
    """
    bundle = Bundle("door", {"template.toml": manifest, "sms.body.txt": "The door opens with {{ door }}."})
    TemplateStore(database).add(None, "door", bundle.checksum, bundle.to_json())
    request = {"template": "door", "channel": "sms", "to": SMS["to"], "data": {"door": "4711"}}
    assert call.send(request).status_code == 202
    refused = problems(call("POST", PATH, json=asked(request=request)))
    assert list(refused) == ["request.template"]
    assert "has secret variables" in refused["request.template"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"misfire": "twice"}, {"misfire": "skip, once, all"}),
        ({"misfire_grace": 0}, {"misfire_grace": ""}),
        ({"misfire_grace": 86_401}, {"misfire_grace": ""}),
        ({"name": ""}, {"name": ""}),
        ({"name": "x" * 101}, {"name": ""}),
        ({"nam": "x"}, {"nam": "Did you mean name?"}),
    ],
)
def test_the_rest_is_checked_too(call: Caller, fields: Any, said: Any) -> None:
    refused = problems(call("POST", PATH, json=HOURLY | fields))
    assert refused.keys() == said.keys()
    assert all(said[name] in refused[name] for name in said)
