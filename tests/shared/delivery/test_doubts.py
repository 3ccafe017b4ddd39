"""What becomes of deliveries of which nobody knows whether they were sent."""

import asyncio

import pytest
from sqlalchemy import text

from shared.delivery.timing import Timing
from shared.errors import Ambiguous, Unavailable
from shared.ledger.recovery import Recovery
from shared.providers.permission import PROBE_SECONDS, THRESHOLD, Breaker
from shared.providers.permission_local import LocalPermission
from shared.providers.port import Found, LookUp, Sent

QUEUE = "sms.normal"
TIMING = Timing(call=1, batch=2, time_limit=6, lease=8)
LATER = text("""
    UPDATE deliveries SET due_at = due_at - interval '31 seconds', started_at = started_at - interval '31 seconds'
    WHERE due_at IS NOT NULL
""")


class Silent:
    """A provider whose first `lost` answers get lost; it remembers its calls."""

    concurrency = 100
    idempotent = False

    def __init__(self, name="silent", lost=1):
        self.name = name
        self.lost = lost
        self.sent = 0

    async def send(self, message):
        self.sent += 1
        if self.sent <= self.lost:
            raise Ambiguous("The connection was lost.")
        return Sent(reference=f"{self.name}-{self.sent}")

    async def close(self):
        pass


class Asked(Silent):
    """One that can be asked what it has."""

    find_after = 30.0

    def __init__(self, says, **options):
        super().__init__("asked", **options)
        self.says = says
        self.asked = 0

    async def find(self, message, asked_at, ago):
        assert asked_at.tzinfo
        self.asked += 1
        match self.says:
            case Exception() as error:
                raise error
            case "hang":
                await asyncio.sleep(60)
        return LookUp(self.says, reference="SM7")


@pytest.fixture
def run(make_loop, database):
    """Answer a bell, then once more for each time it becomes due, as if half a minute had passed each time."""

    def run(*vendors, times=2, **options):
        loop = make_loop(*vendors, **options)
        for _ in range(times):
            loop.answer(QUEUE, TIMING)
            assert loop.settler.drain(20)
            database.execute(LATER)
        return loop

    return run


def state(database):
    (row,) = database.rows(text("SELECT state, doubt, held_at, due_at, attempts, reason FROM deliveries"))
    return row.state if row.held_at is None else "held"


def outcomes(database):
    return [row.outcome for row in database.rows(text("SELECT outcome FROM attempts ORDER BY fence"))]


@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_what_the_provider_has_is_sent_and_not_again(run, accept, database, policy):
    accept("x", on_unknown=policy)
    vendor = Asked(Found.SENT)
    run(vendor)
    assert (state(database), vendor.sent, vendor.asked) == ("sent", 1, 1)
    assert outcomes(database) == ["unknown", "found"]
    (row,) = database.rows(text("SELECT reference, detail FROM attempts WHERE outcome = 'found'"))
    assert tuple(row) == ("SM7", "asked says that it has it.")


@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_what_the_provider_does_not_have_is_sent_even_under_hold(run, accept, database, policy):
    accept("x", on_unknown=policy)
    vendor = Asked(Found.ABSENT)
    run(vendor)
    assert (state(database), vendor.sent, vendor.asked) == ("sent", 2, 1)


@pytest.mark.parametrize(("policy", "ends", "calls"), [("hold", "held", 1), ("resend", "sent", 2)])
def test_what_the_provider_cannot_tell_follows_the_policy(run, accept, database, policy, ends, calls):
    accept("x", on_unknown=policy)
    vendor = Asked(Found.UNCLEAR)
    run(vendor)
    assert (state(database), vendor.sent) == (ends, calls)


@pytest.mark.parametrize("says", [Unavailable("503"), "hang", ZeroDivisionError()])
def test_a_look_up_that_fails_is_made_again_before_anything_is_held(run, accept, database, says):
    accept("x", on_unknown="hold")
    vendor = Asked(says)
    run(vendor)
    assert (state(database), vendor.sent, vendor.asked) == ("unknown", 1, 1)
    vendor.says = Found.SENT
    run(vendor, times=2)
    assert state(database) == "sent"


def test_nobody_is_asked_too_early(run, accept, database, make_loop):
    accept("x", on_unknown="hold")
    vendor = Asked(Found.ABSENT)
    run(vendor, times=1)
    database.execute(text("UPDATE deliveries SET due_at = now(), started_at = now()"))
    run(vendor, times=1)
    assert (vendor.sent, vendor.asked) == (1, 0)
    (row,) = database.rows(text("SELECT extract(epoch FROM due_at - now())::float AS wait FROM deliveries"))
    assert row.wait < 0, "a look-up's time had passed, and nobody asked"


def test_a_provider_that_remembers_our_key_is_called_again_and_no_other(run, accept, database):
    accept("x", on_unknown="hold")
    other, vendor = Silent("other", lost=0), Silent("vendor")
    vendor.idempotent = True
    run(vendor, times=1)
    assert state(database) == "unknown"
    database.execute(text("UPDATE deliveries SET due_at = now()"))
    run(other, vendor)
    assert (state(database), vendor.sent, other.sent) == ("sent", 2, 0)


