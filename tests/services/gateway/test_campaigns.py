"""`/v1/audiences` and `/v1/campaigns` over a real ledger."""

from typing import Any

import pytest
from sqlalchemy import text

from services.campaigns.engine import Engine
from services.gateway import examples
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.delivery.rendering import Renderer
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.templates.catalogue import load_catalogue
from tests.services.gateway.conftest import Caller, Rung

AUDIENCES, CAMPAIGNS = "/v1/audiences", "/v1/campaigns"
PEOPLE = "email,phone,timezone\nada@example.com,+447700900001,Europe/London\neve@example.com,+447700900002,\n"
SMS = {"channel": "sms", "content": {"body": "We are open on Sunday."}}
DRAFT = {"name": "Sunday", "audience": "newsletter", "request": SMS}


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.json
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


def upload(call: Caller, rows: str = PEOPLE, query: str = "?name=newsletter", **headers: str) -> Any:
    headers = {"Content-Type": "text/csv", **headers}
    return call("POST", AUDIENCES + query, data=rows.encode(), headers=headers)


@pytest.fixture
def audience(call: Caller) -> dict[str, Any]:
    answer = upload(call)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


@pytest.fixture
def engine(parts: Parts, database: Database) -> Engine:
    renderer = Renderer(TemplateStore(database), Sealer(new_key()), parts.identities)
    return Engine.of(parts.intake, database, renderer, parts.ringer, window=1000)


def work(engine: Engine, database: Database) -> None:
    while engine.step():
        pass
    database.execute(text("UPDATE campaigns SET next_at = now() WHERE next_at IS NOT NULL"))
    engine.step()


def test_an_audience_is_uploaded_listed_looked_into_and_deleted(call: Caller) -> None:
    answer = upload(call, PEOPLE + "ada@example.com,,\nno address,,\n")
    assert answer.status_code == 201
    made = answer.json
    assert (made["members"], made["duplicates"], made["refused"], made["complete"]) == (2, 1, 1, True)
    assert [(error["row"], error["field"]) for error in made["errors"]] == [(4, "(row)"), (5, "to.email")]
    where = answer.headers["Location"]
    shown = call("GET", where).json
    assert {**shown, "errors": made["errors"], "complete": True} == made
    assert "project_id" not in shown
    assert [one["name"] for one in call("GET", AUDIENCES).json["items"]] == ["newsletter"]
    first = call("GET", f"{where}/members?limit=1").json
    assert first["items"][0]["to"] == {
        "email": "ada@example.com", "phone": "+447700900001", "timezone": "Europe/London",
    }  # fmt: skip
    second = call("GET", f"{where}/members?limit=1&cursor={first['next']}").json
    assert (second["items"][0]["number"], second["next"]) == (3, None)
    page = call("GET", f"{where}/left-out?limit=1").json
    assert page["items"] == [{"row": 4, "field": "(row)", "problem": "The same person as row 2.", "doubles": 2}]
    page = call("GET", f"{where}/left-out?limit=1&cursor={page['next']}").json
    assert [(one["row"], one["doubles"]) for one in page["items"]] == [(5, None)]
    assert call("DELETE", where).json["deleted"]
    assert call("GET", where).status_code == 404


def test_an_upload_under_the_same_key_is_answered_as_the_first_was(call: Caller) -> None:
    first = upload(call, **{"Idempotency-Key": "k"})
    again = upload(call, **{"Idempotency-Key": "k"})
    assert (again.json["id"], again.headers["Idempotent-Replayed"]) == (first.json["id"], "true")
    assert upload(call).status_code == 409


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "name"), ("?name=a&nmae=b", "nmae"), ("?name=a&unique_by=shoe", "unique_by"), ("?name=a&name=b", "name")],
)
def test_what_an_upload_says_is_checked(call: Caller, query: str, field: str) -> None:
    assert field in problems(upload(call, query=query))


@pytest.mark.parametrize("name", examples.CAMPAIGNS)
def test_the_documented_examples_are_accepted(call: Caller, audience: dict[str, Any], name: str) -> None:
    answer = call("POST", CAMPAIGNS, json=examples.CAMPAIGNS[name])
    assert answer.status_code == 201, answer.json
    made = answer.json
    assert call("GET", answer.headers["Location"]).json == made
    assert (made["state"], made["audience_id"], made["members"]) == ("draft", audience["id"], 2)
    assert made["request"] == {**examples.CAMPAIGNS[name]["request"], "lane": "bulk", "on_unknown": "hold"}
    assert "project_id" not in made


def test_from_a_draft_to_its_end(
    call: Caller, audience: dict[str, Any], engine: Engine, database: Database, rung: Rung
) -> None:  # fmt: skip
    where = call("POST", CAMPAIGNS, json=DRAFT).headers["Location"]
    assert call("POST", f"{where}/release").status_code == 409
    assert call("POST", f"{where}/dry-run").json["dry_run"]["state"] == "running"
    work(engine, database)
    seen = call("GET", where).json
    assert (seen["dry_run"]["would_send"], len(seen["renderings"])) == (2, 2)
    assert call("POST", f"{where}/release").json["state"] == "running"
    assert rung.queues.count("campaigns") == 2
    engine.step()
    paused = call("POST", f"{where}/pause").json
    assert (paused["state"], paused["progress"]["states"], paused["progress"]["left"]) == ("paused", {"queued": 2}, 0)
    assert call("POST", f"{where}/resume").json["state"] == "running"
    assert call("DELETE", f"{AUDIENCES}/{audience['id']}").status_code == 409
    assert call("POST", f"{where}/cancel").json["state"] == "cancelling"
    work(engine, database)
    ended = call("GET", where).json
    assert (ended["state"], ended["progress"]["states"]) == ("cancelled", {"cancelled": 2})
    assert call("GET", f"/v1/batches/{ended['batch_id']}").json["finished"]
    page = call("GET", f"{CAMPAIGNS}?state=cancelled").json
    assert [one["id"] for one in page["items"]] == [ended["id"]]
    assert call("GET", f"{CAMPAIGNS}?state=draft").json["items"] == []
    assert call("POST", f"{where}/resume").status_code == 409
    assert call("DELETE", f"{AUDIENCES}/{audience['id']}").status_code == 200


