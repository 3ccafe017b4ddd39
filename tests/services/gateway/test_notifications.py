"""`/v1/notifications`: accept, show, list, cancel, retry."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from services.gateway import examples
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work

MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Hi", "text": "Hello"}}
LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def settle(database: Database, queue: str, *states: State) -> None:
    """Have a worker take what waits in `queue` and settle it."""
    work = Work(database)
    claimed = sorted(work.claim(queue, 100, 30), key=lambda one: one.id)
    work.start([Starting(item, "twilio") for item in claimed])
    said = {"code": "21211", "detail": "No such number.", "reference": "SM1"}
    work.settle([
        Settlement(one.id, one.fence, state, str(state), "twilio", held=state is State.UNKNOWN, **said)
        for one, state in zip(claimed, states, strict=True)
    ])  # fmt: skip


@pytest.fixture
def endpoint(database: Database) -> None:
    """The endpoint that the example of a webhook names."""
    identifier = examples.ONE["A webhook to an endpoint of yours"]["to"]["endpoint"]
    Keys(database).project("acme")
    database.execute(
        text(
            "INSERT INTO endpoints (id, project_id, url, key_id, ciphertext) SELECT :id, id, '', '', '' FROM projects"
        ),
        {"id": identifier},
    )


@pytest.fixture
def chat(database: Database) -> None:
    """The destination that the example of a chat names."""
    Keys(database).project("acme")
    database.execute(
        text(
            "INSERT INTO chats (id, project_id, name, service, masked, key_id, ciphertext)"
            " SELECT :id, id, 'ops', 'slack', 'slack://…', '', '' FROM projects"
        ),
        {"id": uuid4()},
    )


@pytest.mark.usefixtures("catalogue", "endpoint", "chat")
@pytest.mark.parametrize("name", examples.ONE)
def test_every_example_is_accepted(call: Any, name: str) -> None:
    answer = call.send(examples.ONE[name])
    assert answer.status_code == 202, answer.json
    assert call("GET", answer.headers["Location"]).status_code == 200


def test_accepted_is_committed_and_rung(call: Any, rows: Any, rung: Any) -> None:
    answer = call.send()
    assert answer.status_code == 202
    assert answer.json == {"id": answer.json["id"], "state": "queued", "channel": "email", "lane": "normal"}
    assert answer.headers["Location"] == f"/v1/notifications/{answer.json['id']}"
    assert str(rows("SELECT id FROM notifications")[0].id) == answer.json["id"]
    assert rung.queues == ["email.normal"]


def test_mistakes_are_listed_by_field(call: Any, rows: Any) -> None:
    answer = call.send({"channel": "email", "to": {"emial": "x"}, "content": {"subject": "a\nb", "text": "x"}})
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert {error["field"] for error in answer.json["errors"]} >= {"content.subject"}
    assert rows("SELECT FROM notifications") == []


class TestIdempotency:
    def test_the_same_key_is_answered_the_same(self, call: Any, rows: Any) -> None:
        first, again = (call.send(**{"Idempotency-Key": "order-4711"}) for _ in range(2))
        assert (again.status_code, again.json) == (202, first.json)
        assert again.headers["Location"] == first.headers["Location"]
        assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
        assert len(rows("SELECT FROM notifications")) == 1

    def test_another_body_under_the_key_is_refused(self, call: Any, rows: Any) -> None:
        call.send(**{"Idempotency-Key": "k"})
        answer = call.send({**MAIL, "lane": "bulk"}, **{"Idempotency-Key": "k"})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "Idempotency-Key"
        assert len(rows("SELECT FROM notifications")) == 1

    def test_two_at_once_make_one(self, app: Flask, call: Any, rows: Any) -> None:
        def send(_: int) -> Any:
            return app.test_client().post(
                "/v1/notifications",
                json=MAIL,
                headers={"Authorization": f"Bearer {call.key}", "Idempotency-Key": "k"},
            )

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(send, range(18)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json["id"] for answer in answers}) == 1
        assert len(rows("SELECT FROM notifications")) == len(rows("SELECT FROM deliveries")) == 1

    @pytest.mark.parametrize("bad", ["", " x", "é", "x" * 256, "a\tb"])
    def test_keys_are_printable_ascii(self, call: Any, bad: str) -> None:
        answer = call.send(**{"Idempotency-Key": bad})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "Idempotency-Key"

    def test_the_longest_key(self, call: Any) -> None:
        assert call.send(**{"Idempotency-Key": "x" * 255}).status_code == 202


class TestOne:
    def test_its_timeline(self, call: Any, database: Database) -> None:
        to, metadata = {"phone": "+442079460018"}, {"a": "b"}
        sent = call.send({"channel": "sms", "to": to, "content": {"body": "x"}, "metadata": metadata})
        settle(database, "sms.normal", State.FAILED)
        call("POST", f"{sent.headers['Location']}/retry")
        settle(database, "sms.normal", State.SENT)
        shown = call("GET", sent.headers["Location"]).json
        assert (shown["state"], shown["metadata"], shown["recipient"]) == ("sent", metadata, to)
        assert [event["what"] for event in shown["timeline"]] == ["accepted", "attempt", "retried", "attempt", "sent"]
        failed = shown["timeline"][1]
        assert (failed["provider"], failed["outcome"], failed["code"], failed["detail"], failed["reference"]) == (
            "twilio", "failed", "21211", "No such number.", "SM1",
        )  # fmt: skip
        assert shown["timeline"][2]["who"] == f"key {call.key.split('_')[1]}"
        (delivery,) = shown["deliveries"]
        assert (delivery["target"], delivery["state"], delivery["attempts"]) == ("+442079460018", "sent", 1)

    def test_its_state_is_a_fold_over_its_deliveries(self, call: Any, database: Database) -> None:
        sent = call.send({"channel": "push", "to": {"tokens": ["a", "b"]}, "content": {"title": "x", "body": "y"}})
        settle(database, "push.normal", State.FAILED, State.SENT)
        shown = call("GET", sent.headers["Location"]).json
        assert shown["state"] == "sent"
        assert {one["state"] for one in shown["deliveries"]} == {"failed", "sent"}

    def test_what_is_for_later_says_when(self, call: Any) -> None:
        sent = call.send({**MAIL, "send_at": LATER})
        shown = call("GET", sent.headers["Location"]).json
        assert [event["what"] for event in shown["timeline"]] == ["accepted", "scheduled"]
        assert datetime.fromisoformat(shown["deliveries"][0]["next_at"]) == datetime.fromisoformat(LATER)

    @pytest.mark.usefixtures("catalogue")
    def test_a_secret_is_never_shown(self, call: Any) -> None:
        sent = call.send(examples.ONE["A one-time code, by SMS"])
        assert "482913" not in call("GET", sent.headers["Location"]).get_data(as_text=True)

    def test_what_is_not_there(self, call: Any) -> None:
        assert call("GET", f"/v1/notifications/{uuid4()}").status_code == 404
        assert call("GET", "/v1/notifications/4711").status_code == 404


class TestCancelAndRetry:
    def test_cancelled_before_it_was_started(self, call: Any) -> None:
        place = call.send({**MAIL, "send_at": LATER}).headers["Location"]
        answer = call("POST", f"{place}/cancel")
        assert (answer.status_code, answer.json["cancelled"]) == (200, 1)
        assert call("GET", place).json["state"] == "cancelled"
        again = call("POST", f"{place}/cancel")
        assert (again.status_code, again.json["type"]) == (409, "/docs/problems#conflict")

    def test_too_late_to_cancel(self, call: Any, database: Database) -> None:
        place = call.send().headers["Location"]
        settle(database, "email.normal", State.SENT)
        assert call("POST", f"{place}/cancel").status_code == 409

    def test_retried_is_queued_and_rung(self, call: Any, database: Database, rung: Any) -> None:
        place = call.send().headers["Location"]
        assert call("POST", f"{place}/retry").status_code == 409, "nothing has failed yet"
        settle(database, "email.normal", State.UNKNOWN)
        rung.queues.clear()
        answer = call("POST", f"{place}/retry")
        assert (answer.status_code, answer.json["queues"]) == (202, ["email.normal"])
        assert rung.queues == ["email.normal"]
        assert call("GET", place).json["state"] == "queued"

    @pytest.mark.parametrize("what", ["cancel", "retry"])
    def test_what_is_not_there(self, call: Any, what: str) -> None:
        assert call("POST", f"/v1/notifications/{uuid4()}/{what}").status_code == 404


class TestList:
    @pytest.fixture
    def ids(self, call: Any) -> list[str]:
        """Seven mails, oldest first."""
        return [call.send({**MAIL, "to": {"email": f"a{number}@example.com"}}).json["id"] for number in range(7)]

    def listed(self, call: Any, **query: Any) -> list[str]:
        answer = call("GET", "/v1/notifications", query_string=query)
        assert answer.status_code == 200, answer.json
        return [item["id"] for item in answer.json["items"]]

    def test_pages_follow_each_other_newest_first(self, call: Any, ids: list[str]) -> None:
        found, sizes, query = [], [], {"limit": "3"}
        while True:
            page = call("GET", "/v1/notifications", query_string=query).json
            found += [item["id"] for item in page["items"]]
            sizes.append(len(page["items"]))
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
            call.send()  # what comes meanwhile is on no later page
        assert found == sorted(ids, reverse=True)
        assert sizes == [3, 3, 1]

    def test_by_recipient_however_written(self, call: Any, ids: list[str]) -> None:
        assert self.listed(call, recipient="a3@EXAMPLE.com") == [ids[3]]
        sms = call.send({"channel": "sms", "to": {"phone": "+442079460018"}, "content": {"body": "x"}}).json["id"]
        assert self.listed(call, recipient="+44 20 7946 0018") == [sms]
        assert self.listed(call, recipient="nobody@example.com") == []

    def test_by_state(self, call: Any, ids: list[str], database: Database) -> None:
        settle(database, "email.normal", *[State.SENT, State.FAILED] * 3, State.SENT)
        failed, sent = self.listed(call, state="failed"), self.listed(call, state="sent")
        assert (len(failed), len(sent)) == (3, 4)
        assert self.listed(call, state="queued") == []

    def test_by_channel_and_template(self, call: Any, ids: list[str], catalogue: None) -> None:
        welcome = call.send(examples.ONE["A template, by email"]).json["id"]
        push = call.send(examples.ONE["Content of your own, as a push"]).json["id"]
        assert self.listed(call, channel="push") == [push]
        assert self.listed(call, template="welcome") == self.listed(call, template="welcome@1") == [welcome]
        assert self.listed(call, template="welcome@2") == []
        assert self.listed(call, template="welcome", channel="push") == []

    def test_by_batch(self, call: Any, ids: list[str]) -> None:
        bulk = {**MAIL, "recipients": [{"to": {"email": f"b{number}@example.com"}} for number in range(5)]}
        del bulk["to"]
        batch = call("POST", "/v1/notifications/bulk", json=bulk).json["batch_id"]
        assert len(self.listed(call, batch_id=batch)) == 5
        assert self.listed(call, batch_id=uuid4()) == []

    def test_by_time(self, call: Any, ids: list[str]) -> None:
        now, then = datetime.now(UTC), datetime.now(UTC) - timedelta(hours=1)
        assert len(self.listed(call, accepted_after=then.isoformat())) == 7
        assert self.listed(call, accepted_before=then.isoformat()) == []
        assert self.listed(call, accepted_after=(now + timedelta(hours=1)).isoformat()) == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"),
            ("cursor=%F0%9F%98%80", "cursor"), ("state=lost", "state"), ("channel=fax", "channel"),
            ("batch_id=1", "batch_id"), ("accepted_after=2026-01-01", "accepted_after"), ("stat=sent", "stat"),
            ("state=sent&state=failed", "state"), ("recipient=a%0Ab", "recipient"),
        ],
    )  # fmt: skip
    def test_mistakes_in_the_query(self, call: Any, query: str, field: str) -> None:
        answer = call("GET", f"/v1/notifications?{query}")
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == field
