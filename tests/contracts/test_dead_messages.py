"""What is no message of ours, and what has failed for good: no effect, nobody harmed beside it, and people are told.

On every broker. Fault 15: bad JSON, unknown actors, messages that lie about themselves.
"""

import json
import queue
import threading
import time
from uuid import uuid4

import pika
import pytest
from dramatiq import Message, actor
from sqlalchemy import text

from services.relay.exhume import bury_runs, exhume
from shared.broker import make_broker
from shared.broker.dead_messages import again, dug_up
from shared.broker.middleware.lifecycle import Lifecycle
from shared.broker.redis import RedisBroker
from shared.errors import LedgerUnavailable
from shared.ledger.dead_letters import DeadLetters, Filters, Kind
from shared.ledger.dead_tasks import Graves
from shared.ledger.ticks import TRIES, Ticks
from shared.messages.bell import bell
from shared.periodic.job import Job, Missed
from shared.settings import EngineSettings

SECONDS = 20
QUEUE = "cleanup"
JOB = Job("outbox", "30 3 * * *", "cleanup.empty_outbox", QUEUE, Missed.ONCE, 1, "A job.")


def message(**changes):
    fields = {
        "queue_name": QUEUE, "actor_name": "work.do", "args": ["forged"], "kwargs": {}, "options": {},
        "message_id": str(uuid4()), "message_timestamp": 0,
    }  # fmt: skip
    return json.dumps(fields | changes).encode()


FOREIGN = {
    "no JSON": b"\x80\x04}\x94.",
    "nothing": b"",
    "a list": b"[1, 2]",
    "deep": b"[" * 100_000,
    "a number": b"7",
    "fields missing": b'{"actor_name": "work.do"}',
    "fields too many": message(more=1),
    "another queue": message(queue_name="elsewhere"),
    "no queue": message(queue_name=None),
    "no name": message(actor_name=["work.do"]),
    "kwargs a list": message(kwargs=[1]),
    "options a list": message(options=[1]),
    "no id": message(message_id={"a": 1}),
    "an option that ends a thread": message(options={"throws": "x", "redis_message_id": "y"}),
    "a time that is none": message(options={"eta": "soon"}),
    "one that would wait for ever": message(options={"eta": 9e15, "redis_message_id": "y"}),
    "retries that are none": message(options={"retries": "many"}),
}


def put(broker, data):
    """Put bytes into the queue as somebody with access to the broker could."""
    if isinstance(broker, RedisBroker):
        identifier = str(uuid4())
        broker.client.hset(f"dramatiq:{QUEUE}.msgs", identifier, data)
        broker.client.rpush(f"dramatiq:{QUEUE}", identifier)
    else:
        broker.declare_queue(QUEUE, ensure=True)
        broker.channel.basic_publish("", QUEUE, data, pika.BasicProperties(delivery_mode=2))


def wait_until(condition):
    deadline, pause = time.monotonic() + SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.05)


@pytest.fixture
def seen():
    return queue.Queue()


@pytest.fixture
def letters(database):
    """The letters of tasks, by their actor."""

    def find():
        items = DeadLetters(database).page(1, Filters(kind=Kind.TASK), limit=100).items
        return {letter.name: letter for letter in items}

    return find


@pytest.fixture
def burying(broker_url, database):
    """A broker handle as a service has it, that writes letters."""
    settings = EngineSettings(database_url="postgresql://unused/unused", broker_url=broker_url)
    broker = make_broker(settings, Lifecycle(), bury=Graves(database).bury)
    yield broker
    broker.close()


def test_what_is_no_message_has_no_effect_and_stops_nobody(burying, run_worker, seen, database):
    @actor(broker=burying, queue_name=QUEUE, actor_name="work.do", max_retries=0)
    def do(value):
        seen.put(value)

    for number, data in enumerate(FOREIGN.values()):
        put(burying, data)
        do.send(number)
    worker = run_worker(burying)
    consumers = {name: thread.consumer for name, thread in worker.consumers.items() if thread.consumer}
    assert sorted(seen.get(timeout=SECONDS) for _ in FOREIGN) == list(range(len(FOREIGN)))
    found = set()

    def all_found():
        exhume(burying, Graves(database))
        found.update(DeadLetters(database).page(1, Filters(kind=Kind.TASK), limit=100).items)
        return len({letter.id for letter in found}) == len(FOREIGN)

    wait_until(all_found)
    assert {letter.why for letter in found} == {"unreadable"}
    assert seen.empty(), "a forged one ran"
    assert all(thread.is_alive() for thread in (*worker.workers, *worker.consumers.values()))
    assert all(worker.consumers[name].consumer is consumer for name, consumer in consumers.items()), "one came back"
    assert burying.waiting(QUEUE) == 0