def test_it_may_be_released_unseen_where_that_is_said(call: Caller, audience: dict[str, Any]) -> None:
    where = call("POST", CAMPAIGNS, json=DRAFT).headers["Location"]
    assert call("POST", f"{where}/release", json={"without_dry_run": True}).json["state"] == "running"
    assert problems(call("POST", f"{where}/release", json={"without_dryrun": True}))["without_dryrun"]


def test_a_draft_is_deleted_and_what_is_released_is_not(call: Caller, audience: dict[str, Any]) -> None:
    draft, other = (call("POST", CAMPAIGNS, json=DRAFT).headers["Location"] for _ in range(2))
    assert call("DELETE", draft).json["deleted"]
    assert call("GET", draft).status_code == 404
    call("POST", f"{other}/release", json={"without_dry_run": True})
    assert call("DELETE", other).status_code == 409


def test_under_the_same_key_it_is_made_once(call: Caller, audience: dict[str, Any]) -> None:
    first, again = (call("POST", CAMPAIGNS, json=DRAFT, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (again.json["id"], again.headers["Idempotent-Replayed"]) == (first.json["id"], "true")
    assert problems(call("POST", CAMPAIGNS, json={**DRAFT, "name": "x"}, headers={"Idempotency-Key": "k"}))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"audience": "nobody"}, "audience"),
        ({"name": ""}, "name"),
        ({"throttle": "fast"}, "throttle"),
        ({"throttel": "1/s"}, "throttel"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2200-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2030-01-01T09:00:00"}, "send_at"),
        ({"local_time": {"at": "2020-01-01T09:00", "timezone": "Europe/London"}}, "local_time.at"),
        ({"local_time": {"at": "2030-01-01T09:00Z", "timezone": "Europe/London"}}, "local_time.at"),
        ({"local_time": {"at": "2030-01-01T09:00"}}, "local_time.timezone"),
        ({"local_time": {"at": "2030-01-01T09:00", "timezone": "Europe/London", "past": "drop"}}, "local_time.past"),
        (
            {"send_at": "2030-01-01T00:00:00Z", "local_time": {"at": "2030-01-01T09:00", "timezone": "Europe/London"}},
            "local_time",
        ),
        ({"request": {**SMS, "to": {"phone": "+447700900001"}}}, "request.to"),
        ({"request": {**SMS, "send_at": "2030-01-01T00:00:00Z"}}, "request.send_at"),
        ({"request": {**SMS, "chanel": "sms"}}, "request.chanel"),
        ({"request": []}, "request"),
        ({"request": {"channel": "sms", "template": "no_such"}}, "request.template"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    call: Caller, audience: dict[str, Any], changed: dict[str, Any], field: str
) -> None:  # fmt: skip
    assert field in problems(call("POST", CAMPAIGNS, json={**DRAFT, **changed}))


def test_codes_are_no_campaign(call: Caller, audience: dict[str, Any], database: Database) -> None:
    catalogue = load_catalogue()
    for name, bundle in catalogue.items():
        TemplateStore(database).add(None, name, bundle.checksum, bundle.to_json())
    request = {"channel": "sms", "template": "one_time_code"}
    for more in ({}, {"expires_at": "2030-01-01T00:00:00Z"}):
        said = problems(call("POST", CAMPAIGNS, json={**DRAFT, "request": {**request, **more}}))
        assert "One-time codes" in said["request.template"]


def test_nothing_of_it_is_another_projects(call: Caller, audience: dict[str, Any], database: Database) -> None:
    where = call("POST", CAMPAIGNS, json=DRAFT).headers["Location"]
    other = Caller(call.client, Keys(database).create("other", scopes=("send", "read")))
    assert other("GET", where).status_code == 404
    for act in ("dry-run", "release", "pause", "resume", "cancel"):
        assert other("POST", f"{where}/{act}").status_code == 404
    assert other("DELETE", where).status_code == 404
    for path in (f"{AUDIENCES}/{audience['id']}{more}" for more in ("", "/members", "/left-out")):
        assert other("GET", path).status_code == 404
    assert other("GET", CAMPAIGNS).json["items"] == other("GET", AUDIENCES).json["items"] == []
    assert "audience" in problems(other("POST", CAMPAIGNS, json=DRAFT))


@pytest.mark.parametrize("path", [CAMPAIGNS, AUDIENCES])
def test_a_cursor_that_is_none_is_refused(call: Caller, audience: dict[str, Any], path: str) -> None:
    assert problems(call("GET", f"{path}?cursor=x")) == {"cursor": "Not a cursor: use `next` of the page before."}
    for more in ("members", "left-out"):
        assert "cursor" in problems(call("GET", f"{AUDIENCES}/{audience['id']}/{more}?cursor=x"))
