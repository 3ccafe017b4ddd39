"""Files of recipients: every good row is stored, and every bad one named."""

from typing import Any

import orjson
import pytest

CSV = """\
user_id,email,phone,timezone,quiet_hours,metadata.plan
u_1,ada@example.com,+442079460018,Europe/London,22:00-08:00,gold
u_2,grace@example,,Mars/Olympus,,
u_3,,,,22:00-08:00,
u_4,"linus, t@example.com",,,,
,nobody@example.com,,,,
u_5,too,few
u_6,grace@example.com,,,off,
"""


def send(call: Any, body: bytes, media_type: str = "text/csv") -> Any:
    return call("POST", "/v1/recipients/import", data=body, headers={"Content-Type": media_type})


def test_the_good_rows_are_stored_and_the_bad_ones_named(call: Any) -> None:
    found = send(call, CSV.encode()).json
    assert {name: found[name] for name in ("stored", "new", "refused", "complete")} == {
        "stored": 2, "new": 2, "refused": 5, "complete": True,
    }  # fmt: skip
    wrong = {(one["row"], one["field"]) for one in found["errors"]}
    assert wrong == {(3, "email"), (3, "timezone"), (4, "timezone"), (5, "email"), (6, "user_id"), (7, "(row)")}
    ada = call("GET", "/v1/recipients/u_1").json
    assert (ada["phone"], ada["quiet_hours"]) == ("+442079460018", {"from": "22:00", "until": "08:00"})
    assert ada["metadata"] == {"plan": "gold"}
    assert call("GET", "/v1/recipients/u_6").json["quiet_hours"] == "off"
    again = send(call, CSV.encode()).json
    assert (again["stored"], again["new"]) == (2, 0)


def test_lines_of_json_in_chunks_and_who_stands_there_twice_is_the_last(call: Any, rows: Any) -> None:
    lines = [{"user_id": f"u_{number % 1500}", "name": f"Guest {number}"} for number in range(2100)]
    bad = [b"{", b'{"user_id": "x", "emial": "y"}', b'{"name": "nobody"}', b"[]", b'{"user_id": "a\\u0000b"}']
    body = b"\n".join([*map(orjson.dumps, lines), *bad])
    found = send(call, body, "application/x-ndjson").json
    assert (found["stored"], found["new"], found["refused"]) == (2100, 1500, 5)
    assert {one["row"] for one in found["errors"]} == {2101, 2102, 2103, 2104, 2105}
    assert "Did you mean email?" in next(one["problem"] for one in found["errors"] if one["row"] == 2102)
    assert rows("SELECT name FROM recipients WHERE user_id = 'u_1'")[0].name == "Guest 1501"


@pytest.mark.parametrize("header", ["email,name", "user_id,emial", "user_id,user_id", "user_id,metadata", ""])
def test_a_wrong_header_stores_nobody(call: Any, rows: Any, header: str) -> None:
    assert send(call, f"{header}\nu_1,x\n".encode()).status_code == 422
    assert rows("SELECT FROM recipients") == []


def test_what_is_no_such_file(call: Any) -> None:
    assert send(call, b"{}", "application/json").status_code == 415
    found = send(call, b"user_id,name\nu_1,\xff\n").json
    assert "UTF-8" in found["errors"][0]["problem"]


def test_a_line_without_an_end_ends_it(call: Any, rows: Any) -> None:
    body = b'{"user_id": "u_1"}\n' + b" " * (1024 * 1024 + 10) + b'\n{"user_id": "u_2"}\n'
    found = send(call, body, "application/x-ndjson").json
    assert (found["stored"], found["complete"]) == (1, False)
    assert [row.user_id for row in rows("SELECT user_id FROM recipients")] == ["u_1"]
