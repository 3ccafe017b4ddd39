"""What is accepted: one row, its deliveries, its defaults, and exactly once under a key."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.crypto import Sealed, Sealer
from shared.errors import InvalidInput, LedgerUnavailable
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.devices import Devices
from shared.ledger.ids import moment_of, new_id
from shared.ledger.keys import Keys

BODY = {"subject": "Hi", "text": "x"}
MAIL = {"channel": "email", "to": {"email": "Ada@EXAMPLE.com", "name": "Ada"}, "content": BODY}
LATER = datetime.now(UTC) + timedelta(hours=1)


def test_one_notification_is_one_row_and_a_delivery_each_target(
    intake: Intake, project: int, rows: Any, rung: Any
) -> None:
    receipt = intake.accept(project, {**MAIL, "metadata": {"order": "4711"}})
    (stored,) = rows("SELECT * FROM notifications")
    assert (stored.id, stored.channel, stored.lane, stored.kind, stored.on_unknown) == (
        receipt.id, "email", "normal", "transactional", "resend",
    )  # fmt: skip
    assert stored.recipient == {"email": "Ada@example.com", "name": "Ada"}
    assert stored.content == {"subject": "Hi", "text": "x"}
    assert stored.metadata == {"order": "4711"}
    (delivery,) = rows("SELECT * FROM deliveries")
    assert (delivery.notification_id, delivery.queue, delivery.state, delivery.target) == (
        receipt.id, "email.normal", "queued", "Ada@example.com",
    )  # fmt: skip
    assert rung.queues == ["email.normal"]


def test_a_number_is_normalised(intake: Intake, project: int, rows: Any) -> None:
    intake.accept(project, {"channel": "sms", "to": {"phone": "+44 20 7946-0018"}, "content": {"body": "x"}})
    assert [row.target for row in rows("SELECT target FROM deliveries")] == ["+442079460018"]


def test_a_push_goes_to_every_token_once_and_tokens_are_not_stored_twice(
    intake: Intake, project: int, rows: Any
) -> None:
    intake.accept(
        project, {"channel": "push", "to": {"tokens": ["a", "b", "a"]}, "content": {"title": "x", "body": "y"}}
    )
    assert sorted(row.target for row in rows("SELECT target FROM deliveries")) == ["a", "b"]
    assert rows("SELECT recipient FROM notifications")[0].recipient == {}


def test_a_push_to_a_user_goes_to_their_registered_devices(
    intake: Intake, database: Database, project: int, rows: Any
) -> None:
    devices = Devices(database)
    for user, token in (("u_1", "phone"), ("u_1", "tablet"), ("u_2", "other")):
        devices.register(project, user, token, "ios")
    intake.accept(project, {"channel": "push", "to": {"user_id": "u_1"}, "content": {"title": "x", "body": "y"}})
    assert sorted(row.target for row in rows("SELECT target FROM deliveries")) == ["phone", "tablet"]


@pytest.mark.parametrize(
    ("kind", "lane", "policy"),
    [("code", "critical", "hold"), ("promotion", "bulk", "hold"), ("greeting", "normal", "resend")],
)
def test_lane_and_policy_follow_the_kind(
    intake: Intake, project: int, request: Any, rows: Any, kind: str, lane: str, policy: str
) -> None:
    name = request.getfixturevalue(kind)
    asked: dict[str, Any] = {
        "code": {"channel": "sms", "to": {"phone": "+442079460018"}, "data": {"code": "1"}},
        "promotion": {"channel": "push", "to": {"tokens": ["t"]}},
        "greeting": {"channel": "email", "to": {"email": "a@example.com"}, "data": {"first_name": "Ada"}},
    }[kind]
    intake.accept(project, {**asked, "template": name, "expires_at": LATER.isoformat()})
    (stored,) = rows("SELECT lane, on_unknown, hold FROM notifications n JOIN deliveries ON notification_id = n.id")
    assert tuple(stored) == (lane, policy, policy == "hold")


def test_lane_and_policy_can_be_asked_for(intake: Intake, project: int, rows: Any) -> None:
    intake.accept(project, {**MAIL, "lane": "bulk", "on_unknown": "hold"})
    assert tuple(rows("SELECT lane, on_unknown FROM notifications")[0]) == ("bulk", "hold")


def test_a_code_is_stored_sealed_and_nowhere_readable(
    intake: Intake, project: int, code: str, sealer: Sealer, rows: Any
) -> None:
    intake.accept(
        project,
        {
            "channel": "sms",
            "to": {"phone": "+442079460018"},
            "template": code,
            "data": {"code": "canary-482913", "purpose": "sign in"},
            "expires_at": LATER.isoformat(),
        },
    )
    assert rows("SELECT data FROM notifications")[0].data == {"purpose": "sign in"}
    (sealed,) = rows("SELECT key_id, ciphertext FROM sealed")
    assert sealer.open(Sealed(sealed.key_id, bytes(sealed.ciphertext))) == {"code": "canary-482913"}
    for table in ("notifications", "deliveries", "sealed", "idempotency_keys"):
        assert not rows(f"SELECT FROM {table} t WHERE t::text LIKE '%canary%'")


def test_what_is_for_later_is_scheduled_and_rings_nobody(intake: Intake, project: int, rows: Any, rung: Any) -> None:
    receipt = intake.accept(project, {**MAIL, "send_at": LATER.isoformat()})
    (delivery,) = rows("SELECT state, due_at FROM deliveries")
    assert receipt.state == delivery.state == "scheduled"
    assert delivery.due_at == LATER
    assert rung.queues == []


def test_a_moment_just_past_means_now(intake: Intake, project: int) -> None:
    just_past = datetime.now(UTC) - timedelta(seconds=30)
    assert intake.accept(project, {**MAIL, "send_at": just_past.isoformat()}).state == "queued"


def test_python_callers_may_give_moments_as_they_are(intake: Intake, project: int, rows: Any) -> None:
    intake.accept(project, {**MAIL, "send_at": LATER})
    assert rows("SELECT send_at FROM notifications")[0].send_at == LATER
    with pytest.raises(InvalidInput, match="offset"):
        intake.accept(project, {**MAIL, "send_at": LATER.replace(tzinfo=None)})


def test_a_template_is_pinned_to_its_version(intake: Intake, project: int, greeting: str, rows: Any) -> None:
    asked = {"channel": "email", "to": {"email": "a@example.com"}, "template": greeting, "data": {"first_name": "Ada"}}
    intake.accept(project, asked)
    (stored,) = rows("SELECT t.name, t.version FROM notifications n JOIN template_versions t ON t.id = n.template_id")
    assert tuple(stored) == ("greeting", 1)


def test_checking_accepts_nothing(intake: Intake, project: int, rows: Any) -> None:
    assert intake.check(project, MAIL).targets == ["Ada@example.com"]
    assert rows("SELECT FROM notifications") == []


class TestIdempotency:
    def test_the_same_key_is_answered_the_same_and_sends_once(self, intake: Intake, project: int, rows: Any) -> None:
        first = intake.accept(project, MAIL, "k")
        again = intake.accept(project, dict(reversed(MAIL.items())), "k")  # the same request, written otherwise
        assert (again.id, again.replayed, first.replayed) == (first.id, True, False)
        assert len(rows("SELECT FROM notifications")) == 1

    def test_another_request_under_the_key_is_refused(self, intake: Intake, project: int, rows: Any) -> None:
        intake.accept(project, MAIL, "k")
        with pytest.raises(InvalidInput) as refusal:
            intake.accept(project, {**MAIL, "lane": "bulk"}, "k")
        assert list(refusal.value.fields) == ["Idempotency-Key"]
        assert len(rows("SELECT FROM notifications")) == 1

    def test_keys_are_a_projects_own(self, intake: Intake, project: int, database: Database) -> None:
        other = Keys(database).project("other")
        assert intake.accept(project, MAIL, "k").id != intake.accept(other, MAIL, "k").id

    def test_a_repeat_that_has_expired_meanwhile_gets_the_first_answer(
        self, database: Database, sealer: Sealer, project: int
    ) -> None:
        asked = {**MAIL, "expires_at": LATER.isoformat()}
        first = Intake(database, sealer).accept(project, asked, "k")
        tomorrow = Intake(database, sealer, now=lambda: LATER + timedelta(days=1))
        assert tomorrow.accept(project, asked, "k").id == first.id
        with pytest.raises(InvalidInput):
            tomorrow.accept(project, asked, "another")

    def test_two_at_once_make_one(self, intake: Intake, project: int, rows: Any) -> None:
        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda _: intake.accept(project, MAIL, "k"), range(24)))
        assert len({receipt.id for receipt in receipts}) == 1
        assert sum(not receipt.replayed for receipt in receipts) == 1
        assert len(rows("SELECT FROM notifications")) == 1


class TestMany:
    def asked(self, *to: Any) -> dict[str, Any]:
        return {"channel": "email", "content": {"subject": "x", "text": "y"}, "recipients": [{"to": one} for one in to]}

    def test_good_rows_are_accepted_and_bad_ones_reported(
        self, intake: Intake, project: int, rows: Any, rung: Any
    ) -> None:
        receipt = intake.accept_many(
            project, self.asked({"email": "a@example.com"}, {"email": "nope"}, {"phone": "+442079460018"}, "x")
        )
        assert (receipt.accepted, receipt.refused) == (1, 3)
        assert [(error.row, error.field) for error in receipt.errors] == [(2, "to.email"), (3, "to.email"), (4, "to")]
        (stored,) = rows("SELECT batch_id, row_number FROM notifications")
        assert tuple(stored) == (receipt.batch_id, 1)
        assert [row.row_number for row in rows("SELECT row_number FROM batch_errors ORDER BY 1")] == [2, 3, 4]
        assert rung.queues == ["email.normal"]

    def test_when_every_row_is_bad_nothing_is_accepted(self, intake: Intake, project: int, rows: Any) -> None:
        with pytest.raises(InvalidInput) as refusal:
            intake.accept_many(project, self.asked({"email": "nope"}, {}))
        assert list(refusal.value.fields) == ["recipients.0.to.email", "recipients.1.to.email"]
        assert rows("SELECT FROM batches") == []

    def test_a_rows_data_and_metadata_are_laid_over_the_envelopes(
        self, intake: Intake, project: int, greeting: str, rows: Any
    ) -> None:
        intake.accept_many(
            project,
            {
                "channel": "email",
                "template": greeting,
                "data": {"first_name": "friend", "visits": 1},
                "metadata": {"a": "1", "b": "1"},
                "recipients": [
                    {"to": {"email": "a@example.com"}},
                    {"to": {"email": "b@example.com"}, "data": {"first_name": "Bo"}, "metadata": {"b": "2"}},
                ],
            },
        )
        stored = rows("SELECT data, metadata FROM notifications ORDER BY row_number")
        assert [row.data for row in stored] == [
            {"first_name": "friend", "visits": 1},
            {"first_name": "Bo", "visits": 1},
        ]
        assert [row.metadata for row in stored] == [{"a": "1", "b": "1"}, {"a": "1", "b": "2"}]

    def test_a_key_makes_it_once(self, intake: Intake, project: int, rows: Any) -> None:
        asked = self.asked({"email": "a@example.com"}, {"email": "nope"})
        with ThreadPoolExecutor(4) as pool:
            receipts = list(pool.map(lambda _: intake.accept_many(project, asked, "k"), range(8)))
        assert len({receipt.batch_id for receipt in receipts}) == 1
        assert {(receipt.accepted, receipt.refused) for receipt in receipts} == {(1, 1)}
        assert len(rows("SELECT FROM notifications")) == 1
        assert len(rows("SELECT FROM batches")) == 1
        assert len(rows("SELECT FROM streams WHERE batch_id IS NOT NULL")) == 1

    def test_ten_thousand_recipients_and_no_more(self, intake: Intake, project: int, rows: Any) -> None:
        to = [{"email": f"a{number}@example.com"} for number in range(10_000)]
        assert intake.accept_many(project, self.asked(*to)).accepted == 10_000
        assert rows("SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM deliveries")[0] == (10_000, 10_000)
        with pytest.raises(InvalidInput, match="10001"):
            intake.accept_many(project, self.asked(*to, to[0]))

    def test_pushes_look_their_users_up_together(self, intake: Intake, database: Database, project: int) -> None:
        Devices(database).register(project, "u_1", "phone", "ios")
        receipt = intake.accept_many(
            project,
            {
                "channel": "push",
                "content": {"title": "x", "body": "y"},
                "recipients": [{"to": {"user_id": "u_1"}}, {"to": {"user_id": "u_2"}}, {"to": {"tokens": ["t"]}}],
            },
        )
        assert (receipt.accepted, [(error.row, error.field) for error in receipt.errors]) == (2, [(2, "to.user_id")])

    def test_secrets_are_sealed_row_by_row(self, intake: Intake, project: int, code: str, rows: Any) -> None:
        intake.accept_many(
            project,
            {
                "channel": "sms",
                "template": code,
                "expires_at": LATER.isoformat(),
                "recipients": [
                    {"to": {"phone": f"+44207946001{number}"}, "data": {"code": f"canary{number}"}}
                    for number in range(3)
                ],
            },
        )
        assert len(rows("SELECT FROM sealed")) == 3
        assert not rows("SELECT FROM notifications t WHERE t::text LIKE '%canary%'")

    def test_a_code_for_all_is_not_kept_with_the_batch(
        self, intake: Intake, project: int, code: str, rows: Any
    ) -> None:
        request = {
            "template": code,
            "channel": "sms",
            "expires_at": LATER.isoformat(),
            "data": {"code": "canary-482913"},
            "recipients": [{"to": {"phone": "+447700900001"}}],
        }
        intake.accept_many(project, request)
        for table in ("batches", "notifications", "deliveries", "sealed"):
            assert not rows(f"SELECT FROM {table} t WHERE t::text LIKE '%canary-482913%'"), table


def test_without_a_ledger_nothing_is_accepted(sealer: Sealer) -> None:
    nowhere = Intake(Database("postgresql://crier@127.0.0.1:1/crier", deadline=1.0), sealer)
    with pytest.raises(LedgerUnavailable):
        nowhere.accept(1, MAIL)


def test_ids_tell_when_they_were_accepted(intake: Intake, project: int) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    identifier: UUID = intake.accept(project, MAIL).id
    assert before <= moment_of(identifier) <= datetime.now(UTC)


@pytest.mark.parametrize("key", [None, "guest 1"])
def test_what_was_promised_an_id_is_accepted_once_however_often_it_is_done(
    intake: Intake, project: int, rows: Any, key: str | None
) -> None:
    promised = new_id()
    request = {**MAIL, "ordering_key": key}
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: intake.accept_promised(project, request, promised), range(8)))
    assert {receipt.id for receipt in receipts} == {promised}
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert [row.id for row in rows("SELECT id FROM notifications")] == [promised]
    assert len(rows("SELECT 1 FROM deliveries")) == 1
    assert [row.deliveries for row in rows("SELECT sum(deliveries) AS deliveries FROM tally")] == [1]
