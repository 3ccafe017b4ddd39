"""`/v1/notifications/bulk`: JSON, CSV, NDJSON and forms; and `/v1/batches`, how far they are."""

import gzip
import io
import json
from typing import Any
from uuid import uuid4

import pytest

from services.gateway import examples, uploads
from shared.intake.request import EnvelopeSchema
from shared.ledger.database import Database
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work

CONTENT = {"subject": "Hi", "text": "Hello"}
QUERY = {"channel": "email", "content": json.dumps(CONTENT)}
BULK = "/v1/notifications/bulk"


def csv(call: Any, body: bytes, media_type: str = "text/csv", query: Any = QUERY, **headers: str) -> Any:
    return call("POST", BULK, query_string=query, data=body, headers={"Content-Type": media_type, **headers})


def many(*to: Any) -> dict[str, Any]:
    return {"channel": "email", "content": CONTENT, "recipients": [{"to": one} for one in to]}


class TestJson:
    @pytest.mark.usefixtures("catalogue")
    @pytest.mark.parametrize("name", examples.MANY)
    def test_every_example_is_accepted(self, call: Any, name: str) -> None:
        answer = call("POST", BULK, json=examples.MANY[name])
        assert (answer.status_code, answer.json["refused"]) == (202, 0), answer.json

    def test_good_rows_are_accepted_and_bad_ones_listed(self, call: Any, rung: Any) -> None:
        answer = call("POST", BULK, json=many({"email": "a@example.com"}, {"email": "nope"}))
        assert answer.status_code == 202
        assert (answer.json["accepted"], answer.json["refused"], answer.json["complete"]) == (1, 1, True)
        assert [(error["row"], error["field"]) for error in answer.json["errors"]] == [(2, "to.email")]
        assert answer.headers["Location"] == f"/v1/batches/{answer.json['batch_id']}"
        assert rung.queues == ["email.normal"]

    def test_when_every_row_is_bad_it_is_refused(self, call: Any, rows: Any) -> None:
        answer = call("POST", BULK, json=many({"email": "nope"}))
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "recipients.0.to.email")
        assert rows("SELECT FROM batches") == []

    def test_a_bad_envelope_is_refused_whole(self, call: Any) -> None:
        answer = call("POST", BULK, json={**many({"email": "a@example.com"}), "recipient": [], "lane": "fast"})
        assert answer.status_code == 422
        assert {error["field"] for error in answer.json["errors"]} == {"recipient", "lane"}

    def test_too_many_recipients(self, call: Any) -> None:
        answer = call("POST", BULK, json=many(*[{"email": "a@example.com"}] * 10_001))
        assert answer.status_code == 422
        assert "upload" in answer.json["errors"][0]["problem"]

    def test_the_same_key_is_answered_the_same(self, call: Any, rows: Any) -> None:
        asked, key = many({"email": "a@example.com"}), {"Idempotency-Key": "k"}
        first, again = (call("POST", BULK, json=asked, headers=key) for _ in range(2))
        assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (202, first.json, "true")
        assert len(rows("SELECT FROM notifications")) == 1