def test_a_message_nobody_knows_becomes_a_letter(burying, new_broker, run_worker, seen, database, letters):
    @actor(broker=burying, queue_name=QUEUE, actor_name="work.do")
    def do():
        seen.put("done")

    run_worker(burying)
    producing = new_broker()
    producing.declare_queue(QUEUE)
    producing.enqueue(Message(QUEUE, "work.nobody", (7,), {}, {}))
    producing.enqueue(Message(QUEUE, "sms.gone.deliver", (), {"bell": bell("sms.gone")}, {}))
    do.send()
    assert seen.get(timeout=SECONDS) == "done"

    def found():
        exhume(producing, Graves(database))
        return letters()

    wait_until(found)
    assert set(letters()) == {"work.nobody"}, "a bell has none"
    assert letters()["work.nobody"].why == "unknown-actor"


def test_a_task_that_fails_for_good_becomes_a_letter_at_once_and_can_be_sent_again(
    burying, run_worker, seen, database, letters
):
    @actor(broker=burying, queue_name=QUEUE, actor_name="work.fail", max_retries=1, min_backoff=1, max_backoff=2)
    def fail(value):
        seen.put(value)
        if seen.qsize() < 3:
            raise RuntimeError("no room\nand more")

    run_worker(burying)
    fail.send("report-7")
    wait_until(letters)
    letter = letters()["work.fail"]
    assert (letter.why, letter.detail, letter.queue) == ("exhausted", "RuntimeError: no room", QUEUE)
    taken = []
    assert burying.take_dead(QUEUE, taken.append) == 0, "the broker need not keep it too"
    (row,) = database.rows(text("SELECT message FROM dead_letters"))
    sent = burying.enqueue(again(row.message))
    assert (sent.message_id == row.message["message_id"], sent.args) == (False, ("report-7",))
    wait_until(lambda: seen.qsize() == 3)


def test_a_task_that_dies_while_the_ledger_is_away_stays_with_the_broker(broker_url, run_worker, database, letters):
    def away(_):
        raise LedgerUnavailable("away")

    settings = EngineSettings(database_url="postgresql://unused/unused", broker_url=broker_url)
    broker = make_broker(settings, Lifecycle(), bury=away)

    @actor(broker=broker, queue_name=QUEUE, actor_name="work.fail", max_retries=1, min_backoff=1, max_backoff=2)
    def fail():
        raise RuntimeError("no room")

    run_worker(broker)
    fail.send()

    def found():
        exhume(broker, Graves(database))
        return letters()

    wait_until(found)
    assert (letters()["work.fail"].why, "no room" in letters()["work.fail"].detail) == ("exhausted", True)


def test_a_letter_that_cannot_be_written_yet_leaves_the_message_with_the_broker(new_broker, run_worker):
    broker = new_broker()
    broker.declare_queue(QUEUE)
    put(broker, b"no message")
    run_worker(broker)
    taken = []

    def refuse(data):
        taken.append(data)
        raise LedgerUnavailable("away")

    def tried():
        try:
            broker.take_dead(QUEUE, refuse)
        except LedgerUnavailable:
            return True
        return False

    wait_until(tried)
    kept = []
    wait_until(lambda: broker.take_dead(QUEUE, kept.append))
    assert kept == taken == [b"no message"]


def test_a_run_whose_workers_all_died_becomes_a_letter(database, letters):
    ticks, graves = Ticks(database), Graves(database)
    tick = ticks.now().replace(second=0, microsecond=0)
    for _ in range(TRIES):
        assert ticks.claim(JOB.name, tick, lease=0)
    bury_runs(graves, [JOB])
    assert not letters(), "the last may still be at it"
    database.execute(text("UPDATE ticks SET started_at = now() - interval '1 hour'"))
    bury_runs(graves, [JOB])
    assert letters()[JOB.actor].why == "poison"
    database.execute(text("DELETE FROM dead_letters"))
    bury_runs(graves, [JOB])
    assert not letters(), "what somebody purged stays away"


def test_nothing_of_a_foreign_message_is_too_strange_to_be_kept(database, letters):
    for data in (message(args=["\0\ud800"]), message(args=[float("nan")], actor_name="\0"), b"\xff\0", b"\0" * 9_000):
        task = dug_up(data, QUEUE)
        assert task is not None
        assert Graves(database).bury(task)
        assert not Graves(database).bury(task)
    assert len(database.rows(text("SELECT FROM dead_letters"))) == 4
