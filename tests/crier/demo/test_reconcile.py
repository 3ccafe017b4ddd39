"""The account notices a call that is missing, doubled, altered, early or unasked; and says nothing when all is well."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import pytest

from crier.demo.asked import Asked
from crier.demo.reconcile import reconcile
from crier.sandbox import Entry
from shared.messages.email import Attachment, EmailContent
from shared.messages.push import PushContent
from shared.messages.sms import SmsContent

MAIL = EmailContent(
    subject="Ваш столик — готов",
    text="Come to the counter.\n",
    html="<p>Come to the counter.</p>",
    attachments=(Attachment("Menü.txt", "text/plain", b"Soup\n"),),
)
SMS, PUSH = (
    SmsContent("Dîner à 20 h"),
    PushContent("Boarding", "Bay 4", link="https://example.com/t/1", data={"type": "x"}),
)
BEGUN = datetime(2027, 3, 1, tzinfo=UTC)
ASKED = (
    Asked("g", "a mail", "n1", "d1", "email", ("smtp",), "ada@example.com", MAIL, name="முருகன் சுப்பிரமணியன்"),
    Asked("g", "an SMS", "n2", "d2", "sms", ("twilio",), "+442079460001", SMS, not_before=BEGUN),
    Asked("g", "a push", "n3", "d3", "push", ("fcm",), "token", PUSH, refused=1),
    Asked("g", "a bounce", "n4", "d4", "email", ("smtp",), "gone@example.com", None, state="failed", refused=1),
    Asked("g", "cancelled", "n5", "d5", "sms", ("twilio",), "+442079460002", None, state="cancelled"),
)
STATES = {one.delivery: one.state for one in ASKED}


def mail(content: EmailContent = MAIL, to: str = "ada@example.com", name: str | None = ASKED[0].name) -> Entry:
    message = EmailMessage()
    message["To"] = f"{name} <{to}>" if name else to
    message["Subject"] = content.subject
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    for one in content.attachments:
        maintype, _, subtype = one.content_type.partition("/")
        message.add_attachment(one.content, maintype=maintype, subtype=subtype, filename=one.filename)
    received = {"to": [to], "message_base64": b64encode(message.as_bytes().replace(b"\n", b"\r\n")).decode()}
    return Entry("smtp", "message", received, {"reply": "250 Ok"}, accepted=True, recipient=to, delivery="d1")


def sms(body: str = SMS.body, to: str = "+442079460001", at: datetime = BEGUN + timedelta(seconds=1)) -> Entry:
    received = {"body": urlencode({"To": to, "Body": body})}
    return Entry("twilio", "send", received, {"status": 201}, accepted=True, recipient=to, time=at.isoformat())


def push(token: str = "token", **message: Any) -> Entry:
    whole = {
        "token": token,
        "notification": {"title": PUSH.title, "body": PUSH.body},
        "data": {"crier_id": "d3", "link": PUSH.link, "type": "x"},
        "android": {},
        "apns": {"payload": {"aps": {}}},
        **message,
    }
    received = {"body": json.dumps({"message": whole})}
    return Entry("fcm", "send", received, {"status": 200}, accepted=True, recipient=token, delivery="d3")


def refusal(vendor: str, action: str, recipient: str, delivery: str | None = None) -> Entry:
    return Entry(vendor, action, {}, {"status": 429}, recipient=recipient, delivery=delivery)


def journal() -> list[Entry]:
    """What the stand-ins have to have received: a token, five calls that matter, one of them refused for good."""
    calls = [
        Entry("fcm", "token", {}, {"status": 200}),
        refusal("fcm", "send", "token", "d3"),
        mail(),
        sms(),
        push(),
        refusal("smtp", "rcpt", "gone@example.com"),
    ]
    return [replace(call, sequence=number) for number, call in enumerate(calls, start=1)]


def kinds(calls: list[Entry], states: dict[str, str] = STATES) -> list[tuple[str, str]]:
    return [(finding.kind, finding.what) for finding in reconcile(ASKED, calls, states)]


def test_all_is_well():
    assert kinds(journal()) == []


@pytest.mark.parametrize(("index", "what"), [(2, "a mail"), (3, "an SMS"), (4, "a push")])
def test_a_missing_call_is_noticed(index: int, what: str):
    calls = journal()
    del calls[index]
    assert kinds(calls) == [("missing", what)]


@pytest.mark.parametrize(("index", "what"), [(2, "a mail"), (3, "an SMS"), (4, "a push")])
def test_a_doubled_call_is_noticed(index: int, what: str):
    calls = journal()
    assert kinds([*calls, replace(calls[index], sequence=9)]) == [("doubled", what)]


@pytest.mark.parametrize(
    ("index", "call", "what", "part"),
    [
        (2, mail(replace(MAIL, subject="Ваш столик - готов")), "a mail", "subject"),
        (2, mail(replace(MAIL, text="Come to the counter!\n")), "a mail", "text"),
        (2, mail(replace(MAIL, html="<p>Come to the <b>counter</b>.</p>")), "a mail", "html"),
        (2, mail(replace(MAIL, attachments=())), "a mail", "attachments"),
        (
            2,
            mail(replace(MAIL, attachments=(Attachment("Menü.txt", "text/plain", b"Fish\n"),))),
            "a mail",
            "attachments",
        ),
        (2, mail(to="eve@example.com"), "a mail", "to"),
        (2, mail(name="Eve"), "a mail", "name"),
        (2, mail(name=None), "a mail", "name"),
        (3, sms("Dîner à 21 h"), "an SMS", "body"),
        (4, push(notification={"title": "Boarding", "body": "Bay 5"}), "a push", "body"),
        (4, push(data={"crier_id": "d3", "type": "x"}), "a push", "link"),
        (4, push(data={"crier_id": "d3", "link": PUSH.link, "type": "y"}), "a push", "data"),
        (4, push(android={"collapse_key": "k"}), "a push", "collapse_key"),
        (4, push(token="another"), "a push", "to"),
    ],
)
def test_an_altered_call_is_noticed_by_the_part(index: int, call: Entry, what: str, part: str):
    calls = journal()
    calls[index] = replace(call, sequence=index)
    [finding] = reconcile(ASKED, calls, STATES)
    assert (finding.kind, finding.what) == ("altered", what)
    assert finding.detail.startswith(f"{part}: ")


def test_an_sms_to_another_number_is_one_missing_and_one_unasked():
    calls = journal()
    calls[3] = sms(to="+442079460009")
    assert kinds(calls) == [("unasked", "twilio send"), ("missing", "an SMS")]


@pytest.mark.parametrize(
    "call",
    [
        replace(mail(), delivery="unknown"),
        sms(to="+442079469999"),
        Entry("unknown", "unknown", {}, {"status": 404}),
        refusal("smtp", "auth", ""),
    ],
)
def test_a_call_nobody_asked_for_is_noticed(call: Entry):
    assert [kind for kind, _ in kinds([*journal(), call])] == ["unasked"]


def test_a_vendor_that_was_told_to_let_nobody_in_refuses_what_nobody_asked_for():
    told = Entry("smtp", "connect", {}, {"reply": "421 4.3.2", "behaviour": {"error": "421 4.3.2"}})
    assert kinds([*journal(), told]) == []
    assert kinds([*journal(), replace(told, accepted=True)]) == [("unasked", "smtp connect")]


def test_what_was_cancelled_may_not_arrive():
    assert kinds([*journal(), sms(to="+442079460002")]) == [("doubled", "cancelled")]


@pytest.mark.parametrize(("index", "what"), [(1, "a push"), (5, "a bounce")])
def test_a_refusal_too_few_or_too_many_is_noticed(index: int, what: str):
    calls = journal()
    assert kinds([*calls, calls[index]]) == [("refusals", what)]
    del calls[index]
    assert kinds(calls) == [("refusals", what)]


def test_a_call_before_its_time_is_noticed():
    calls = journal()
    calls[3] = sms(at=BEGUN - timedelta(seconds=1))
    assert kinds(calls) == [("early", "an SMS")]


def test_one_of_several_vendors_takes_it_and_no_other():
    either = (replace(ASKED[0], vendors=("sendgrid", "smtp")),)
    assert reconcile(either, [mail()], STATES) == []
    strange = (replace(ASKED[0], vendors=("sendgrid", "ses")),)
    assert [finding.kind for finding in reconcile(strange, [mail()], STATES)] == ["unasked"]


def test_what_is_left_to_chance_may_be_refused_any_number_of_times():
    patient = (replace(ASKED[2], refused=None),)
    for refusals in range(3):
        assert reconcile(patient, [*[refusal("fcm", "send", "token", "d3")] * refusals, push()], STATES) == []


def test_what_is_to_be_sent_twice_is_and_not_once_or_three_times():
    twice = (replace(ASKED[0], times=2),)
    assert [[finding.kind for finding in reconcile(twice, [mail()] * count, STATES)] for count in (1, 2, 3)] == [
        ["missing"], [], ["doubled"]
    ]  # fmt: skip


def test_what_a_vendor_reports_as_delivered_was_sent():
    assert kinds(journal(), STATES | {"d2": "delivered"}) == []
    assert kinds(journal(), STATES | {"d2": "undelivered"}) == [("state", "an SMS")]


def test_what_the_stand_ins_call_and_webhooks_of_events_are_not_compared():
    own = [Entry("callbacks", "twilio", {}, {}), Entry("webhook", "send", {}, {}), Entry("ses", "certificate", {}, {})]
    assert kinds([*journal(), *own]) == []


@pytest.mark.parametrize("broken", ["failed", None])
def test_a_wrong_or_missing_state_is_noticed(broken: str | None):
    states = {delivery: state for delivery, state in STATES.items() if delivery != "d1"}
    assert kinds(journal(), states | ({"d1": broken} if broken else {})) == [("state", "a mail")]


@pytest.mark.parametrize(
    "spoil", [lambda call: replace(call, received={}), lambda call: replace(call, received={"body": "x"})]
)
def test_a_call_that_cannot_be_read_is_noticed(spoil: Callable[[Entry], Entry]):
    for index, what in ((2, "a mail"), (3, "an SMS"), (4, "a push")):
        calls = journal()
        calls[index] = spoil(calls[index])
        assert kinds(calls) == [("altered", what)]


def test_of_two_to_one_number_each_has_its_own():
    twice = (ASKED[1], replace(ASKED[1], what="another SMS", delivery="d6"))
    states = {"d2": "sent", "d6": "sent"}
    assert reconcile(twice, [sms(), sms()], states) == []
    assert [finding.kind for finding in reconcile(twice, [sms()], states)] == ["missing"]
    assert [finding.kind for finding in reconcile(twice, [sms(), sms(), sms()], states)] == ["doubled"]
    assert [finding.kind for finding in reconcile(twice, [sms(), sms("Another")], states)] == ["altered"]
