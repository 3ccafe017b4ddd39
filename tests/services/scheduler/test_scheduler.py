"""The scheduler as it runs in production: real `periodiq` processes, on Redis and on RabbitMQ."""

import os
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dramatiq
import pytest
from sqlalchemy import text

from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.calendar import CALENDAR
from shared.ledger.ticks import Ticks
from shared.periodic.job import Job, Missed
from shared.periodic.task import PeriodicTask
from shared.settings import EngineSettings

ROOT = Path(__file__).parents[3]
SECONDS = 60
JOBS = 500


def probe(number, cron="* * * * *"):
    return Job(f"probe-{number}", cron, f"tests.probe-{number}", "tests", Missed.ONCE, 60, "What a test counts.")


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request):
    return request.getfixturevalue("redis_url" if request.param == "redis" else "amqp_url")


@pytest.fixture
def broker(broker_url):
    made = make_broker(EngineSettings(database_url="postgresql://unused/unused", broker_url=broker_url), Lifecycle())
    yield made
    made.close()


@pytest.fixture
def environment(database_url, broker_url):
    urls = {"CRIER_DATABASE_URL": database_url, "CRIER_BROKER_URL": broker_url}
    return {**os.environ, "PYTHONPATH": str(ROOT), **urls}


@pytest.fixture
def start(tmp_path, environment):
    """Starts `periodiq services.scheduler` with `jobs` more due at `cron`; kills what a test left running."""
    started = []

    def run(jobs=0, cron="* * * * *", **changes):
        name = f"more_jobs_{len(started)}"
        (tmp_path / f"{name}.py").write_text(f"""
from services.scheduler import broker
from services.scheduler.actors import declare_jobs
from shared.periodic.job import Job, Missed
declare_jobs(broker, [Job(f"probe-{{n}}", {cron!r}, f"tests.probe-{{n}}", "tests", Missed.ONCE, 60, "Counted.")
                      for n in range({jobs})])
""")
        log = tmp_path / f"{name}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [Path(sysconfig.get_path("scripts")) / "periodiq", "services.scheduler", name, "--path", tmp_path],
                env=environment | changes,
                stderr=errors,
            )
        started.append(process)
        return process, log

    yield run
    for process in started:
        process.kill()
        process.wait()


def wait_until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {what}"
        time.sleep(0.05)


def stop(process):
    process.terminate()
    return process.wait(SECONDS)


def test_two_schedulers_never_double_a_tick(start, broker, database):
    # Each fires, as it starts, what is due in that minute.
    processes = [start(JOBS)[0] for _ in range(2)]
    wait_until(lambda: broker.waiting("tests") >= 2 * JOBS, "both schedulers sent every tick")
    assert [stop(process) for process in processes] == [0, 0]

    runs = []
    ticks = Ticks(database)
    for number in range(JOBS):
        PeriodicTask(probe(number), lambda n=number: runs.append(n) or {}, ticks).declare(broker)
    worker = dramatiq.Worker(broker, worker_threads=8)
    worker.start()
    try:
        broker.join("tests", timeout=SECONDS * 1000)
        worker.join()
    finally:
        worker.stop()
    recorded = database.rows(text("SELECT job, count(*) FROM ticks WHERE finished_at IS NOT NULL GROUP BY job"))
    assert Counter(f"probe-{number}" for number in runs) == dict(recorded)
    assert len(recorded) == JOBS


def test_it_starts_prints_the_calendar_and_stops_when_asked(start):
    process, log = start()
    wait_until(
        lambda: all(f"{job.actor}@{job.queue}" in log.read_text() for job in CALENDAR), "the calendar is printed"
    )
    assert process.poll() is None
    assert stop(process) == 0


def test_the_calendar_is_in_utc_wherever_it_runs(start, broker):
    now = datetime.now(UTC)
    start(1, f"* {now.hour},{(now + timedelta(minutes=5)).hour} * * *", TZ="Pacific/Kiritimati")
    wait_until(lambda: broker.waiting("tests"), "what is due by UTC is sent, 14 hours to the east")
    broker.declare_queue("tests")
    tick = datetime.fromisoformat(next(broker.consume("tests", timeout=1000)).kwargs["tick"]["tick"])
    assert tick.utcoffset() == timedelta(0)
    assert timedelta(0) <= datetime.now(UTC) - tick < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("broker_url", "away"),
    [("redis", "redis://127.0.0.1:1/0"), ("rabbitmq", "amqp://guest:guest@127.0.0.1:1/")],
    indirect=["broker_url"],
    ids=["redis", "rabbitmq"],
)
def test_it_outlives_a_broker_that_is_away(start, away):
    process, log = start(1, CRIER_BROKER_URL=away)
    wait_until(lambda: "tick not sent" in log.read_text(), "the tick that could not be sent is logged")
    assert process.poll() is None
    assert stop(process) == 0


def test_a_tick_is_a_minute_whenever_in_it_periodiq_wakes(broker, environment):
    program = """
import pendulum, periodiq
from services.scheduler import broker
daily = "cleanup.remove_notifications"
scheduler = periodiq.Scheduler([actor for actor in broker.actors.values() if actor.actor_name == daily])
for second in (0, 7, 59):
    now = pendulum.datetime(2026, 3, 1, 3, 15, second)
    scheduler.send_actors([a for a in scheduler.actors if a.options["periodic"].validate(now)], now=now)
"""
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=SECONDS)
    broker.declare_queue("cleanup")
    consumer = broker.consume("cleanup", prefetch=3, timeout=1000)
    sent = [next(consumer) for _ in range(3)]
    assert {message.actor_name for message in sent} == {"cleanup.remove_notifications"}
    assert [message.kwargs for message in sent] == [
        {"tick": {"v": 1, "job": "retention", "tick": "2026-03-01T03:15:00+00:00"}}
    ] * 3
