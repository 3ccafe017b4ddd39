"""Collected requests over HTTP: what is answered, and what a look at the digest shows."""

from typing import Any

import pytest

ASKED = {
    "template": "activity_digest",
    "channel": "email",
    "to": {"email": "ada@example.com"},
    "data": {"actor": "Grace", "text": "commented"},
    "digest": {"window": "30m"},
}


@pytest.mark.usefixtures("catalogue")
def test_the_second_joins_the_first(call: Any) -> None:
    first, second = call.send(ASKED), call.send(ASKED)
    assert [answer.status_code for answer in (first, second)] == [202, 202]
    assert first.json == {**second.json, "collected": 1}
    assert (second.json["state"], second.json["collected"]) == ("scheduled", 2)
    assert second.headers["Location"] == f"/v1/notifications/{first.json['id']}"
    shown = call("GET", second.headers["Location"]).json
    assert (shown["digest"]["collected"], shown["digest"]["closed_at"], shown["data"]) == (2, None, None)
    assert shown["digest"]["closes_at"] == shown["send_at"] == shown["deliveries"][0]["next_at"]
    assert shown["deliveries"][0]["reason"].startswith("It collects until ")


@pytest.mark.usefixtures("catalogue")
def test_repeated_under_its_key_it_is_answered_as_before(call: Any) -> None:
    first = call.send(ASKED, **{"Idempotency-Key": "one"})
    call.send(ASKED)
    again = call.send(ASKED, **{"Idempotency-Key": "one"})
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert call.send(ASKED).json["collected"] == 3


@pytest.mark.usefixtures("catalogue")
def test_cancelled_it_collects_no_more(call: Any) -> None:
    first = call.send(ASKED).json["id"]
    assert call("POST", f"/v1/notifications/{first}/cancel").status_code == 200
    second = call.send(ASKED).json
    assert (second["id"] != first, second["collected"]) == (True, 1)


def test_other_notifications_have_no_digest(call: Any) -> None:
    sent = call.send()
    assert "collected" not in sent.json
    assert call("GET", sent.headers["Location"]).json["digest"] is None


@pytest.mark.usefixtures("catalogue")
def test_a_schedule_and_many_at_once_refuse_it_by_name(call: Any) -> None:
    many = {name: value for name, value in ASKED.items() if name not in ("to", "data")}
    bulk = call("POST", "/v1/notifications/bulk", json={**many, "recipients": [{"to": ASKED["to"]}]})
    schedule = call(
        "POST", "/v1/schedules", json={"name": "x", "trigger": {"every": "1h"}, "request": ASKED}
    )  # fmt: skip
    for answer in (bulk, schedule):
        assert answer.status_code == 422
        [error] = answer.json["errors"]
        assert error["field"].endswith("digest") and "request of its own" in error["problem"]
