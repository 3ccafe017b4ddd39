"""What Redis does to a broker, and what the broker makes of it. Each test fails on Dramatiq's own Redis broker."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import pytest
from dramatiq import actor
from redis import Redis

from crier.local.redis import RedisServer
from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.broker.redis import RedisBroker
from shared.settings import EngineSettings

SECONDS = 60


@pytest.fixture
def server(server_folder):
    """A Redis that keeps its data over a kill."""
    server = RedisServer(server_folder, appendonly=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(server):
    made = make_broker(EngineSettings(database_url="postgresql://unused/unused", broker_url=server.url), Lifecycle())
    assert isinstance(made, RedisBroker)
    yield made
    made.close()


@pytest.fixture
def worker(broker):
    """Started by the test, once its actors are declared."""
    broker.emit_after("process_boot")
    made = dramatiq.Worker(broker, worker_threads=4)
    yield made
    made.stop(timeout=10_000)


def wait_until(condition, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.05)


def delayed_in_memory(server, broker):
    with Redis.from_url(server.url) as client:
        return client.scard(f"dramatiq:__acks__.{broker.broker_id}.work.DQ")


def test_a_delayed_message_survives_a_restart_of_redis(server, broker, worker):
    seen: queue.Queue[str] = queue.Queue()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put("done")

    worker.start()
    do.send_with_options(delay=4_000)
    wait_until(lambda: delayed_in_memory(server, broker) == 1)
    server.kill()
    server.start()
    assert seen.get(timeout=SECONDS) == "done"


def test_consumers_come_back_from_a_redis_that_hung(server, broker, worker):
    seen: queue.Queue[str] = queue.Queue()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put("done")

    worker.start()
    do.send_with_options(delay=1_000)
    wait_until(lambda: delayed_in_memory(server, broker) == 1)
    server.pause()
    threading.Event().wait(13)  # two socket timeouts: the command that fails, and the clean-up after it
    server.resume()
    assert seen.get(timeout=SECONDS) == "done"
    assert all(consumer.is_alive() for consumer in worker.consumers.values())
    do.send_with_options(delay=500)
    assert seen.get(timeout=SECONDS) == "done"


def test_a_retry_that_could_not_be_enqueued_is_a_dead_letter_and_not_lost(server, broker, worker):
    running, go_on = threading.Event(), threading.Event()

    @actor(broker=broker, queue_name="work", actor_name="work.do", min_backoff=50, max_backoff=100)
    def do():
        running.set()
        go_on.wait(SECONDS)
        raise RuntimeError

    worker.start()
    do.send()
    assert running.wait(SECONDS)
    server.kill()
    go_on.set()
    threading.Event().wait(3)  # the failed attempt to enqueue happens while Redis is down
    server.start()

    def dead_letters():
        with Redis.from_url(server.url) as client:
            return client.zcard("dramatiq:work.XQ")

    wait_until(lambda: dead_letters() == 1)


def test_a_dead_workers_messages_are_rescued(server, broker, worker):
    """A worker that died is a consumer whose heartbeat stopped; here it fetched a message and never came back."""
    seen: queue.Queue[str] = queue.Queue()
    dead = RedisBroker(server.url, [])

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put("done")

    do.send()
    assert next(dead.consume("work", prefetch=1, timeout=100)) is not None
    with Redis.from_url(server.url) as client:
        client.zadd("dramatiq:__heartbeats__", {dead.broker_id: int(time.time() * 1000) - 20_000})
    worker.start()
    broker.rescue()
    assert seen.get(timeout=SECONDS) == "done"


def blocked(server):
    with Redis.from_url(server.url) as client:
        return client.info("clients")["blocked_clients"]


def test_idle_consumers_wait_in_redis(server, broker, worker):
    seen: queue.Queue[str] = queue.Queue()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put("done")

    worker.start()
    wait_until(lambda: blocked(server) == 2)  # for the queue, and for its delayed messages
    do.send()
    assert seen.get(timeout=SECONDS) == "done"
    wait_until(lambda: blocked(server) == 2)


def test_a_message_wakes_one_of_many_and_none_is_missed(server, broker, worker):
    handles = [RedisBroker(server.url, []) for _ in range(3)]

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do(): ...

    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(handle.wait, "work", 3.0) for handle in handles]
        wait_until(lambda: blocked(server) == 3)
        do.send()
        assert sorted(each.result(timeout=SECONDS) for each in waiting) == [False, False, True]
    assert sum(len(handle.do_fetch("work", 5)) for handle in handles) == 1


def test_what_was_handed_over_is_fetched_first_even_by_the_next_consumer(broker):
    """The connection may break between the two."""
    sent = []

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do(): ...

    sent.append(do.send().message_id)
    assert broker.wait("work", 1.0)
    sent += [do.send().message_id for _ in range(2)]
    consumer = broker.consume("work", prefetch=5, timeout=100)
    assert [next(consumer).message_id for _ in range(3)] == sent


def test_what_was_handed_to_a_worker_that_died_is_rescued(server, broker, worker):
    seen: queue.Queue[str] = queue.Queue()
    dead = RedisBroker(server.url, [])

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put("done")

    assert dead.do_fetch("work", 1) == []
    do.send()
    assert dead.wait("work", 1.0)
    with Redis.from_url(server.url) as client:
        client.zadd("dramatiq:__heartbeats__", {dead.broker_id: int(time.time() * 1000) - 20_000})
    worker.start()
    broker.rescue()
    assert seen.get(timeout=SECONDS) == "done"


def test_a_consumer_that_is_full_goes_on_as_soon_as_something_is_done(server, broker, worker):
    seen: queue.Queue[int] = queue.Queue()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do(number):
        seen.put(number)

    worker.start()
    for number in range(100):
        do.send(number)
    assert sorted(seen.get(timeout=SECONDS) for _ in range(100)) == list(range(100))
