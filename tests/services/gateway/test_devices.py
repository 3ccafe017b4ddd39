"""`/v1/recipients/{user_id}/devices`: register, list, remove."""

from typing import Any

import pytest


def put(call: Any, user: str, token: str, platform: str = "ios") -> Any:
    return call("PUT", f"/v1/recipients/{user}/devices", json={"token": token, "platform": platform})


def tokens(answer: Any) -> list[str]:
    return [item["token"] for item in answer.json["items"]]


def test_registered_listed_and_removed(call: Any) -> None:
    assert tokens(put(call, "u_1", "a")) == ["a"]
    assert tokens(put(call, "u_1", "b", "android")) == ["a", "b"]
    assert tokens(put(call, "u_1", "a")) == ["b", "a"], "again is no second device"
    assert sorted(tokens(call("GET", "/v1/recipients/u_1/devices"))) == ["a", "b"]
    assert tokens(call("DELETE", "/v1/recipients/u_1/devices?token=a")) == ["b"]
    assert call("DELETE", "/v1/recipients/u_1/devices?token=a").status_code == 404


def test_a_token_belongs_to_whoever_registered_it_last(call: Any) -> None:
    put(call, "u_1", "a")
    put(call, "u_2", "a")
    assert tokens(call("GET", "/v1/recipients/u_1/devices")) == []
    assert tokens(call("GET", "/v1/recipients/u_2/devices")) == ["a"]
    assert call("DELETE", "/v1/recipients/u_1/devices?token=a").status_code == 404


def test_a_registered_device_gets_the_users_pushes(call: Any) -> None:
    push = {"channel": "push", "to": {"user_id": "u_1"}, "content": {"title": "x", "body": "y"}}
    assert call.send(push).status_code == 422
    put(call, "u_1", "a")
    assert call.send(push).status_code == 202


def test_a_token_that_moved_takes_its_pushes_along(call: Any, rows: Any) -> None:
    put(call, "u_1", "old")
    assert call.send({"channel": "push", "to": {"user_id": "u_1"}, "content": {"title": "x", "body": "y"}}).is_json
    moved = {"token": "new", "platform": "ios", "replaces": "old"}
    assert tokens(call("PUT", "/v1/recipients/u_1/devices", json=moved)) == ["new"]
    assert [row.target for row in rows("SELECT target FROM deliveries")] == ["new"]


def test_another_projects_token_cannot_be_replaced(call: Any, stranger: Any) -> None:
    put(call, "u_1", "old")
    moved = {"token": "new", "platform": "ios", "replaces": "old"}
    assert tokens(stranger("PUT", "/v1/recipients/u_1/devices", json=moved)) == ["new"]
    assert tokens(call("GET", "/v1/recipients/u_1/devices")) == ["old"]


@pytest.mark.parametrize("field", ["token", "replaces"])
def test_a_topic_is_nobodys_device(call: Any, field: str) -> None:
    body = {"token": "a", "platform": "ios"} | {field: "/topics/everybody"}
    answer = call("PUT", "/v1/recipients/u_1/devices", json=body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    direct = {"channel": "push", "to": {"tokens": ["/topics/all"]}, "content": {"title": "x", "body": "y"}}
    assert call.send(direct).status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platform": "ios"}, "token"), ({"token": "", "platform": "ios"}, "token"), ({"token": "a"}, "platform"),
        ({"token": "a\n", "platform": "ios"}, "token"), ({"token": "a", "platform": "fridge"}, "platform"),
        ({"token": "a", "platform": "ios", "tokn": "b"}, "tokn"),
        ({"token": "a", "platform": "ios", "replaces": ""}, "replaces"),
    ],
)  # fmt: skip
def test_mistakes_are_named(call: Any, body: Any, field: str) -> None:
    answer = call("PUT", "/v1/recipients/u_1/devices", json=body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_user_ids_are_one_line(call: Any) -> None:
    assert put(call, "u%0A1", "a").status_code == 422
    assert put(call, "u" * 201, "a").status_code == 422
    assert put(call, "über 1", "a").status_code == 200


def test_removing_needs_to_know_which(call: Any) -> None:
    assert call("DELETE", "/v1/recipients/u_1/devices").status_code == 422