class TestUpload:
    @pytest.mark.parametrize("media_type", ["text/csv", "text/csv; charset=utf-8", "application/vnd.ms-excel"])
    def test_csv_as_the_body(self, call: Any, media_type: str) -> None:
        answer = csv(call, b"email,name\na@example.com,Ada\nnope,Bob\n", media_type)
        assert answer.status_code == 202, answer.json
        assert (answer.json["accepted"], [error["row"] for error in answer.json["errors"]]) == (1, [3])

    @pytest.mark.parametrize("media_type", ["application/x-ndjson", "application/jsonl"])
    def test_ndjson_as_the_body(self, call: Any, media_type: str) -> None:
        answer = csv(call, b'{"to": {"email": "a@example.com"}}\n{"to": \n', media_type)
        assert (answer.json["accepted"], [error["row"] for error in answer.json["errors"]]) == (1, [2])

    def test_compressed(self, call: Any) -> None:
        packed = gzip.compress(b"email\n" + b"a@example.com\n" * 1500)
        answer = csv(call, packed, **{"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json["accepted"]) == (202, 1500)

    @pytest.mark.parametrize(
        ("filename", "media_type"),
        [("people.csv", "text/csv"), ("people.CSV", ""), ("people", "text/csv"), ("people.jsonl", "")],
    )
    def test_a_form_with_a_file(self, call: Any, filename: str, media_type: str) -> None:
        text = b'{"to": {"email": "a@example.com"}}\n' if "json" in filename else b"email\na@example.com\n"
        form = {**QUERY, "metadata": '{"a": "b"}', "file": (io.BytesIO(text), filename, media_type)}
        answer = call("POST", BULK, data=form)
        assert (answer.status_code, answer.json["accepted"]) == (202, 1), answer.json

    def test_a_large_form_is_read_piece_by_piece(self, call: Any) -> None:
        text = b"email,name\n" + b"".join(b"a%d@example.com,%s\n" % (n, b"x" * 180) for n in range(5000))
        answer = call("POST", BULK, data={**QUERY, "file": (io.BytesIO(text), "people.csv")})
        assert (answer.status_code, answer.json["accepted"]) == (202, 5000)

    def test_a_form_without_a_file(self, call: Any) -> None:
        answer = call("POST", BULK, data=QUERY, content_type="multipart/form-data")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "file")

    def test_fields_after_the_file_are_not_passed_over(self, call: Any, rows: Any) -> None:
        late = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\na@example.com\n\r\n'
            b'--x\r\nContent-Disposition: form-data; name="lane"\r\n\r\nbulk\r\n--x--\r\n'
        )
        assert csv(call, late, "multipart/form-data; boundary=x").status_code == 400
        assert rows("SELECT FROM notifications") == []

    @pytest.mark.parametrize("body", [b"", b"x", b"--x\r\n", b"--x\r\nnonsense", b"\r\n--x--\r\n"])
    def test_a_form_that_is_none(self, call: Any, body: bytes) -> None:
        answer = csv(call, body, "multipart/form-data; boundary=x")
        assert answer.status_code in (400, 422)

    def test_a_form_names_its_boundary(self, call: Any) -> None:
        assert csv(call, b"--x\r\n", "multipart/form-data").status_code == 400

    def test_other_files_are_refused(self, call: Any) -> None:
        assert csv(call, b"x", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet").status_code == 415
        assert call("POST", BULK, data={**QUERY, "file": (io.BytesIO(b"x"), "people.xlsx")}).status_code == 415
        assert csv(call, b"x", "").status_code == 415

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"content": "{}"}, "channel"),
            ({**QUERY, "content": "{"}, "content"),
            ({**QUERY, "metadata": '{"a": 1}'}, "metadata"),
            ({**QUERY, "lane": ["bulk", "normal"]}, "lane"),
            ({**QUERY, "chanel": "email"}, "chanel"),
            ({"channel": "email", "template": "welcom"}, "template"),
        ],
    )
    def test_mistakes_in_what_is_said_once(self, call: Any, query: Any, field: str) -> None:
        answer = csv(call, b"email\na@example.com\n", query=query)
        assert answer.status_code == 422
        assert field in [error["field"] for error in answer.json["errors"]]

    def test_what_kind_it_is_is_said_once(self, call: Any, rows: Any) -> None:
        body = b"email,unsubscribe_url\na@example.com,https://example.com/u/1\nb@example.com,\n"
        answer = csv(call, body, query={**QUERY, "kind": "promotion"})
        assert (answer.json["accepted"], answer.json["lane"]) == (1, "bulk"), answer.json
        assert [(error["row"], error["field"]) for error in answer.json["errors"]] == [(3, "to.unsubscribe_url")]
        assert [row.kind for row in rows("SELECT kind FROM notifications")] == ["promotion"]

    def test_every_field_of_the_json_form_is_documented(self) -> None:
        assert {parameter["name"] for parameter in uploads.PARAMETERS} == set(EnvelopeSchema().fields)

    def test_a_wrong_header(self, call: Any) -> None:
        answer = csv(call, b"emial\na@example.com\n")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "line 1, column 1")

    @pytest.mark.usefixtures("catalogue")
    def test_a_template_with_variables_in_columns(self, call: Any, rows: Any) -> None:
        query = {"channel": "email", "template": "welcome", "data": json.dumps({"action_url": "https://example.com/"})}
        body = b"email,action_label,data.name\na@example.com,Go,Ada\n"
        assert csv(call, body, query=query).json["accepted"] == 1
        assert rows("SELECT data FROM notifications")[0].data == {
            "action_url": "https://example.com/", "action_label": "Go", "name": "Ada",
        }  # fmt: skip

    def test_sent_again_under_its_key_it_adds_nothing(self, call: Any, rows: Any) -> None:
        body = b"email\na@example.com\nnope\n"
        first, again = (csv(call, body, **{"Idempotency-Key": "k"}) for _ in range(2))
        assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
        assert csv(call, body + b"b@example.com\n", **{"Idempotency-Key": "k"}).status_code == 422
        assert len(rows("SELECT FROM notifications")) == 1


class TestProgress:
    def test_from_accepted_to_finished(self, call: Any, database: Database) -> None:
        batch = csv(call, b"email\n" + b"a@example.com\n" * 5 + b"nope\n").headers["Location"]
        before = call("GET", batch).json
        assert (before["accepted"], before["refused"]) == (5, 1)
        assert (before["states"], before["finished"]) == ({"queued": 5}, False)
        work = Work(database)
        claimed = work.claim("email.normal", 10, 30)
        work.start([Starting(item, "smtp") for item in claimed])
        ends = [State.SENT] * 4 + [State.FAILED]
        work.settle([Settlement(c.id, c.fence, s, str(s), "smtp") for c, s in zip(claimed, ends, strict=True)])
        after = call("GET", batch).json
        assert (after["accepted"], after["states"], after["finished"]) == (5, {"sent": 4, "failed": 1}, True)

    def test_only_its_own_rows_count(self, call: Any) -> None:
        call.send()
        batches = [csv(call, b"email\n" + b"a@example.com\n" * count).headers["Location"] for count in (1, 2, 3)]
        assert [call("GET", batch).json["states"] for batch in batches] == [{"queued": n} for n in (1, 2, 3)]

    def test_refused_rows_page_by_page(self, call: Any) -> None:
        batch = csv(call, b"email\n" + b"nope\n" * 7).headers["Location"]
        found, query = [], {"limit": "3"}
        while True:
            page = call("GET", f"{batch}/errors", query_string=query).json
            found += [item["row"] for item in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert found == [2, 3, 4, 5, 6, 7, 8]

    def test_what_is_not_there(self, call: Any) -> None:
        assert call("GET", f"/v1/batches/{uuid4()}").status_code == 404
        assert call("GET", f"/v1/batches/{uuid4()}/errors").status_code == 404

    @pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "WyJhIiwiYiJd"])
    def test_a_bad_cursor(self, call: Any, cursor: str) -> None:
        batch = csv(call, b"email\nnope\n").headers["Location"]
        assert call("GET", f"{batch}/errors?cursor={cursor}").status_code == 422
