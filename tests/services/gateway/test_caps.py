"""`/v1/caps`: how often a project writes to one person."""

from typing import Any

import pytest

from services.gateway import examples
from shared.ledger.database import Database
from shared.ledger.keys import Keys

WEEK = {"most": 3, "per": "7d", "kind": "promotion"}


@pytest.fixture
def key(database: Database) -> str:
    return Keys(database).create("acme", scopes=("send", "read", "admin"))


def put(call: Any, name: str = "promotions-a-week", **changes: Any) -> Any:
    return call("PUT", f"/v1/caps/{name}", json={**WEEK, **changes})


def listed(call: Any) -> list[Any]:
    answer = call("GET", "/v1/caps")
    assert answer.status_code == 200, answer.json
    return list(answer.json["items"])


def test_a_cap_is_made_replaced_listed_and_removed(call: Any) -> None:
    made = put(call)
    assert made.status_code == 200
    shown = {name: value for name, value in made.json.items() if name != "created_at"}
    assert shown == {
        "name": "promotions-a-week", "most": 3, "per": "7d", "kind": "promotion", "category": None, "channels": [],
        "over": "drop",
    }  # fmt: skip
    changed = put(call, most=5, channels=["sms", "push", "sms"], category="news", over="wait")
    assert changed.json == {
        **made.json, "most": 5, "channels": ["sms", "push"], "category": "news", "over": "wait"
    }  # fmt: skip
    put(call, "another")
    assert [one["name"] for one in listed(call)] == ["another", "promotions-a-week"]
    gone = call("DELETE", "/v1/caps/another")
    assert (gone.status_code, gone.json) == (200, {"name": "another", "deleted": True})
    assert listed(call) == [changed.json]
    assert call("DELETE", "/v1/caps/another").status_code == 404


@pytest.mark.parametrize("name", examples.CAPS)
def test_the_examples_are_accepted(call: Any, name: str) -> None:
    assert call("PUT", "/v1/caps/one", json=examples.CAPS[name]).status_code == 200


def test_what_is_not_about_promotions_waits_unless_said_otherwise(call: Any) -> None:
    assert put(call, kind=None).json["over"] == "wait"
    assert put(call, kind="transactional").json["over"] == "wait"
    assert put(call, kind="transactional", over="drop").json["over"] == "drop"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"most": 0}, "most", "1"),
        ({"most": 1001}, "most", "1000"),
        ({"most": "3"}, "most", "integer"),
        ({"per": "a week"}, "per", "such as 30m"),
        ({"per": "367d"}, "per", "from 1s to 366d"),
        ({"per": "0s"}, "per", "from 1s to 366d"),
        ({"kind": "code"}, "kind", "promotion, transactional"),
        ({"kind": "promotions"}, "kind", "Did you mean promotion?"),
        ({"channels": ["webhook"]}, "channels.0", "goes to no person"),
        ({"channels": ["pigeon"]}, "channels.0", "Must be one of"),
        ({"over": "drops"}, "over", "Did you mean drop?"),
        ({"overs": "drop"}, "overs", "Did you mean over?"),
    ],
)
def test_mistakes_are_named(call: Any, changes: dict[str, Any], field: str, said: str) -> None:
    answer = put(call, **changes)
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert error["field"] == field and said in error["problem"]


@pytest.mark.parametrize("name", ["Promotions", "-x", "x" * 64, "a b"])
def test_a_name_that_cannot_be_one_is_refused(call: Any, name: str) -> None:
    answer = put(call, name)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "name"


def test_a_project_has_twenty_at_most(call: Any) -> None:
    for number in range(20):
        assert put(call, f"cap-{number}").status_code == 200
    over = put(call, "one-more")
    assert over.status_code == 409 and "20 caps" in over.json["detail"]
    assert put(call, "cap-7", most=9).status_code == 200, "one of them can still be replaced"


def test_each_project_has_its_own(call: Any, stranger: Any) -> None:
    put(call)
    assert listed(stranger) == []
    assert stranger("DELETE", "/v1/caps/promotions-a-week").status_code == 404
    assert len(listed(call)) == 1


def test_what_was_done_is_in_the_audit_log(call: Any, rows: Any) -> None:
    put(call)
    call("DELETE", "/v1/caps/promotions-a-week")
    assert [row.what for row in rows("SELECT what FROM audit_log ORDER BY id")] == ["cap.put", "cap.deleted"]
