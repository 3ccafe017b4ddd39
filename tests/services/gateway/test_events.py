"""`/v1/events` over a real ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.gateway import examples
from tests.services.gateway.conftest import MAIL, Caller

START = (datetime.now(UTC) + timedelta(days=30)).replace(hour=18, minute=30, second=0, microsecond=0)
EVENT = {"starts_at": START.isoformat(), "timezone": "Europe/London", "notification": MAIL}


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.json
    return {error["field"]: error["problem"] for error in answer.json["errors"]}


def made(call: Caller, key: str = "booking-1", **given: Any) -> Any:
    answer = call("POST", "/v1/events", json={"key": key, **EVENT, **given})
    assert answer.status_code == 201, answer.json
    return answer.json


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("name", examples.EVENTS)
def test_the_documents_examples_are_taken(call: Caller, name: str) -> None:
    answer = call("POST", "/v1/events", json=examples.EVENTS[name])
    assert answer.status_code == 201, answer.json
    assert {one["state"] for one in answer.json["reminders"]} == {"waiting"}


def test_it_is_found_by_its_key_and_by_its_id(call: Caller, stranger: Caller) -> None:
    event = made(call)
    assert [(one["offset"], one["state"]) for one in event["reminders"]] == [("24h", "waiting"), ("2h", "waiting")]
    assert datetime.fromisoformat(event["next_reminder_at"]) == START - timedelta(hours=24)
    assert datetime.fromisoformat(event["local_start"]) == START
    for name in (event["key"], event["id"]):
        assert call("GET", f"/v1/events/{name}").json == event
        assert stranger("GET", f"/v1/events/{name}").status_code == 404
    assert call("GET", "/v1/events/booking-2").status_code == 404


def test_a_key_is_made_once_and_put_as_often_as_one_likes(call: Caller) -> None:
    event = made(call)
    refused = call("POST", "/v1/events", json={"key": "booking-1", **EVENT})
    assert (refused.status_code, "PUT it" in refused.json["detail"]) == (409, True)
    again = call("PUT", "/v1/events/booking-1", json=EVENT)
    assert again.status_code == 200
    assert {**again.json, "changed_at": None} == {**event, "changed_at": None}
    new = call("PUT", "/v1/events/booking-2", json=EVENT)
    assert (new.status_code, new.json["state"]) == (200, "scheduled")


def test_it_is_moved_and_cancelled(call: Caller) -> None:
    event = made(call)
    later = START + timedelta(days=2)
    moved = call("PATCH", "/v1/events/booking-1", json={"starts_at": later.isoformat()}).json
    assert datetime.fromisoformat(moved["starts_at"]) == later
    assert [one["state"] for one in moved["reminders"]] == ["cancelled", "cancelled", "waiting", "waiting"]
    cancelled = call("POST", f"/v1/events/{event['id']}/cancel")
    assert (cancelled.status_code, cancelled.json["state"], cancelled.json["next_reminder_at"]) == (
        200,
        "cancelled",
        None,
    )
    assert call("POST", f"/v1/events/{event['id']}/cancel").json == cancelled.json
    assert call("PATCH", "/v1/events/booking-1", json={"starts_at": later.isoformat()}).status_code == 409
    assert call("PUT", "/v1/events/booking-1", json=EVENT).json["state"] == "scheduled"


def test_what_follows_it_is_shown_and_changed(call: Caller) -> None:
    follow_up = {"after": ["1d", "2h"], "notification": MAIL}
    event = made(call, duration="1h", follow_up=follow_up)
    assert (event["duration"], event["follow_up"], event["offsets"]) == ("1h", follow_up, ["24h", "2h"])
    assert [one["offset"] for one in event["reminders"]] == ["24h", "2h", "+2h", "+1d"]
    assert datetime.fromisoformat(event["reminders"][2]["due_at"]) == START + timedelta(hours=3)
    changed = call("PATCH", "/v1/events/booking-1", json={"duration": "2h"}).json
    assert datetime.fromisoformat(changed["reminders"][2]["due_at"]) == START + timedelta(hours=4)
    left_out = call("PUT", "/v1/events/booking-1", json=EVENT).json
    assert (left_out["duration"], left_out["follow_up"]) == (None, None)
    assert {one["state"] for one in left_out["reminders"] if one["offset"].startswith("+")} == {"cancelled"}


def test_that_nobody_came_is_said_once_it_has_begun(call: Caller, stranger: Caller) -> None:
    made(call)
    refused = call("POST", "/v1/events/booking-1/no-show")
    assert (refused.status_code, "has not begun" in refused.json["detail"]) == (409, True)
    assert stranger("POST", "/v1/events/booking-1/no-show").status_code == 404
    assert call("GET", "/v1/events?state=no_show").json["items"] == []


def test_a_list_has_the_soonest_first_page_by_page(call: Caller, stranger: Caller) -> None:
    for number in (2, 0, 1):
        made(call, f"booking-{number}", starts_at=(START + timedelta(days=number)).isoformat())
    made(call, "booking-9")
    call("POST", "/v1/events/booking-9/cancel")
    found: list[str] = []
    cursor = ""
    while True:
        page = call("GET", f"/v1/events?limit=2{cursor}").json
        found += [one["key"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == ["booking-0", "booking-1", "booking-2"]
    assert [one["key"] for one in call("GET", "/v1/events?state=cancelled").json["items"]] == ["booking-9"]
    until = (START + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [one["key"] for one in call("GET", f"/v1/events?before={until}").json["items"]] == ["booking-0"]
    assert [one["key"] for one in call("GET", f"/v1/events?after={until}").json["items"]] == ["booking-1", "booking-2"]
    assert stranger("GET", "/v1/events").json == {"items": [], "next": None}
    assert "cursor" in problems(call("GET", "/v1/events?cursor=xyz"))
    assert "state" in problems(call("GET", "/v1/events?state=waiting"))


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"timezone": "Europe/Londn"}, "timezone", "Did you mean Europe/London"),
        ({"starts_at": "soon"}, "starts_at", "Must be a time in Europe/London"),
        ({"starts_at": "2020-01-01T10:00:00"}, "starts_at", "has passed"),
        ({"offsets": ["1w"]}, "offsets.0", "is no offset such as 24h"),
        ({"offsets": ["60m", "1h"]}, "offsets", "1h is there twice"),
        ({"offsets": []}, "offsets", "1 to 10"),
        ({"offsets": [f"{hours}h" for hours in range(1, 12)]}, "offsets", "1 to 10"),
        ({"offsets": ["40d"]}, "offsets", "late: skip"),
        ({"late": "never"}, "late", "refuse or skip"),
        ({"key": "a/b"}, "key", "letters, digits"),
        ({"notification": "hello"}, "notification", "Must be an object"),
        ({"notification": {**MAIL, "channel": "fax"}}, "notification.channel", "Must be one of"),
        ({"notification": {**MAIL, "send_at": START.isoformat()}}, "notification.send_at", "leave this out"),
        ({"colour": "blue"}, "colour", "There is no such field"),
        ({"duration": "soon"}, "duration", "is no offset such as 24h"),
        ({"follow_up": "2h"}, "follow_up", "Must be an object"),
        ({"follow_up": {"after": ["2h"]}}, "follow_up.notification", "Missing"),
        ({"follow_up": {"notification": MAIL}}, "follow_up.after", "Missing"),
        ({"follow_up": {"after": [], "notification": MAIL}}, "follow_up.after", "1 to 10"),
        ({"follow_up": {"after": ["60m", "1h"], "notification": MAIL}}, "follow_up.after", "1h is there twice"),
        ({"follow_up": {"aftr": ["1h"], "notification": MAIL}}, "follow_up.aftr", "Did you mean after"),
        (
            {"follow_up": {"after": ["1h"], "notification": {**MAIL, "channel": "fax"}}},
            "follow_up.notification.channel",
            "Must be one of",
        ),
    ],
)
def test_a_refusal_names_the_field_and_the_remedy(call: Caller, given: Any, field: str, said: str) -> None:
    found = problems(call("POST", "/v1/events", json={"key": "booking-1", **EVENT, **given}))
    assert said in found[field]
    assert call("GET", "/v1/events/booking-1").status_code == 404


def test_a_change_has_to_change_something_and_a_zone_needs_a_time(call: Caller) -> None:
    made(call)
    assert "starts_at" in problems(call("PATCH", "/v1/events/booking-1", json={"timezone": "UTC"}))["timezone"]
    assert problems(call("PATCH", "/v1/events/booking-1", json={}))
