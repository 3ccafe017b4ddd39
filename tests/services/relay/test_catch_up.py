"""A missed tick is made up for or left out, as its job says; once, however many relays look."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from dramatiq.errors import BrokerError
from sqlalchemy import text

from services.relay.bookkeeping import Bookkeeper
from services.relay.catch_up import GRACE, catch_up
from services.relay.clock import Clock
from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.calendar import CALENDAR as EVERY_JOB
from shared.delivery.bells import Bells
from shared.ledger.conservation import Conservation
from shared.ledger.database import Database
from shared.ledger.recovery import Recovery
from shared.ledger.ticks import TRIES, Ticks
from shared.periodic.job import Job, Missed
from shared.periodic.times import latest_tick
from shared.settings import EngineSettings

# Due half an hour ago, and not again while a test runs.
CRON = f"{datetime.now(UTC) - timedelta(minutes=30):%-M %-H} * * *"
ONCE = Job("once", CRON, "tests.once", "tests", Missed.ONCE, 60, "What must be made up for.")
SKIP = Job("skip", CRON, "tests.skip", "tests", Missed.SKIP, 60, "What may be left out.")
CALENDAR = (ONCE, SKIP)


@pytest.fixture
def ticks(database: Database) -> Ticks:
    return Ticks(database)


@pytest.fixture
def broker(redis_url):
    made = make_broker(EngineSettings(database_url="postgresql://unused/unused", broker_url=redis_url), Lifecycle())
    yield made
    made.close()


@pytest.fixture
def due(ticks):
    """The tick that is missed by now when nobody began it."""
    return latest_tick(CRON, ticks.now() - GRACE)


@pytest.fixture
def seen_before(ticks, due):
    """Both jobs ran three days ago, and not since."""
    for job in CALENDAR:
        assert ticks.claim(job.name, due - timedelta(days=3))
        ticks.finish(job.name, due - timedelta(days=3), {})


def enqueued(broker):
    """The (actor, tick) of every waiting message, which are taken away."""
    consumer = broker.consume("tests", prefetch=100, timeout=1)
    found = []
    while (message := next(consumer)) is not None:
        consumer.ack(message)
        found.append((message.actor_name, message.kwargs["tick"]["tick"]))
    return found


def let_pass(database, seconds):
    database.execute(text("UPDATE ticks SET started_at = started_at - make_interval(secs => :s)"), {"s": seconds})


def test_a_job_never_seen_before_starts_with_its_next_tick(ticks, broker, due):
    catch_up(ticks, broker, CALENDAR)
    assert enqueued(broker) == []
    assert [ticks.last(job.name).tick for job in CALENDAR] == [due, due]
    assert not ticks.claim("once", due)


@pytest.mark.usefixtures("seen_before")
def test_a_missed_tick_is_made_up_for_once_however_many_were_missed(ticks, broker, due):
    catch_up(ticks, broker, CALENDAR)
    assert enqueued(broker) == [("tests.once", due.isoformat())]
    catch_up(ticks, broker, CALENDAR)
    assert enqueued(broker) == []
    assert not ticks.claim("once", due - timedelta(days=1)), "what comes late from the scheduler is superseded"
    assert ticks.claim("once", due)


@pytest.mark.usefixtures("seen_before")
def test_a_missed_tick_is_left_out_where_the_calendar_says_so(ticks, broker, due):
    catch_up(ticks, broker, (SKIP,))
    assert enqueued(broker) == []
    assert ticks.last("skip").result == {"skipped": "Nobody began it in time."}
    assert not ticks.claim("skip", due)


@pytest.mark.usefixtures("seen_before")
@pytest.mark.parametrize("job", CALENDAR, ids=lambda job: job.name)
def test_a_tick_that_was_begun_in_time_is_not_missed(ticks, broker, due, job):
    assert ticks.claim(job.name, due)
    catch_up(ticks, broker, (job,))
    ticks.finish(job.name, due, {"done": True})
    catch_up(ticks, broker, (job,))
    assert enqueued(broker) == []
    assert ticks.last(job.name).result == {"done": True}


@pytest.mark.usefixtures("seen_before")
def test_a_tick_begun_by_a_worker_that_died_is_made_up_for(database, ticks, broker, due):
    assert ticks.claim("once", due, lease=ONCE.lease)
    let_pass(database, ONCE.lease + 1)
    catch_up(ticks, broker, (ONCE,))
    assert enqueued(broker) == [("tests.once", due.isoformat())]
    assert ticks.claim("once", due, lease=ONCE.lease)


@pytest.mark.usefixtures("seen_before")
def test_a_tick_that_kills_every_worker_is_given_up(database, ticks, broker, due):
    for _ in range(TRIES):
        assert ticks.claim("once", due, lease=ONCE.lease)
        let_pass(database, ONCE.lease + 1)
    catch_up(ticks, broker, (ONCE,))
    assert enqueued(broker) == []


@pytest.mark.usefixtures("seen_before")
def test_the_queue_does_not_grow_while_no_worker_runs(database, ticks, broker):
    for _ in range(5):
        catch_up(ticks, broker, (ONCE,))
        let_pass(database, ONCE.lease + 1)
    assert broker.waiting("tests") == 1


@pytest.mark.usefixtures("seen_before")
def test_a_message_lost_with_the_broker_is_sent_again(database, ticks, broker, due):
    catch_up(ticks, broker, (ONCE,))
    broker.client.flushall()
    let_pass(database, ONCE.lease + 1)
    catch_up(ticks, broker, (ONCE,))
    assert enqueued(broker) == [("tests.once", due.isoformat())]


@pytest.mark.usefixtures("seen_before")
def test_many_relays_lead_to_one_run(ticks, broker, due):
    barrier = Barrier(6)

    def relay(_):
        barrier.wait()
        catch_up(ticks, broker, CALENDAR)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(relay, range(6)))
    sent = enqueued(broker)
    assert set(sent) == {("tests.once", due.isoformat())}
    assert [ticks.claim("once", due) for _ in sent].count(True) == 1


@pytest.mark.usefixtures("seen_before")
def test_the_message_is_the_one_the_scheduler_sends(ticks, broker, due):
    catch_up(ticks, broker, (ONCE,))
    sent, expected = next(broker.consume("tests", timeout=1)), ONCE.message(due)
    assert (sent.actor_name, sent.queue_name) == ("tests.once", "tests")
    assert (sent.args, sent.kwargs) == (expected.args, expected.kwargs)


@pytest.mark.usefixtures("seen_before")
def test_nothing_is_announced_that_could_not_be_enqueued(ticks, due):
    away = make_broker(
        EngineSettings(database_url="postgresql://unused/unused", broker_url="redis://127.0.0.1:1/0"), Lifecycle()
    )
    with pytest.raises(BrokerError):
        catch_up(ticks, away, (ONCE,))
    assert ticks.last("once").tick < due


def test_the_relay_looks_after_the_whole_calendar(ticks, broker, database):
    Clock(
        Recovery(database), Bells(broker, limit=1), broker, lease=30, books=Bookkeeper(Conservation(database))
    ).catch_up()
    assert [ticks.last(job.name) is not None for job in EVERY_JOB] == [True] * len(EVERY_JOB)