def test_it_is_waited_for_while_it_is_down(run, make_loop, accept, database):
    accept("x", on_unknown="hold")
    other, vendor = Silent("other", lost=0), Silent("vendor")
    vendor.idempotent = True
    run(vendor, times=1)
    loop = make_loop(other, vendor)
    for _ in range(THRESHOLD):
        loop.channel.route.standings.news("vendor", Unavailable("503"), is_probe=False, destination="", watched=False)()
    database.execute(text("UPDATE deliveries SET due_at = now()"))
    loop.answer(QUEUE, TIMING)
    assert (state(database), vendor.sent, other.sent) == ("unknown", 1, 0)
    (row,) = database.rows(text("SELECT reason, attempts, due_at > now() AS later FROM deliveries"))
    assert tuple(row) == ("Nobody knows whether it was sent; it waits for vendor to answer again.", 1, True)


@pytest.mark.parametrize(("policy", "ends", "calls"), [("hold", "held", 1), ("resend", "sent", 1)])
def test_a_provider_that_left_the_route_cannot_be_asked(run, accept, database, policy, ends, calls):
    accept("x", on_unknown=policy)
    gone, other = Asked(Found.SENT), Silent("other", lost=0)
    run(gone, times=1)
    database.execute(LATER)
    run(other)
    assert (state(database), gone.asked, gone.sent) == (ends, 0, 1)


def test_doubt_goes_to_another_provider_where_it_is_to_be_sent_again(run, accept, database):
    accept("x")
    first, second = Silent("first", lost=9), Silent("second", lost=0)
    run(first, second, times=1)
    database.execute(text("UPDATE deliveries SET due_at = now()"))
    run(first, second, times=1)
    assert (state(database), first.sent, second.sent) == ("sent", 1, 1)


def test_it_ends_when_every_answer_gets_lost(run, accept, database):
    accept("x", on_unknown="hold")
    vendor = Asked(Found.ABSENT, lost=99)
    run(vendor, times=12)
    assert (state(database), vendor.sent) == ("failed", 4)
    (row,) = database.rows(text("SELECT reason FROM deliveries"))
    assert row.reason == "asked does not have it, and no tries are left."


def test_what_a_dead_worker_had_started_is_looked_up(run, make_loop, accept, database):
    accept("x", on_unknown="hold")
    vendor = Asked(Found.SENT)
    loop = make_loop(vendor)
    (item,) = loop.work.claim(QUEUE, 1, 0.001)
    database.execute(
        text("""
            UPDATE deliveries SET state = 'started', provider = 'asked', started_at = now() - interval '1 minute'
            WHERE id = :id
        """),
        {"id": item.id},
    )
    Recovery(database).reap(patience=0)
    run(vendor, times=1)
    assert (state(database), vendor.sent, vendor.asked) == ("sent", 0, 1)


def test_past_its_time_it_is_looked_up_and_not_sent(run, accept, database):
    accept("x", on_unknown="resend")
    vendor = Asked(Found.UNCLEAR)
    run(vendor, times=1)
    database.execute(text("UPDATE deliveries SET expires_at = now() - interval '1 second'"))
    run(vendor, times=1)
    assert (state(database), vendor.sent, vendor.asked) == ("held", 1, 1)


def test_what_is_in_doubt_and_cannot_be_composed_again_is_held(run, accept, database):
    def broken(item, content):
        raise ZeroDivisionError

    accept("x")
    run(Silent(), times=1)
    database.execute(text("UPDATE deliveries SET due_at = now()"))
    run(Silent(), times=1, compose=broken)
    assert state(database) == "held"


@pytest.mark.parametrize("kind", ["can be asked", "remembers our key"])
@pytest.mark.parametrize("works", [True, False])
def test_where_only_doubts_wait_one_of_them_finds_out_that_it_works_again(make_loop, accept, database, kind, works):
    """Nobody else would ever probe it. While it does not work nothing is lost, and it is not asked all the time."""
    now = [1000.0]
    vendor = Asked(Found.SENT if works else Unavailable("503")) if kind == "can be asked" else Silent(lost=1)
    vendor.idempotent = kind == "remembers our key"
    if vendor.idempotent and not works:
        vendor.lost = 2
    accept("x", on_unknown="hold")
    loop = make_loop(vendor, permission=LocalPermission(lambda: now[0]))
    loop.answer(QUEUE, TIMING)
    assert loop.settler.drain(20)
    standings = loop.channel.route.standings
    for _ in range(THRESHOLD):
        standings.news(vendor.name, Unavailable("503"), is_probe=False, destination="", watched=False)()
    assert standings.of(vendor.name).breaker is Breaker.OPEN
    database.execute(LATER)
    now[0] += PROBE_SECONDS
    for _ in range(3):
        database.execute(text("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL"))
        loop.answer(QUEUE, TIMING)
        assert loop.settler.drain(20)
    asked = vendor.asked if kind == "can be asked" else vendor.sent - 1
    assert (state(database), asked) == ("sent" if works else "unknown", 1)
    assert (standings.of(vendor.name).breaker is Breaker.CLOSED) == works
