"""What every broker must do for Crier, whichever it is."""

import queue
import threading

import pytest
import structlog
from dramatiq import actor
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Shutdown, TimeLimitExceeded
from prometheus_client import REGISTRY

from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.delivery.bells import Bells
from shared.settings import EngineSettings

SECONDS = 20


@pytest.fixture
def seen():
    return queue.Queue()


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_message_reaches_its_actor_in_another_handle(new_broker, run_worker, seen):
    consuming, producing = new_broker(), new_broker()

    @actor(broker=consuming, queue_name="work", actor_name="work.do")
    def do(value):
        seen.put(value)

    run_worker(consuming)
    producing.declare_queue("work")
    producing.enqueue(do.message("hello"))
    assert seen.get(timeout=SECONDS) == "hello"


def test_a_lane_gets_no_more_bells_than_its_limit(new_broker):
    broker = new_broker()
    broker.declare_queue("sms.normal")
    bells = Bells(broker, limit=3)
    for _ in range(30):
        bells.ring("sms.normal")
        assert bells.flush(SECONDS)
    assert broker.waiting("sms.normal") == 3


def test_rings_at_once_join_into_one_per_lane(new_broker):
    broker = new_broker()
    bells = Bells(broker, limit=1000)
    for _ in range(500):
        bells.ring("sms.normal")
    bells.flush(SECONDS)
    assert 1 <= broker.waiting("sms.normal") < 100


def test_a_message_for_an_unknown_actor_harms_nobody(new_broker, run_worker, seen):
    broker, stranger = new_broker(), new_broker()

    @actor(broker=stranger, queue_name="work", actor_name="work.nobody")
    def nobody():
        raise AssertionError

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put("done")

    run_worker(broker)
    nobody.send()
    do.send()
    assert seen.get(timeout=SECONDS) == "done"


def test_ringing_another_services_queue_does_not_start_answering_it(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        Bells(broker, limit=8).ring("elsewhere")
        broker.declare_queue("elsewhere")
        seen.put("rung")

    worker = run_worker(broker)
    do.send()
    seen.get(timeout=SECONDS)
    assert "elsewhere" not in worker.consumers


def test_correlation_goes_from_the_sender_into_the_actor(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        seen.put(structlog.contextvars.get_contextvars())

    run_worker(broker)
    with structlog.contextvars.bound_contextvars(correlation_id="request-7"):
        do.send()
    context = seen.get(timeout=SECONDS)
    assert (context["correlation_id"], context["actor"]) == ("request-7", "work.do")


def test_metrics_count_what_was_done_and_what_failed(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.metrics", max_retries=0)
    def do(fail):
        seen.put(fail)
        if fail:
            raise RuntimeError

    before = {word: count("crier_messages_total", actor="work.metrics", outcome=word) for word in ("done", "failed")}
    worker = run_worker(broker)
    do.send(False)
    do.send(True)
    seen.get(timeout=SECONDS)
    seen.get(timeout=SECONDS)
    worker.join()
    for word in ("done", "failed"):
        assert count("crier_messages_total", actor="work.metrics", outcome=word) == before[word] + 1


def test_results_are_kept(new_broker, run_worker):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do", store_results=True)
    def do(a, b):
        return a + b

    run_worker(broker)
    assert do.send(2, 3).get_result(backend=broker.get_results_backend(), block=True, timeout=4000) == 5


def test_a_failure_is_tried_again(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do", min_backoff=50, max_backoff=100)
    def do():
        seen.put("try")
        if seen.qsize() < 3:
            raise RuntimeError

    run_worker(broker)
    do.send()
    deadline = threading.Event()
    while seen.qsize() < 3 and not deadline.wait(0.05):
        pass
    assert seen.qsize() == 3


def test_an_actor_that_takes_too_long_is_interrupted(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do", time_limit=500, max_retries=0)
    def do():
        try:
            while True:
                threading.Event().wait(0.05)
        except TimeLimitExceeded:
            seen.put("interrupted")

    run_worker(broker)
    do.send()
    assert seen.get(timeout=SECONDS) == "interrupted"


def test_a_long_task_can_ask_to_be_told_of_a_shutdown(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do", notify_shutdown=True, max_retries=0)
    def do():
        seen.put("running")
        try:
            while True:
                threading.Event().wait(0.05)
        except Shutdown:
            seen.put("told")

    worker = run_worker(broker)
    do.send()
    assert seen.get(timeout=SECONDS) == "running"
    worker.stop(timeout=10_000)
    assert seen.get(timeout=SECONDS) == "told"


def test_actors_find_an_event_loop(new_broker, run_worker, seen):
    broker = new_broker()

    @actor(broker=broker, queue_name="work", actor_name="work.do")
    def do():
        async def answer():
            return 42

        seen.put(get_event_loop_thread().run_coroutine(answer()))

    run_worker(broker)
    do.send()
    assert seen.get(timeout=SECONDS) == 42


def test_a_flooded_queue_leaves_threads_to_the_others(new_broker, run_worker, seen):
    broker = new_broker()
    release = threading.Event()

    @actor(broker=broker, queue_name="flooded", actor_name="flooded.do")
    def slow():
        seen.put("slow")
        release.wait(SECONDS)

    @actor(broker=broker, queue_name="urgent", actor_name="urgent.do", priority=10)
    def urgent():
        seen.put("urgent")

    for _ in range(20):
        slow.send()
    run_worker(broker, threads=4)
    assert [seen.get(timeout=SECONDS) for _ in range(2)] == ["slow", "slow"]
    urgent.send()
    assert seen.get(timeout=SECONDS) == "urgent"
    release.set()


def test_a_process_can_act_when_its_worker_boots_and_stops(broker_url, run_worker, seen):
    lifecycle = Lifecycle()
    lifecycle.at_boot.append(lambda queues: seen.put(("boot", queues)))
    lifecycle.at_stop.append(lambda: seen.put(("stop", get_event_loop_thread() is not None)))
    settings = EngineSettings(database_url="postgresql://unused/unused", broker_url=broker_url)
    broker = make_broker(settings, lifecycle)
    broker.declare_queue("work")
    run_worker(broker).stop(timeout=10_000)
    assert seen.get(timeout=SECONDS) == ("boot", frozenset({"work"}))
    assert seen.get(timeout=SECONDS) == ("stop", True)
