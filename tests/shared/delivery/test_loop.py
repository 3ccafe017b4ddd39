"""The delivery loop, with providers that behave in every way a provider can."""

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import dramatiq.asyncio
import pytest
from sqlalchemy import text

from shared.delivery.settler import Settler
from shared.delivery.timing import Timing
from shared.errors import Ambiguous, LedgerUnavailable, Rejected, Unavailable
from shared.messages.sms import SmsMessage
from shared.providers.port import Sent
from shared.telemetry.metrics import NOT_ADMITTED

QUEUE = "sms.normal"
TIMING = Timing(call=2, batch=4, time_limit=6, lease=8)


class Vendor:
    """A provider that does what the message says, and remembers the most it did at once."""

    name = "vendor"
    idempotent = False

    def __init__(self, concurrency=100):
        self.concurrency = concurrency
        self.seen: list[str] = []
        self.open = self.most = 0

    async def send(self, message):
        self.seen.append(message.to)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await asyncio.sleep(0.02)
            return await self.behave(message.content.body)
        finally:
            self.open -= 1

    async def behave(self, body):
        match body:
            case "reject":
                raise Rejected("no", code="21211")
            case "later":
                raise Unavailable("busy", retry_after=30)
            case "doubt":
                raise Ambiguous("lost")
            case "bug":
                raise ZeroDivisionError
            case "hang":
                await asyncio.sleep(60)
        return Sent(reference="SM1")

    async def close(self):
        pass


def states(database):
    return Counter(row.state for row in database.rows(text("SELECT state FROM deliveries")))


def held(database):
    rows = database.rows(text("SELECT held_at, due_at FROM deliveries WHERE state = 'unknown'"))
    assert all((row.held_at is None) != (row.due_at is None) for row in rows)
    return [row.held_at is not None for row in rows]


def test_every_kind_of_answer_ends_where_it_should(make_loop, accept, database):
    accept("fine", "reject", "later", "doubt", "bug", "hang")
    loop = make_loop(Vendor())
    assert loop.answer(QUEUE, TIMING) == 6
    assert loop.settler.drain(20)
    rows = database.rows(
        text("""
            SELECT n.content->>'body' AS body, d.state, a.outcome, a.code FROM deliveries d
            JOIN notifications n ON n.id = d.notification_id JOIN attempts a ON a.delivery_id = d.id
        """)
    )
    assert {row.body: (row.state, row.outcome, row.code) for row in rows} == {
        "fine": ("sent", "sent", None),
        "reject": ("failed", "rejected", "21211"),
        "later": ("queued", "waiting", None),
        "doubt": ("unknown", "unknown", None),
        "bug": ("unknown", "unknown", "adapter"),
        "hang": ("unknown", "unknown", "timeout"),
    }


def test_doubt_under_hold_is_held(make_loop, accept, database):
    accept("doubt", "hang", "bug", on_unknown="hold")
    loop = make_loop(Vendor())
    loop.answer(QUEUE, TIMING)
    assert loop.settler.drain(20)
    assert held(database) == [True] * 3


def test_doubt_is_not_held_where_a_repetition_sends_nothing_twice(make_loop, accept, database):
    accept("doubt", "hang", "bug", on_unknown="hold")
    vendor = Vendor()
    vendor.idempotent = True
    loop = make_loop(vendor)
    loop.answer(QUEUE, TIMING)
    assert loop.settler.drain(20)
    assert held(database) == [False] * 3


def test_never_more_is_started_than_the_process_may_call_at_once(make_loop, accept, database):
    accept(*["fine"] * 60)
    vendor = Vendor(concurrency=8)
    loop = make_loop(vendor)
    with ThreadPoolExecutor(6) as pool:
        while sum(pool.map(lambda _: loop.answer(QUEUE, TIMING), range(6))):
            pass
    assert loop.settler.drain(20)
    assert 1 < vendor.most <= 6, "two of the eight are kept for critical lanes"
    assert states(database) == {"sent": 60}


def test_a_full_batch_rings_for_others_and_a_part_does_not(make_loop, accept, ringing):
    accept(*["fine"] * 15)
    loop = make_loop(Vendor(), batch_size=10)
    assert loop.answer(QUEUE, TIMING) == 10
    assert ringing.rung == [QUEUE]
    assert loop.answer(QUEUE, TIMING) == 5
    assert ringing.rung == [QUEUE]
    assert loop.settler.drain(20)


def test_a_batch_that_takes_too_long_to_compose_gives_the_rest_back(make_loop, accept, database, ringing):
    def compose(item, content):
        time.sleep(0.3)  # the work of composing, not a wait for something
        return SmsMessage(item.id, item.target, content)

    accept(*["fine"] * 6)
    loop = make_loop(Vendor(), compose=compose)
    assert loop.answer(QUEUE, Timing(call=2, batch=2.5, time_limit=6, lease=8)) == 6
    assert loop.settler.drain(20)
    rows = database.rows(text("SELECT state, deaths, due_at <= now() AS due FROM deliveries WHERE state <> 'sent'"))
    assert {(row.state, row.deaths, row.due) for row in rows} == {("queued", 0, True)}
    assert 1 <= len(rows) < 6
    assert ringing.rung == [QUEUE]


def test_what_cannot_be_composed_fails_alone(make_loop, accept, database):
    def compose(item, content):
        match content.body:
            case "reject":
                raise Rejected("Too long.", code="too-long")
            case "bug":
                raise ZeroDivisionError
        return SmsMessage(item.id, item.target, content)

    accept("fine", "reject", "bug")
    vendor = Vendor()
    loop = make_loop(vendor, compose=compose)
    loop.answer(QUEUE, TIMING)
    assert loop.settler.drain(20)
    assert len(vendor.seen) == 1
    assert states(database) == {"sent": 1, "failed": 2}
    codes = {row.code for row in database.rows(text("SELECT code FROM attempts WHERE outcome = 'rejected'"))}
    assert codes == {"too-long", "compose"}


