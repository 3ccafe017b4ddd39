"""`/v1/suppressions`: whom a project does not write to."""

from typing import Any

ADA = "ada@example.com"


def add(call: Any, **wanted: Any) -> Any:
    return call("POST", "/v1/suppressions", json={"channel": "email", "target": ADA} | wanted)


def listed(call: Any, query: str = "") -> list[Any]:
    answer = call("GET", f"/v1/suppressions{query}")
    assert answer.status_code == 200, answer.json
    return [(one["channel"], one["target"], one["scope"], one["reason"]) for one in answer.json["items"]]


def test_somebody_is_added_found_and_removed(call: Any, key: str) -> None:
    added = add(call, target="ADA@Example.com")
    assert added.status_code == 200
    [one] = added.json["items"]
    assert (one["target"], one["source"], one["sender"]) == (ADA, f"key {key.split('_')[1]}", "")
    assert add(call).json["items"] == [one], "once more changes nothing"
    assert listed(call, "?target=Ada@example.com") == [("email", ADA, "everything", "manual")]
    removed = call("DELETE", f"/v1/suppressions?channel=email&target={ADA}")
    assert removed.json["items"] == [one]
    assert listed(call) == []
    again = call("DELETE", f"/v1/suppressions?channel=email&target={ADA}")
    assert again.status_code == 404


def test_numbers_are_kept_as_the_ledger_writes_them(call: Any) -> None:
    add(call, channel="sms", target="+44 20 7946 0018", scope="promotions")
    assert listed(call, "?channel=sms&target=%2B44%2020%207946%200018") == [
        ("sms", "+442079460018", "promotions", "manual")
    ]


def test_pages_follow_each_other(call: Any) -> None:
    for number in range(5):
        add(call, target=f"u{number}@example.com")
    found, query = [], "?limit=2"
    while query:
        page = call("GET", f"/v1/suppressions{query}").json
        found += [one["target"] for one in page["items"]]
        query = page["next"] and f"?limit=2&cursor={page['next']}"
    assert found == [f"u{number}@example.com" for number in reversed(range(5))]
    assert listed(call, "?reason=manual&limit=1") == [("email", "u4@example.com", "everything", "manual")]
    assert listed(call, "?reason=bounce") == []


def test_mistakes_are_named(call: Any) -> None:
    for wanted, field in (
        ({"target": "nobody"}, "target"),
        ({"channel": "sms"}, "target"),
        ({"channel": "pigeon"}, "channel"),
        ({"channel": "webhook"}, "channel"),
        ({"scope": "some"}, "scope"),
        ({"scoop": "everything"}, "scoop"),
        ({"target": "a\nb@example.com"}, "target"),
    ):
        answer = add(call, **wanted)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_cursor_that_no_page_gave_is_refused(call: Any) -> None:
    for cursor in ("x", "%00", "MjAyNg", "AAAA"):
        assert call("GET", f"/v1/suppressions?cursor={cursor}").status_code in (400, 422)


def test_each_project_has_its_own(call: Any, stranger: Any) -> None:
    add(call)
    assert listed(stranger) == []
    assert stranger("DELETE", f"/v1/suppressions?channel=email&target={ADA}").status_code == 404
    assert len(listed(call)) == 1
