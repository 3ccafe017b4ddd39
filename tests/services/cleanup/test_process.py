"""Cleanup as it runs in production: a real `dramatiq services.cleanup`, killed in the middle, and run again."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from services.relay.catch_up import GRACE, catch_up
from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.calendar import job_named
from shared.ledger.ticks import Ticks
from shared.periodic.times import latest_tick
from shared.settings import EngineSettings

ROOT = Path(__file__).parents[3]
SECONDS = 60
JOB = job_named("retention")


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request):
    return request.getfixturevalue("redis_url" if request.param == "redis" else "amqp_url")


@pytest.fixture
def broker(broker_url):
    made = make_broker(EngineSettings(database_url="postgresql://unused/unused", broker_url=broker_url), Lifecycle())
    yield made
    made.close()


@pytest.fixture
def start(database_url, broker_url, tmp_path):
    """Starts `dramatiq services.cleanup` with small batches; kills what a test left running."""
    started = []

    def run(pause):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CRIER_DATABASE_URL": database_url,
            "CRIER_BROKER_URL": broker_url,
            "CRIER_CLEANUP_BATCH": "20",
            "CRIER_CLEANUP_PAUSE": str(pause),
        }
        command = [sys.executable, "-m", "dramatiq", "services.cleanup", "--processes", "1", "--threads", "2"]
        with (tmp_path / f"{len(started)}.log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stderr=log, start_new_session=True)
        started.append(process)
        return process

    yield run
    for process in started:
        kill(process)


def kill(process):
    """The whole of it, at once, as a machine would die."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def ticks(database):
    return Ticks(database)


@pytest.fixture
def tick(ticks):
    """The last tick of the job that is missed if nobody began it."""
    return latest_tick(JOB.cron, ticks.now() - GRACE)


def test_killed_in_the_middle_it_leaves_whole_notifications_and_the_relay_has_it_finished(
    start, broker, history, now, database, ticks, tick
):
    old = history.add(now - timedelta(days=200), count=400)
    kept = history.add(now - timedelta(days=200), "queued", count=5) + history.add(now, count=5)
    broker.enqueue(JOB.message(tick))
    first = start(pause=0.2)
    wait_until(lambda: len(history.rows("notifications")) < 410, "the first batch is removed")
    kill(first)

    left = history.rows("notifications")
    assert len(kept) < len(left) < len(old) + len(kept)
    assert history.is_whole(list(left))
    assert len(history.rows("deliveries")) == len(history.rows("attempts", "delivery_id")) == len(left)
    assert ticks.last(JOB.name).result == {"tries": 1, "running": True}

    start(pause=0)
    catch_up(ticks, broker, [JOB])
    assert ticks.last(JOB.name).result["tries"] == 1, "within its lease nobody takes the dead worker's tick"
    database.execute(text("UPDATE ticks SET started_at = started_at - make_interval(secs => :s)"), {"s": JOB.lease})

    def the_relay_ticks():
        catch_up(ticks, broker, [JOB])
        broker.rescue()
        return ticks.last(JOB.name).finished_at

    wait_until(the_relay_ticks, "the tick is finished")
    assert history.rows("notifications") == set(kept)
    assert ticks.last(JOB.name).result["notifications"] == {"rows": len(left) - len(kept), "complete": True}


def test_asked_to_stop_it_gives_its_tick_back(start, broker, history, now, ticks, tick):
    history.add(now - timedelta(days=200), count=400)
    broker.enqueue(JOB.message(tick))
    process = start(pause=0.2)
    wait_until(lambda: len(history.rows("notifications")) < 400, "the first batch is removed")
    process.terminate()
    assert process.wait(SECONDS) == 0
    assert ticks.last(JOB.name).result == {"tries": 0}
    assert history.is_whole(list(history.rows("notifications")))
    start(pause=0)
    wait_until(lambda: ticks.last(JOB.name).finished_at, "the retried message finishes the tick")
    assert history.rows("notifications") == set()


def test_every_job_of_cleanup_runs_and_records_its_result(start, broker, ticks):
    jobs = [job_named(name) for name in ("partitions", "retention", "outbox", "ticks", "idempotency", "secrets")]
    moments = {job.name: ticks.now().replace(microsecond=0) for job in jobs}
    for job in jobs:
        broker.enqueue(job.message(moments[job.name]))
    start(pause=0)
    wait_until(lambda: all((last := ticks.last(job.name)) and last.finished_at for job in jobs), "every job is done")
    for job in jobs:
        last = ticks.last(job.name)
        assert last.tick == moments[job.name]
        assert last.result, job.name