def test_what_is_not_admitted_is_settled_without_a_call(make_loop, accept, database):
    refusals = {"wait": Unavailable("over", code="limit", retry_after=600), "reject": Rejected("never", code="limit")}

    def admit(ready):
        bodies = {item.id: message.content.body for item, message in ready}
        return {identifier: refusals[body] for identifier, body in bodies.items() if body in refusals}

    counted = NOT_ADMITTED.labels(QUEUE, "limit")
    before = counted._value.get()
    accept("fine", "wait", "reject", "fine")
    vendor = Vendor()
    loop = make_loop(vendor, admit=admit)
    assert loop.answer(QUEUE, TIMING) == 4
    assert counted._value.get() == before + 2
    assert loop.settler.drain(20)
    assert len(vendor.seen) == 2
    rows = database.rows(
        text("""
            SELECT n.content->>'body' AS body, d.state, d.attempts, d.due_at > now() + interval '9 minutes' AS later,
                   d.lease_until, a.outcome, a.detail
            FROM deliveries d JOIN notifications n ON n.id = d.notification_id JOIN attempts a ON a.delivery_id = d.id
        """)
    )
    assert {row.body: tuple(row)[1:] for row in rows} == {
        "fine": ("sent", 1, None, None, "sent", ""),
        "wait": ("queued", 0, True, None, "waiting", "over"),
        "reject": ("failed", 1, None, None, "rejected", "never"),
    }


def test_what_could_not_be_composed_is_not_asked_to_be_admitted(make_loop, accept):
    asked = []

    def compose(item, content):
        raise Rejected("no")

    def admit(ready):
        asked.append(ready)
        return {}

    accept("fine")
    loop = make_loop(Vendor(), compose=compose, admit=admit)
    loop.answer(QUEUE, TIMING)
    assert loop.settler.drain(20)
    assert asked == []


def test_a_batch_whose_admission_cannot_be_asked_for_is_given_back(make_loop, accept, database):
    def admit(ready):
        raise LedgerUnavailable("gone")

    accept("fine", "fine")
    vendor = Vendor()
    loop = make_loop(vendor, admit=admit)
    with pytest.raises(LedgerUnavailable):
        loop.answer(QUEUE, TIMING)
    assert vendor.seen == []
    rows = database.rows(text("SELECT state, attempts, due_at <= now() AS due FROM deliveries"))
    assert {tuple(row) for row in rows} == {("queued", 0, True)}


class GoneAtTheStart:
    """A ledger that starts what it is asked to, says nothing, and (or not) cannot be reached for a while."""

    def __init__(self, work, refusing):
        self.work = work
        self.refusing = refusing
        self.started = frozenset()

    def __getattr__(self, name):
        return getattr(self.work, name)

    def start(self, starting):
        self.started = self.work.start(starting)
        raise LedgerUnavailable("no answer")

    def release(self, *asked, **options):
        if self.refusing:
            raise LedgerUnavailable("gone")
        self.work.release(*asked, **options)

    def settle(self, settlements):
        if self.refusing:
            self.refusing -= 1
            raise LedgerUnavailable("gone")
        return self.work.settle(settlements)


@pytest.mark.parametrize("refusing", [0, 2])
def test_what_was_started_without_this_process_knowing_is_given_back_later_and_not_in_doubt(
    make_loop, accept, database, refusing
):
    accept("fine", "fine")
    vendor = Vendor()
    loop = make_loop(vendor)
    gone = GoneAtTheStart(loop.work, refusing)
    loop = replace(loop, work=gone, settler=Settler(gone))
    with pytest.raises(LedgerUnavailable):
        loop.answer(QUEUE, TIMING)
    assert len(gone.started) == 2, "the ledger has them as started"
    assert loop.settler.drain(20)
    assert vendor.seen == []
    rows = database.rows(
        text("""
        SELECT d.state, d.attempts, d.deaths, d.doubt, due_at <= now() AS due, a.outcome
        FROM deliveries d JOIN attempts a ON a.delivery_id = d.id
    """)
    )
    assert [tuple(row) for row in rows] == [("queued", 0, 0, False, True, "waiting")] * 2


def test_without_an_event_loop_nothing_is_started(make_loop, accept, database):
    accept("fine")
    loop = make_loop(Vendor())
    thread = dramatiq.asyncio.get_event_loop_thread()
    dramatiq.asyncio.set_event_loop_thread(None)
    try:
        with pytest.raises(RuntimeError, match="AsyncIO"):
            loop.answer(QUEUE, TIMING)
    finally:
        dramatiq.asyncio.set_event_loop_thread(thread)
    assert states(database) == {"queued": 1}


def test_what_a_message_is_made_of_cannot_be_read_and_nothing_is_held_against_it(make_loop, accept, database):
    def compose(item, content):
        if content.body == "second":
            raise LedgerUnavailable("away")
        return SmsMessage(item.id, item.target, content)

    accept("first", "second", "third")
    loop = make_loop(Vendor(), compose=compose)
    with pytest.raises(LedgerUnavailable):
        loop.answer(QUEUE, TIMING)
    rows = database.rows(text("SELECT state, attempts, due_at <= now() AS due FROM deliveries"))
    assert [(row.state, row.attempts, row.due) for row in rows] == [("queued", 0, True)] * 3
