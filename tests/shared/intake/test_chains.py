"""A chain is checked when it is accepted, every step of it: what would be refused later is refused now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.errors import InvalidInput
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.devices import Devices
from shared.ledger.history import History
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.routes import Routes
from shared.ledger.template_store import TemplateStore
from shared.receipts import knowable
from shared.receipts.sources import VENDORS
from shared.templates.catalogue import load_catalogue

TO = {"tokens": ["device-1"], "phone": "+447700900123", "email": "ada@example.com"}
PUSH, SMS, MAIL = {"title": "Hi", "body": "Hello"}, {"body": "Hello"}, {"subject": "Hi", "text": "Hello"}
CHAIN: dict[str, Any] = {"channel": ["push", "sms"], "to": TO, "content": {"push": PUSH, "sms": SMS}}
BOOKING = {"what": "Dinner", "reference": "A-1", "starts_at": "2027-03-14T19:30:00Z", "timezone": "Europe/London"}


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


@pytest.fixture
def intake(database: Database) -> Intake:
    return Intake(database, Sealer(new_key()))


@pytest.fixture
def catalogue(database: Database) -> None:
    for name, bundle in load_catalogue().items():
        TemplateStore(database).add(None, name, bundle.checksum, bundle.to_json())


def refusal(intake: Intake, project: int, **given: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        intake.accept(project, {name: value for name, value in {**CHAIN, **given}.items() if value is not None})
    return {name: said[0] for name, said in refused.value.fields.items()}


def rows(database: Database, statement: str) -> list[Any]:
    return list(database.rows(text(statement)))


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


class TestRequests:
    def test_one_commit_has_the_chain_and_its_first_step(self, intake: Intake, project: int, database: Database):
        receipt = intake.accept(project, CHAIN)
        assert (receipt.state, receipt.channel, receipt.lane) == ("queued", "push", "normal")
        [chain] = rows(database, "SELECT id, goal, step, state FROM chains")
        assert (chain.id, chain.goal, chain.step, chain.state) == (receipt.id, 2, 1, "active")
        [first] = rows(database, "SELECT channel, chain_id FROM notifications")
        assert (first.channel, first.chain_id) == ("push", receipt.id)
        patiences = [row.patience for row in rows(database, "SELECT patience FROM chain_steps")]
        assert patiences == [600.0, 600.0]

    @pytest.mark.parametrize(
        ("given", "field", "says"),
        [
            ({"channel": ["push"]}, "channel", "A chain has 2 to 5 channels; this has 1."),
            ({"channel": ["push", "sms", "email", "whatsapp", "webhook", "sms"]}, "channel", "this has 6"),
            ({"channel": ["push", "push"]}, "channel", "push is there more than once"),
            ({"channel": ["push", "smms"]}, "channel", "Did you mean sms?"),
            ({"channel": ["push", 7]}, "channel", "Not a valid string."),
            ({"channel": ["push", ["sms"]]}, "channel", "Name one channel"),
            ({"fallback_after": "soon"}, "fallback_after", "Must be a whole number and s, m, h or d"),
            ({"fallback_after": 600}, "fallback_after", "Must be a whole number and s, m, h or d"),
            ({"fallback_after": "0s"}, "fallback_after", "Must be from 1s to 7d."),
            ({"fallback_after": "8d"}, "fallback_after", "Must be from 1s to 7d."),
            ({"fallback_after": "٣m"}, "fallback_after", "Must be a whole number"),
            ({"fallback_after": ["1m", "2m"]}, "fallback_after", "Give one duration, or 1"),
            ({"fallback_after": []}, "fallback_after", "one for each step but the last"),
            ({"until": "openned"}, "until", "Must be one of sent, delivered, opened, clicked. Did you mean opened?"),
            ({"untill": "sent"}, "untill", "Did you mean until?"),
            ({"ordering_key": "a"}, "ordering_key", "A chain has none"),
            ({"to": {"tokens": ["d"]}}, "to.phone", "An SMS or WhatsApp message needs to.phone"),
            ({"to": {"phone": "+447700900123"}}, "to.tokens", "A push needs to.tokens"),
            ({"to": {**TO, "phone": "12"}}, "to.phone", ""),
            ({"content": {"push": PUSH}}, "content.sms", "Must be an object: what is sent by sms (body, …)."),
            ({"content": PUSH}, "content.body", "A chain has content by channel, for each of push, sms."),
            ({"content": {"push": PUSH, "sms": {"bdy": "x"}}}, "content.sms.bdy", "Did you mean body?"),
            ({"content": {"push": PUSH, "sms": SMS, "smss": SMS}}, "content.smss", "Did you mean sms?"),
            ({"channel": "sms", "content": SMS, "until": "sent"}, "until", "Belongs to a chain"),
            ({"channel": "sms", "content": SMS, "fallback_after": "1m"}, "fallback_after", "Belongs to a chain"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_refused_by_field(
        self, intake: Intake, project: int, given: dict[str, Any], field: str, says: str
    ):
        found = refusal(intake, project, **given)
        assert field in found
        assert says in found[field]

    def test_it_may_not_expire_before_the_last_step_can_begin(self, intake: Intake, project: int):
        late = {"fallback_after": "10m", "expires_at": ahead(minutes=9)}
        assert "The last step may begin only after 10m" in refusal(intake, project, **late)["expires_at"]
        later = {**late, "send_at": ahead(hours=1), "expires_at": ahead(minutes=69)}
        assert "expires_at" in refusal(intake, project, **later)
        assert intake.accept(project, {**CHAIN, **late, "expires_at": ahead(minutes=11)}).state == "queued"

    def test_a_template_needs_a_form_for_each_channel(self, intake: Intake, project: int, catalogue: None):
        asked = {"content": None, "template": "welcome", "channel": ["email", "sms"], "data": {"name": "Ada"}}
        assert "no form for sms" in refusal(intake, project, **asked)["channel"]

    def test_and_its_variables_are_checked_for_all_at_once(self, intake: Intake, project: int, catalogue: None):
        asked = {"content": None, "template": "booking_confirmation", "data": {}}
        assert any(name.startswith("data") for name in refusal(intake, project, **asked))
        whole = {**CHAIN, "template": "booking_confirmation", "data": BOOKING}
        del whole["content"]
        assert intake.accept(project, whole).channel == "push"

    def test_many_at_once_are_no_chain(self, intake: Intake, project: int):
        with pytest.raises(InvalidInput, match="a chain of channels goes to one recipient at a time"):
            intake.accept_many(project, {**{**CHAIN, "to": None}, "recipients": [{"to": TO}]})

    def test_one_key_makes_one_chain(self, intake: Intake, project: int, database: Database):
        first, again = (intake.accept(project, CHAIN, "key-1") for _ in range(2))
        assert (first.id, first.replayed, again.replayed) == (again.id, False, True)
        assert len(rows(database, "SELECT FROM chains")) == len(rows(database, "SELECT FROM notifications")) == 1
        with pytest.raises(InvalidInput, match="used before with a different request"):
            intake.accept(project, {**CHAIN, "until": "sent"}, "key-1")

    def test_one_that_was_promised_is_accepted_once(self, intake: Intake, project: int, database: Database):
        identifier = new_id()
        first, again = (intake.accept_promised(project, CHAIN, identifier) for _ in range(2))
        assert (first.id, first.replayed, again.id, again.replayed) == (identifier, False, identifier, True)
        assert len(rows(database, "SELECT FROM notifications")) == 1


class TestDevices:
    def test_a_user_without_devices_is_reached_by_the_next_step(self, intake: Intake, project: int, database: Database):
        to = {"user_id": "u_1", "phone": "+447700900123"}
        receipt = intake.accept(project, {**CHAIN, "to": to})
        assert receipt.channel == "sms"
        chain = History(database).one(project, receipt.id).chain
        assert chain is not None
        assert [(step.channel, step.state, step.why) for step in chain.steps] == [
            ("push", "skipped", "push: u_1 has no registered devices."), ("sms", "queued", None),
        ]  # fmt: skip

    def test_one_who_can_be_reached_by_none_is_refused(self, intake: Intake, project: int, database: Database):
        Devices(database).register(project, "u_1", "t", "ios")
        chain = {**CHAIN, "channel": ["push", "email"], "to": {"user_id": "u_2", "email": "a@example.com"}}
        assert intake.accept(project, {**chain, "content": {"push": PUSH, "email": MAIL}}).channel == "email"


class TestWhatCanBeKnown:
    @pytest.mark.parametrize(
        ("channel", "providers", "until", "known"),
        [
            ("push", ["fcm"], "delivered", "sent"), ("push", ["fcm"], "opened", "sent"),
            ("sms", ["http"], "delivered", "sent"), ("sms", ["twilio"], "opened", "delivered"),
            ("email", ["smtp"], "delivered", "sent"), ("whatsapp", ["twilio"], "clicked", "opened"),
            ("push", ["outbox"], "opened", "delivered"),
        ],
    )  # fmt: skip
    def test_what_the_provider_does_not_report_is_refused(
        self, intake: Intake, project: int, database: Database, channel: str, providers: list[str], until: str,
        known: str,
    ):  # fmt: skip
        Routes(database).say([f"{channel}.normal"], providers)
        last = "email" if channel != "email" else "sms"
        content = {"push": PUSH, "sms": SMS, "email": MAIL, "whatsapp": SMS}
        asked = {"channel": [channel, last], "content": {name: content[name] for name in (channel, last)}}
        told = refusal(intake, project, **asked, until=until)["until"]
        assert f"Nobody would know whether the {channel} was {until}: {providers[0]} does not report it" in told
        assert f"Say until: {known}" in told
        assert intake.accept(project, {**CHAIN, **asked, "until": known})

    @pytest.mark.parametrize(
        ("channel", "providers", "until"),
        [
            ("push", ["onesignal"], "delivered"), ("push", ["onesignal"], "clicked"), ("push", ["onesignal"], "opened"),
            ("push", ["outbox"], "delivered"), ("sms", ["twilio", "http"], "delivered"),
            ("email", ["smtp", "ses"], "clicked"),
        ],
    )  # fmt: skip
    def test_what_one_of_a_route_reports_is_taken(
        self, intake: Intake, project: int, database: Database, channel: str, providers: list[str], until: str
    ):
        Routes(database).say([f"{channel}.normal"], providers)
        last = "email" if channel != "email" else "sms"
        content = {name: {"push": PUSH, "sms": SMS, "email": MAIL}[name] for name in (channel, last)}
        assert intake.accept(project, {**CHAIN, "channel": [channel, last], "content": content, "until": until})

    def test_the_last_step_may_report_nothing(self, intake: Intake, project: int, database: Database):
        Routes(database).say(["push.normal"], ["onesignal"])
        Routes(database).say(["sms.normal"], ["http"])
        assert intake.accept(project, CHAIN)
        assert [row.goal for row in rows(database, "SELECT goal FROM chain_steps ORDER BY number")] == [2, 1]

    def test_while_nobody_has_said_who_sends_it_may_be_anybody_who_can(
        self, intake: Intake, project: int, database: Database
    ):
        asked = {"channel": ["whatsapp", "sms"], "content": {"whatsapp": SMS, "sms": SMS}, "until": "opened"}
        assert intake.accept(project, {**CHAIN, **asked})
        assert [row.goal for row in rows(database, "SELECT goal FROM chain_steps ORDER BY number")] == [3, 2]
        told = refusal(intake, project, **{**asked, "channel": ["sms", "whatsapp"]})["until"]
        assert "Nobody would know whether the sms was opened" in told

    def test_receipts_that_are_not_set_up_are_none(self, database: Database, project: int):
        Routes(database).say(["sms.normal"], ["twilio"])
        asked = {"channel": ["sms", "email"], "content": {"sms": SMS, "email": MAIL}}
        told = refusal(Intake(database, Sealer(new_key()), reporting=()), project, **asked)["until"]
        assert "set up a provider that reports it" in told
        assert Intake(database, Sealer(new_key()), reporting={"twilio"}).accept(project, {**CHAIN, **asked})

    def test_whoever_has_receipts_is_known_to_report(self):
        reporting = {provider for (_, provider), known in knowable.KNOWABLE.items() if known != knowable.NOTHING}
        assert reporting - {"webhook", "inbox"} == set(VENDORS)
