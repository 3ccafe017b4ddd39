"""Whom not to write to: learnt from what providers report, kept for the strongest reason, asked before every call."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.ledger.devices import Devices
from shared.ledger.effects import BOUNCES
from shared.ledger.ids import derived_id, new_id
from shared.ledger.keys import Keys
from shared.ledger.receipts import Receipts
from shared.ledger.states import State
from shared.ledger.suppressions import REASONS, Suppressions
from shared.ledger.work import Settlement, Starting
from shared.receipts.port import Event
from tests.postman import Postman, PostmanSettings

SOURCES = {"postman": Postman(PostmanSettings("sesame"))}
NUMBER, ADA = "+447700900123", "Ada@example.com"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MAIL = {
    "channel": "email", "recipient": {"email": ADA}, "targets": (ADA,), "content": {"subject": "x", "text": "y"},
}  # fmt: skip
numbers = itertools.count()


@pytest.fixture
def suppressions(database):
    return Suppressions(database)


@pytest.fixture
def known(suppressions, project_id):
    """What is known in a project, as (channel, target, scope, reason)."""

    def known(project=project_id):
        return [(one.channel, one.target, one.scope, one.reason) for one in suppressions.page(project).items]

    return known


@pytest.fixture
def report(database):
    def report(kind, *, of=None, **says):
        receipts = Receipts(database)
        said = {"kind": kind, "delivery_id": str(of) if of else None, **says}
        receipts.store("postman", [Event(f"e{next(numbers)}", said)])
        return next(iter(receipts.process(SOURCES, 1)), None)

    return report


@pytest.fixture
def sent(acceptance, work, drafts, project_id):
    def sent(project=project_id, **changes):
        [draft] = drafts(1, **changes)
        acceptance.accept(project, [draft])
        queue = f"{draft.channel}.{draft.lane}"
        [item] = work.claim(queue, 10, 30.0)
        assert work.start([Starting(item, "postman")])
        work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "postman")])
        return derived_id(draft.id, 0)

    return sent


@pytest.mark.parametrize(
    ("kind", "suppress", "scope", "reason"),
    [
        ("undelivered", "bounce", "everything", "bounce"),
        ("undelivered", "invalid", "everything", "invalid"),
        ("complained", None, "everything", "complaint"),
        ("unsubscribed", None, "promotions", "opt-out"),
        ("undelivered", None, None, None),
        ("opened", None, None, None),
    ],
)
def test_what_is_reported_of_a_mail_suppresses_its_address(report, sent, known, kind, suppress, scope, reason):
    report(kind, of=sent(**MAIL), **({"suppress": suppress} if suppress else {}))
    assert known() == ([("email", ADA.lower(), scope, reason)] if reason else [])


def test_the_target_is_the_deliverys_and_not_what_somebody_says(report, sent, known):
    report("undelivered", of=sent(**MAIL), target="someone@else.example", suppress="bounce")
    assert known() == [("email", ADA.lower(), "everything", "bounce")]


def test_the_gate_asks(report, sent, acceptance, drafts, work, project_id, database):
    report("complained", of=sent(**MAIL))
    [draft] = drafts(1, **MAIL)
    acceptance.accept(project_id, [draft])
    items = work.claim("email.normal", 10, 30.0)
    assert not items or work.start([Starting(items[0], "postman")]) == frozenset()
    states = database.rows(text("SELECT state FROM deliveries ORDER BY id"))
    assert states[-1].state == "suppressed"


def test_a_mailbox_that_keeps_bouncing_for_now_is_suppressed_by_the_fifth_mail(report, sent, known):
    first = sent(**MAIL)
    for _ in range(BOUNCES):
        report("bounced_for_now", of=first)
    assert known() == [], "one mail, reported often"
    for _ in range(BOUNCES - 1):
        assert known() == []
        report("bounced_for_now", of=sent(**MAIL))
    assert known() == [("email", ADA.lower(), "everything", "bounce")]


def test_but_not_when_it_was_long_ago(database, report, sent, known):
    for _ in range(BOUNCES - 1):
        report("bounced_for_now", of=sent(**MAIL))
    database.execute(text("UPDATE receipts SET occurred_at = now() - interval '31 days'"))
    report("bounced_for_now", of=sent(**MAIL))
    assert known() == []


def test_stop_holds_for_every_project_that_wrote_to_the_number_and_start_takes_it_back(
    database, report, sent, known, project_id
):
    other, stranger = Keys(database).project("other"), Keys(database).project("stranger")
    sent(), sent(other), sent(project=stranger, targets=("+447700900999",))
    assert report("unsubscribed", target=NUMBER, channel="sms").outcome == "applied"
    stopped = [("sms", NUMBER, "everything", "opt-out")]
    assert (known(), known(other), known(stranger)) == (stopped, stopped, [])
    report("unsubscribed", target=NUMBER, channel="whatsapp")
    assert known() == stopped, "nobody wrote to it there"
    report("resubscribed", target=NUMBER, channel="sms")
    assert (known(), known(other)) == ([], [])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_last_word_counts_in_whatever_order_it_comes(report, sent, known, order):
    sent()
    words = [
        (kind, (NOON + timedelta(minutes=minute)).isoformat())
        for minute, kind in enumerate(("unsubscribed", "resubscribed", "unsubscribed"))
    ]
    for number in order:
        kind, at = words[number]
        report(kind, target=NUMBER, channel="sms", at=at)
    assert known() == [("sms", NUMBER, "everything", "opt-out")]
    report("resubscribed", target=NUMBER, channel="sms", at=(NOON + timedelta(minutes=9)).isoformat())
    report("unsubscribed", target=NUMBER, channel="sms", at=(NOON + timedelta(minutes=5)).isoformat())
    assert known() == []


def test_who_says_nothing_we_know_of_is_nobody(report):
    assert report("delivered").outcome == "unmatched"
    assert report("unsubscribed", channel="sms").outcome == "unmatched"
    assert report("unsubscribed", target=NUMBER, channel="pigeon").outcome == "unmatched"


@pytest.mark.parametrize("reasons", list(itertools.permutations(("opt-out", "invalid", "complaint"))))
def test_the_strongest_reason_is_kept(suppressions, known, project_id, reasons):
    for reason in reasons:
        suppressions.add(project_id, "sms", NUMBER, scope="everything", reason=reason, source="test")
    assert known() == [("sms", NUMBER, "everything", "complaint")]
    assert suppressions.resubscribe(project_id, "sms", NUMBER) == 0, "a wish is not all that is known"


def test_reasons_are_ranked_alike_in_the_statement():
    from shared.ledger import suppressions

    assert str(list(REASONS)) in suppressions._STRENGTH


def test_a_dead_device_is_dropped_unless_it_was_registered_since(database, report, sent, project_id, known):
    devices = Devices(database)
    push = {"channel": "push", "recipient": {"user_id": "u"}, "content": {"title": "x", "body": "y"}}
    for token in ("Old", "New"):
        devices.register(project_id, "u", token, "ios")
    old, new = sent(targets=("Old",), **push), sent(targets=("New",), **push)
    devices.register(project_id, "u", "New", "ios")
    for identifier in (old, new):
        report("undelivered", of=identifier, suppress="invalid")
    assert [device.token for device in devices.of(project_id, "u")] == ["New"]
    assert known() == []


def test_webhooks_are_told_once(database, suppressions, project_id):
    insert = text(
        "INSERT INTO endpoints (id, project_id, url, events, key_id, ciphertext) "
        "VALUES (:id, :project_id, 'https://x.example', '{*}', 'k', 'x')"
    )
    database.execute(insert, {"id": new_id(), "project_id": project_id})
    for _ in range(2):
        suppressions.add(project_id, "email", ADA, scope="promotions", reason="opt-out", source="link")
    suppressions.add(project_id, "email", ADA, scope="everything", reason="manual", source="key x")
    events = database.rows(text("SELECT type, detail FROM events"))
    assert [tuple(event) for event in events] == [
        ("recipient.unsubscribed", {"channel": "email", "target": ADA.lower(), "scope": "promotions"})
    ]
