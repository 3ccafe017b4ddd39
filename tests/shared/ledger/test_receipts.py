"""What providers report is kept once, moves deliveries whatever order it comes in, and holds up nothing else."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text

from shared.crypto import Sealed
from shared.ledger.actions import Actions
from shared.ledger.ids import derived_id, new_id
from shared.ledger.receipts import Receipts
from shared.ledger.states import State
from shared.ledger.suppressions import Suppressions
from shared.ledger.work import Settlement, Starting
from shared.receipts.port import Event
from tests.postman import Postman, PostmanSettings

SOURCES = {"postman": Postman(PostmanSettings("sesame"))}
NUMBER = "+447700900123"
LEASE = 30.0
END_LEASES = text("UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
AGE = text("""
    UPDATE receipts SET received_at = received_at - make_interval(hours => :hours), due_at = now()
    WHERE due_at IS NOT NULL
""")
numbers = itertools.count()


@pytest.fixture
def receipts(database):
    return Receipts(database)


@pytest.fixture
def report(receipts):
    """`report("delivered", of=id)`: an event of its own comes in and is looked at; what came of it."""

    def report(kind, *, of=None, **says):
        said = {"kind": kind, "delivery_id": str(of) if of else None, **says}
        receipts.store("postman", [Event(f"e{next(numbers)}", said)])
        return next(iter(receipts.process(SOURCES, 1)), None)

    return report


@pytest.fixture
def delivery(database):
    def row(identifier):
        return database.rows(text("SELECT * FROM deliveries WHERE id = :id"), {"id": identifier})[0]

    return row


@pytest.fixture
def accept(acceptance, project_id, drafts):
    def accept(**changes):
        [draft] = drafts(1, **changes)
        acceptance.accept(project_id, [draft])
        return derived_id(draft.id, 0)

    return accept


@pytest.fixture
def sent(accept, work):
    """`sent("sent", …)`: a delivery that was called for and settled so; its id."""

    def sent(state=State.SENT, *, reference="SM1", held=False, delay=0.0, **changes):
        identifier = accept(**changes)
        call(work, identifier, state, reference=reference, held=held, delay=delay, queue=queue_of(changes))
        return identifier

    return sent


def queue_of(changes):
    return f"{changes.get('channel', 'sms')}.{changes.get('lane', 'normal')}"


def call(work, identifier, state, *, reference=None, held=False, delay=0.0, queue="sms.normal", outcome=None):
    [item] = [one for one in work.claim(queue, 10, LEASE) if one.id == identifier]
    assert work.start([Starting(item, "postman")]) == {identifier}
    if state is State.STARTED:
        return
    word = outcome or ("unknown" if state is State.UNKNOWN else str(state))
    settlement = Settlement(
        identifier, item.fence, state, word, "postman", reference=reference, held=held, delay=delay
    )  # fmt: skip
    work.settle([settlement])


def stored(database):
    return database.rows(text("SELECT * FROM receipts ORDER BY id"))


def test_an_event_is_kept_once(database, receipts):
    events = [Event("e1", {"kind": "weather"}), Event("e1", {"kind": "weather"}), Event("e2", {"kind": "weather"})]
    assert receipts.store("postman", events) == 2
    assert receipts.store("postman", events) == 0
    assert receipts.store("other", events) == 2
    assert receipts.store("postman", []) == 0


def test_what_postgresql_cannot_store_is_left_out(database, receipts):
    body = {"a\0b": ["x\0y", {"z": "\ud800"}], "n": 2**70, "t": True}
    assert receipts.store("postman", [Event("e\0" + "x" * 5000, body)]) == 1
    assert receipts.store("postman", [Event("e\0" + "x" * 5000, body)]) == 0
    assert stored(database)[0].body == {"ab": ["xy", {"z": "?"}], "n": str(2**70), "t": True}


def test_only_configured_providers_are_processed(receipts):
    receipts.store("other", [Event("e", {"kind": "weather"})])
    assert not receipts.process(SOURCES)
    assert receipts.waiting().keys() == {"other"}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("accepted", "sent"),
        ("delayed", "sent"),
        ("delivered", "delivered"),
        ("complained", "delivered"),
        ("undelivered", "undelivered"),
        ("bounced_for_now", "undelivered"),
        ("opened", "sent"),
        ("clicked", "sent"),
    ],
)
def test_what_was_sent_moves_as_is_reported(database, report, sent, delivery, kind, state):
    identifier = sent()
    done = report(kind, of=identifier, code="30005", detail="Unknown\nhandset", at="2026-01-01T00:00:00+00:00")
    assert (done.kind, done.outcome) == (kind, "applied")
    assert delivery(identifier).state == state
    [row] = stored(database)
    assert (row.outcome, row.kind, row.delivery_id, row.target, row.code, row.detail, row.due_at) == (
        "applied", kind, identifier, NUMBER, "30005", "Unknown handset", None,
    )  # fmt: skip
    assert row.occurred_at == datetime(2026, 1, 1, tzinfo=UTC)
    if state == "undelivered":
        assert delivery(identifier).reason == "Unknown handset"


def test_it_is_found_by_the_providers_own_id(report, sent, delivery):
    first, second = sent(reference="SM1"), sent(reference="SM2")
    assert report("delivered", reference="SM2").outcome == "applied"
    assert (delivery(first).state, delivery(second).state) == ("sent", "delivered")


def test_what_means_nothing_to_us_is_ignored(database, report):
    assert report("weather").outcome == "ignored"
    assert stored(database)[0].due_at is None


@pytest.mark.parametrize("says", [{"of": UUID(int=7)}, {"reference": "SM0"}])
def test_one_for_an_id_we_never_sent_is_waited_for_and_then_left(database, report, receipts, says):
    assert report("delivered", **says).outcome == "postponed"
    assert not receipts.process(SOURCES), "it is looked at again in a second"
    pauses = []
    for _ in range(4):
        [row] = database.rows(text("UPDATE receipts SET due_at = now() RETURNING due_at"))
        assert receipts.process(SOURCES)[0].outcome == "postponed"
        pauses.append((stored(database)[0].due_at - row.due_at).total_seconds())
    assert [round(pause) for pause in pauses] == [2, 4, 8, 16]
    database.execute(AGE, {"hours": 2})
    assert receipts.process(SOURCES)[0].outcome == "unmatched"
    assert [(row.outcome, row.kind, row.due_at) for row in stored(database)] == [("unmatched", "delivered", None)]


def test_one_before_our_own_commit_is_applied_after_it(database, report, receipts, accept, work, delivery):
    identifier = accept()
    assert report("delivered", of=identifier).outcome == "postponed", "it has not been sent"
    call(work, identifier, State.SENT)
    database.execute(text("UPDATE receipts SET due_at = now()"))
    assert receipts.process(SOURCES)[0].outcome == "applied"
    assert delivery(identifier).state == "delivered"


def test_a_call_in_flight_is_waited_for(database, report, receipts, accept, work, delivery):
    identifier = accept()
    [item] = work.claim("sms.normal", 1, LEASE)
    work.start([Starting(item, "postman")])
    for _ in range(3):
        done = receipts.process(SOURCES)[0] if stored(database) else report("delivered", of=identifier)
        assert done.outcome == "postponed"
        assert stored(database)[0].tries == 0
        database.execute(text("UPDATE receipts SET due_at = now()"))
    work.settle([Settlement(identifier, item.fence, State.SENT, "sent", "postman")])
    assert receipts.process(SOURCES)[0].outcome == "applied"
    assert delivery(identifier).state == "delivered"


def test_a_bug_holds_up_nobody_and_is_tried_again(database, report, receipts, sent, delivery):
    identifier = sent()
    assert report("riddle").outcome == "postponed"
    assert report("delivered", of=identifier).outcome == "applied"
    assert not receipts.process(SOURCES)
    database.execute(AGE, {"hours": 24})
    assert receipts.process(SOURCES)[0].outcome == "postponed", "a repair may come"
    database.execute(AGE, {"hours": 72})
    assert receipts.process(SOURCES)[0].outcome == "failed"
    assert not receipts.process(SOURCES)


def test_and_takes_no_neighbour_along(receipts, sent, delivery):
    identifier = sent()
    said = [
        ("r", {"kind": "riddle"}),
        ("d", {"kind": "delivered", "delivery_id": str(identifier)}),
        ("w", {"kind": "weather"}),
    ]
    receipts.store("postman", [Event(*one) for one in said])
    assert [done.outcome for done in receipts.process(SOURCES)] == ["postponed", "applied", "ignored"]
    assert delivery(identifier).state == "delivered"


def test_nobody_is_waited_for_who_is_at_a_delivery(database, receipts, sent, delivery):
    identifier = sent()
    receipts.store("postman", [Event("e", {"kind": "delivered", "delivery_id": str(identifier)})])
    with database.transaction() as connection:
        connection.execute(text("SELECT FROM deliveries FOR UPDATE"))
        assert [done.outcome for done in receipts.process(SOURCES)] == ["postponed"]
    database.execute(text("UPDATE receipts SET due_at = now()"))
    assert [done.outcome for done in receipts.process(SOURCES)] == ["applied"]
    assert delivery(identifier).state == "delivered"


def test_a_delivery_of_a_channel_the_provider_does_not_serve_is_not_its(report, sent, delivery, receipts):
    class Mailman(Postman):
        channels = ("email",)

    identifier = sent()
    receipts.store("postman", [Event("e", {"kind": "delivered", "delivery_id": str(identifier)})])
    assert receipts.process({"postman": Mailman(PostmanSettings("x"))})[0].outcome == "postponed"
    assert delivery(identifier).state == "sent"


@pytest.mark.parametrize(("kind", "state"), [("accepted", "sent"), ("delivered", "delivered"), ("undelivered",) * 2])
@pytest.mark.parametrize("held", [True, False])
def test_doubt_is_settled(database, report, sent, delivery, work, kind, state, held):
    identifier = sent(State.UNKNOWN, held=held, delay=60.0)
    report(kind, of=identifier)
    row = delivery(identifier)
    assert (row.state, row.doubt, row.held_at, row.due_at, row.lease_until) == (state, False, None, None, None)


def test_a_delivery_cancels_what_a_worker_is_about_to_send_again(report, sent, delivery, work):
    identifier = sent(State.UNKNOWN)
    [item] = work.claim("sms.normal", 1, LEASE)
    assert item.doubt
    report("delivered", of=identifier)
    assert work.start([Starting(item, "postman")]) == frozenset()
    assert (delivery(identifier).state, delivery(identifier).lease_until) == ("delivered", None)


def test_an_answer_that_was_lost_is_matched_with_the_call_of_no_reference(database, report, sent, work):
    identifier = sent(State.UNKNOWN, reference=None)
    call(work, identifier, State.SENT, reference="SM2")
    report("undelivered", of=identifier, reference="SM1")
    rows = database.rows(text("SELECT reference, receipt FROM attempts ORDER BY fence"))
    assert [tuple(row) for row in rows] == [("SM1", "undelivered"), ("SM2", None)]


def test_a_bounce_of_an_earlier_attempt_says_nothing_of_the_latest(report, sent, work, delivery):
    identifier = sent(State.UNKNOWN, reference="SM1")
    call(work, identifier, State.SENT, reference="SM2")
    report("undelivered", of=identifier, reference="SM1")
    assert delivery(identifier).state == "sent"
    report("undelivered", of=identifier, reference="SM2")
    assert delivery(identifier).state == "undelivered"


def test_what_waits_for_another_try_goes_on_waiting_unless_it_arrived(report, sent, delivery):
    identifier = sent(State.QUEUED, delay=60.0)
    report("accepted", of=identifier)
    assert (delivery(identifier).state, delivery(identifier).due_at is None) == ("queued", False)
    report("delivered", of=identifier)
    assert (delivery(identifier).state, delivery(identifier).due_at) == ("delivered", None)


def test_an_ended_failure_that_arrived_after_all_is_no_dead_letter(database, report, sent, work, delivery):
    identifier = sent(State.UNKNOWN, reference="SM1")
    call(work, identifier, State.FAILED, outcome="rejected")
    assert len(database.rows(text("SELECT FROM dead_letters"))) == 1
    report("delivered", reference="SM1")
    assert delivery(identifier).state == "delivered"
    assert database.rows(text("SELECT FROM dead_letters")) == []


def test_a_code_is_wiped_when_a_receipt_ends_the_doubt(database, report, sent):
    identifier = sent(State.UNKNOWN, held=True, secret=Sealed("k", b"x"))
    assert len(database.rows(text("SELECT FROM sealed"))) == 1
    report("accepted", of=identifier)
    assert database.rows(text("SELECT FROM sealed")) == []


def test_the_next_in_line_has_its_turn_when_the_doubt_ends(accept, work, report, delivery):
    first, second = accept(ordering_key="k"), accept(ordering_key="k")
    call(work, first, State.UNKNOWN, held=True)
    assert delivery(second).state == "scheduled"
    assert report("delivered", of=first).queues == ["sms.normal"]
    assert delivery(second).state == "queued"


def test_what_may_arrive_later_is_tried_once_more(database, report, sent, work, delivery):
    identifier = sent()
    report("undelivered", of=identifier, retry_after=1800.0, code="30003")
    row = delivery(identifier)
    assert row.state == "queued"
    assert timedelta(minutes=29) < row.due_at - row.settled_at < timedelta(minutes=31)
    report("undelivered", of=identifier, retry_after=1800.0)
    assert delivery(identifier).due_at == row.due_at, "the same again changes nothing"
    database.execute(text("UPDATE deliveries SET due_at = now()"))
    call(work, identifier, State.SENT, reference="SM2")
    report("undelivered", reference="SM2", retry_after=1800.0)
    assert delivery(identifier).state == "undelivered"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "code"},
        {"expires_at": timedelta(minutes=10)},
        {"ordering_key": "k"},
        {"secret": Sealed("k", b"x")},
    ],
    ids=["a code", "expires before", "ordered", "wiped"],
)
def test_and_what_may_not_is_not(report, sent, delivery, changes):
    if "expires_at" in changes:
        changes = {"expires_at": datetime.now(UTC) + changes["expires_at"]}
    identifier = sent(**changes)
    report("undelivered", of=identifier, retry_after=1800.0)
    assert delivery(identifier).state == "undelivered"


def test_nor_what_has_used_up_its_attempts(database, sent, delivery):
    identifier = sent()
    receipts = Receipts(database, retries=0)
    said = {"kind": "undelivered", "delivery_id": str(identifier), "retry_after": 60.0}
    receipts.store("postman", [Event("e", said)])
    receipts.process(SOURCES)
    assert delivery(identifier).state == "undelivered"


def test_somebody_waiting_for_a_closed_upload_finds_its_stream_open_again(database, report, sent, delivery, work):
    identifier = sent()
    database.execute(text("DELETE FROM streams"))
    report("undelivered", of=identifier, retry_after=0.0)
    assert [item.id for item in work.claim("sms.normal", 1, LEASE)] == [identifier]


def test_a_copy_of_a_mail_says_nothing_of_the_mail(report, sent, delivery, database, project_id):
    mail = {
        "channel": "email", "recipient": {"email": "ada@example.com"}, "targets": ("ada@example.com",),
        "content": {"subject": "x", "text": "y", "cc": ["Cc@Example.com"]},
    }  # fmt: skip
    identifier = sent(**mail)
    report("undelivered", of=identifier, target="cc@example.com", suppress="bounce")
    assert delivery(identifier).state == "sent"
    assert stored(database)[0].target == "cc@example.com"
    assert [one.target for one in Suppressions(database).page(project_id).items] == ["cc@example.com"]
    report("undelivered", of=identifier, target="ADA@example.com")
    assert delivery(identifier).state == "undelivered"


def test_a_webhook_is_told(database, report, sent, project_id):
    database.execute(
        text(
            "INSERT INTO endpoints (id, project_id, url, events, key_id, ciphertext) "
            "VALUES (:id, :project_id, 'https://x.example', '{*}', 'k', 'x')"
        ),
        {"id": new_id(), "project_id": project_id},
    )
    identifier = sent()
    report("complained", of=identifier)
    types = [row.type for row in database.rows(text("SELECT type FROM events ORDER BY id"))]
    assert types == ["notification.sent", "notification.delivered", "recipient.complained"]


EXAMPLES = 60
# The ledger as it is when reports come in: the state, and the outcome of each attempt.
SITUATIONS = (
    (State.SENT, ("sent",)),
    (State.SENT, ("unknown", "sent")),
    (State.SENT, ("unavailable", "sent")),
    (State.DELIVERED, ("delivered",)),
    (State.UNKNOWN, ("unknown",)),
    (State.UNKNOWN, ("unknown", "unknown")),
    (State.UNKNOWN, ("unknown", "unavailable")),
    (State.FAILED, ("unknown", "rejected")),
)
REPORT = st.tuples(
    st.sampled_from(["accepted", "delayed", "delivered", "undelivered", "bounced_for_now", "complained", "opened"]),
    st.integers(0, 1),
    st.integers(0, 3),
)


def test_late_repeated_and_shuffled_receipts_end_in_the_same_state(database, receipts, accept):
    identifier = accept()

    def begin(state, outcomes):
        database.execute(text("DELETE FROM attempts"))
        database.execute(text("DELETE FROM suppressions"))
        database.execute(text("DELETE FROM receipts"))
        for fence, outcome in enumerate(outcomes, start=1):
            database.execute(
                text(
                    "INSERT INTO attempts (delivery_id, fence, provider, outcome, reference) "
                    "VALUES (:id, :fence, 'postman', :outcome, :reference)"
                ),
                {"id": identifier, "fence": fence, "outcome": outcome, "reference": f"SM{fence - 1}"},
            )
        database.execute(
            text(
                "UPDATE deliveries SET state = :state, doubt = :doubt, lease_until = NULL, held_at = NULL, "
                "due_at = CASE WHEN :doubt THEN now() END, fence = :fence, provider = 'postman' WHERE id = :id"
            ),
            {"state": state, "doubt": state is State.UNKNOWN, "fence": len(outcomes), "id": identifier},
        )

    def end(situation, events):
        begin(*situation)
        receipts.store("postman", events)
        while receipts.process(SOURCES):
            pass
        row = database.rows(
            text("SELECT state, doubt, lease_until FROM deliveries WHERE id = :id"), {"id": identifier}
        )[0]
        attempts = database.rows(text("SELECT fence, receipt, receipt_at FROM attempts ORDER BY fence"))
        reasons = database.rows(text("SELECT reason FROM suppressions ORDER BY reason"))
        return tuple(row), [tuple(one) for one in attempts], [one.reason for one in reasons]

    @given(
        data=st.data(),
        situation=st.sampled_from(SITUATIONS),
        said=st.lists(REPORT, min_size=1, max_size=4),
        retry_after=st.sampled_from([None, 60.0]),
    )
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def converges(data, situation, said, retry_after):
        # A provider reports of what it took.
        taken = [number for number, outcome in enumerate(situation[1]) if outcome not in ("unavailable", "rejected")]
        events = [
            {
                "kind": kind, "delivery_id": str(identifier), "reference": f"SM{taken[which % len(taken)]}",
                "at": f"2026-01-01T00:00:0{second}+00:00",
                **({"retry_after": retry_after} if retry_after and kind in ("undelivered", "bounced_for_now") else {}),
            }
            for kind, which, second in said
        ]  # fmt: skip
        inorder = end(situation, [Event(f"e{n}", body) for n, body in enumerate(events)])
        shuffled = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3))))
        assert end(situation, [Event(f"e{n}", body) for n, body in enumerate(shuffled)]) == inorder

    converges()


def test_several_relays_process_each_receipt_once(database, receipts, sent):
    from concurrent.futures import ThreadPoolExecutor

    identifiers = [sent(reference=f"SM{number}") for number in range(20)]
    receipts.store("postman", [Event(f"e{one}", {"kind": "delivered", "delivery_id": str(one)}) for one in identifiers])

    def work_off(_):
        count = 0
        while done := receipts.process(SOURCES, 3):
            count += len(done)
        return count

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work_off, range(4))) == 20
    states = database.rows(text("SELECT DISTINCT state FROM deliveries"))
    assert [row.state for row in states] == ["delivered"]


def test_a_person_may_still_send_again_what_bounced(database, report, sent, project_id, delivery):
    identifier = sent()
    report("undelivered", of=identifier)
    Actions(database).retry(project_id, delivery(identifier).notification_id, "ada")
    assert delivery(identifier).state == "queued"
    report("accepted", of=identifier)
    report("undelivered", of=identifier)
    assert delivery(identifier).state == "queued"
