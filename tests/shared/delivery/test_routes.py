"""Several providers behind one channel: failover, patience, rates, and calls that nothing can hold up."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from shared.delivery.timing import Timing
from shared.errors import Rejected, Unavailable
from shared.providers.permission import PROBE_MOST, PROBE_SECONDS, THRESHOLD, Breaker, Rate
from shared.providers.permission_local import LocalPermission
from shared.providers.port import Sent
from shared.telemetry.metrics import ALERTS

QUEUE = "sms.normal"
TIMING = Timing(call=2, batch=4, time_limit=6, lease=8)


class Vendor:
    """A provider that answers as it is told, and remembers whom it was asked to write to."""

    concurrency = 100

    def __init__(self, name, answer=None):
        self.name = name
        self.answer = answer
        self.seen = []

    async def send(self, message):
        self.seen.append(message.to)
        await asyncio.sleep(0)
        if self.answer:
            raise self.answer
        return Sent(reference=f"{self.name}-1")

    async def close(self):
        pass


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deliver(database):
    """Answer bells until nothing is due; what waits shorter than `skip` seconds is due at once."""

    def deliver(loop, *, skip=0.0, times=50):
        idle = 0
        for _ in range(times):
            idle = 0 if loop.answer(QUEUE, TIMING) else idle + 1
            assert loop.settler.drain(20)
            database.execute(
                text(
                    "UPDATE deliveries SET due_at = now() WHERE due_at BETWEEN now() AND now() + :skip * interval '1 s'"
                ),
                {"skip": skip},
            )
            if idle == 2:
                return

    return deliver


def rows(database):
    return database.rows(
        text("SELECT state, attempts, provider, reason, due_at > now() AS later FROM deliveries ORDER BY id")
    )


def outcomes(database):
    found = database.rows(text("SELECT provider, outcome, code FROM attempts ORDER BY delivery_id, fence"))
    return [(row.provider, row.outcome, row.code) for row in found]


def test_a_message_its_provider_cannot_take_goes_to_the_next_at_once(make_loop, accept, database, deliver):
    accept("one", "two")
    first, second = Vendor("first", Unavailable("503")), Vendor("second")
    deliver(make_loop(first, second), skip=1.0)
    assert (len(first.seen), len(second.seen)) == (2, 2)
    assert {(row.state, row.provider) for row in rows(database)} == {("sent", "second")}
    assert outcomes(database) == [("first", "unavailable", None), ("second", "sent", None)] * 2


def test_an_outage_is_found_out_the_next_takes_over_and_gives_back(make_loop, accept, deliver, clock):
    first, second = Vendor("first", Unavailable("503")), Vendor("second")
    loop = make_loop(first, second, batch_size=5, permission=LocalPermission(clock))
    accept(*["x"] * 40)
    deliver(loop, skip=1.0)
    assert THRESHOLD <= len(first.seen) <= THRESHOLD + 5
    assert len(set(second.seen)) == 40
    before = len(first.seen)
    clock.now += PROBE_SECONDS
    accept(*["y"] * 10)
    deliver(loop, skip=1.0)
    assert len(first.seen) == before + 1, "a probe, and it fails"
    first.answer = None
    clock.now += PROBE_SECONDS
    second.seen.clear()
    accept(*["z"] * 30)
    deliver(loop, skip=1.0)
    assert len(second.seen) < 10 and len(first.seen) > before + 20


def test_nothing_is_claimed_while_the_only_provider_is_down_and_no_attempt_is_lost(
    make_loop, accept, database, deliver, clock, ringing
):
    vendor = Vendor("only", Unavailable("503"))
    loop = make_loop(vendor, permission=LocalPermission(clock))
    accept(*["x"] * THRESHOLD)
    deliver(loop)
    accept(*["y"] * 20)
    ringing.rung.clear()
    assert loop.answer(QUEUE, TIMING) == 0
    assert ringing.rung == [], "the relay rings, once a second"
    for _ in range(30):
        clock.now += 120
        deliver(loop, skip=300.0, times=2)
    found = rows(database)
    assert {row.state for row in found} == {"queued"}
    assert max(row.attempts for row in found) <= 1
    assert len(vendor.seen) <= THRESHOLD + 30
    vendor.answer = None
    clock.now += PROBE_MOST
    for _ in range(3):
        deliver(loop, skip=300.0)
    assert {row.state for row in rows(database)} == {"sent"}


def test_one_message_alone_survives_an_outage_too(make_loop, accept, database, clock):
    vendor = Vendor("only", Unavailable("503"))
    loop = make_loop(vendor, permission=LocalPermission(clock))
    accept("x")
    for _ in range(30):
        loop.answer(QUEUE, TIMING)
        assert loop.settler.drain(20)
        waits = database.rows(text("SELECT extract(epoch FROM due_at - now())::float AS seconds FROM deliveries"))
        assert waits[0].seconds is not None, "it is given up"
        clock.now += max(1.0, waits[0].seconds)
        database.execute(text("UPDATE deliveries SET due_at = now()"))
    (row,) = rows(database)
    assert (row.state, row.attempts) == ("queued", 2)


def test_who_asks_for_patience_is_not_called_before_and_others_are(make_loop, accept, database, deliver, clock):
    first, second = Vendor("first", Unavailable("429", code="429", retry_after=30)), Vendor("second")
    loop = make_loop(first, second, permission=LocalPermission(clock), batch_size=1)
    accept(*["x"] * 5)
    deliver(loop, skip=1.0)
    assert (len(first.seen), len(second.seen)) == (1, 5)
    alone = make_loop(first, permission=loop.channel.route.standings.permission)
    accept("y")
    assert alone.answer(QUEUE, TIMING) == 0
    assert len(first.seen) == 1
    clock.now += 31
    first.answer = None
    deliver(alone, skip=1.0)
    assert len(first.seen) == 2
    assert max(row.attempts for row in rows(database)) == 1


def test_a_rate_is_kept(make_loop, accept, database, deliver, clock):
    vendor = Vendor("only")
    loop = make_loop(vendor, permission=LocalPermission(clock), rates={"only": Rate(4, 4)})
    accept(*["x"] * 10)
    for expected in (4, 8, 10):
        deliver(loop)
        assert len(vendor.seen) == expected
        clock.now += 1
    assert {row.attempts for row in rows(database)} == {1}


def test_weights_share_a_campaign(make_loop, accept, deliver):
    first, second = Vendor("first"), Vendor("second")
    loop = make_loop(first, second, weights={"first": 3, "second": 1})
    accept(*["x"] * 200)
    deliver(loop)
    assert len(first.seen) + len(second.seen) == 200
    assert 20 <= len(second.seen) <= 90


def test_a_call_is_not_begun_when_its_provider_has_failed_since_permission(make_loop, accept, database, clock):
    vendor = Vendor("only", Unavailable("503"))
    loop = make_loop(vendor, permission=LocalPermission(clock))
    accept("x")
    compose = loop.channel.compose

    def fail_meanwhile(item, content):
        for _ in range(THRESHOLD):
            loop.channel.route.standings.news(
                "only", Unavailable("503"), is_probe=False, destination="", watched=False
            )()
        return compose(item, content)

    object.__setattr__(loop.channel, "compose", fail_meanwhile)
    assert loop.answer(QUEUE, TIMING) == 1
    assert loop.settler.drain(20)
    assert vendor.seen == []
    assert outcomes(database) == [("only", "waiting", "breaker")]
    assert [(row.state, row.attempts) for row in rows(database)] == [("queued", 0)]


def test_one_destination_that_fails_waits_alone(make_loop, accept, database, deliver, clock):
    class Host(Vendor):
        def destination(self, message):
            return message.content.body

        async def send(self, message):
            await super().send(message)
            if message.content.body == "down.example":
                raise Unavailable("500", blames="destination")
            return Sent()

    vendor = Host("only")
    loop = make_loop(vendor, permission=LocalPermission(clock), batch_size=THRESHOLD)
    accept(*["down.example"] * (THRESHOLD + 5))
    deliver(loop)
    accept(*["up.example"] * 3)
    deliver(loop)
    assert len(vendor.seen) == THRESHOLD + 3
    waiting = [row for row in rows(database) if row.state == "queued" and row.attempts == 0]
    assert len(waiting) == 5 and {row.later for row in waiting} == {True}
    assert waiting[0].reason == "down.example keeps failing: it waits until that works again."
    assert loop.channel.route.standings.of("only").breaker is Breaker.CLOSED
    clock.now += PROBE_SECONDS
    deliver(loop, skip=10.0, times=2)
    assert len(vendor.seen) == THRESHOLD + 4, "one probe"


def test_somebody_is_told_of_an_account_that_is_refused(make_loop, accept, deliver):
    fault, set_up = ALERTS.labels("first", "account"), ALERTS.labels("second", "set-up")
    before = fault._value.get(), set_up._value.get()
    first = Vendor("first", Unavailable("unknown credentials", code="20003", provider_fault=True))
    second = Vendor("second", Rejected("sender not registered", code="30034", alert=True))
    accept(*["x"] * 8)
    loop = make_loop(first, second, batch_size=1)
    with capture_logs() as logged:
        deliver(loop, skip=1.0)
    assert len(first.seen) == 2, "no credentials are tried on twenty messages"
    assert (fault._value.get() - before[0], set_up._value.get() - before[1]) == (2, 8)
    told = [entry for entry in logged if entry.get("provider_code") == "30034"]
    assert [entry["log_level"] for entry in told] == ["error"], "once a minute is enough"


@pytest.mark.parametrize("kind", ["swallows", "blocks a thread"])
def test_an_adapter_that_does_not_stop_holds_nobody_up(make_loop, accept, database, kind):
    ended = threading.Event()

    class Stubborn(Vendor):
        async def send(self, message):
            if kind == "blocks a thread":
                await asyncio.to_thread(ended.wait, 60)
            while not ended.is_set():
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.05)
            return Sent()

    loop = make_loop(Stubborn("only"))
    accept("x", on_unknown="hold")
    begun = time.monotonic()
    assert loop.answer(QUEUE, Timing(call=0.3, batch=2, time_limit=6, lease=8)) == 1
    assert time.monotonic() - begun < 6
    assert loop.settler.drain(20)
    assert outcomes(database) == [("only", "unknown", "timeout")]
    ended.set()
