"""Two relays and two schedulers at once: of a thousand things that are due at the same time, each is done once.

Four processes race here, not threads. What was done is told by who did it: the stand-in of the SMS vendor took a
message for each schedule and reminder, and the job of each tick writes a row of its own that nothing keeps from being
there twice.
"""

import sys
import sysconfig
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from chaos.client import numbers
from chaos.planned import outcomes, plan

ROOT = Path(__file__).parents[2]
SCHEDULES, REMINDERS, TICKS = 350, 350, 300

# What a service's part of the calendar looks like, but for what it does: it leaves a trace.
JOBS = f"""
from sqlalchemy import text
from shared.ledger.ticks import Ticks
from shared.periodic.job import Job, Missed
from shared.periodic.task import PeriodicTask

JOBS = [Job(f"probe-{{n}}", "* * * * *", f"probes.probe-{{n}}", "probes", Missed.ONCE, 60, "Counted.")
        for n in range({TICKS})]

def declare(runtime):
    for job in JOBS:
        def run(name=job.name):
            runtime.database.execute(text("INSERT INTO runs VALUES (:name)"), {{"name": name}})
            return {{}}
        PeriodicTask(job, run, Ticks(runtime.database)).declare(runtime.broker)
"""
WORKER = "from shared.runtime import host\nfrom probe_jobs import declare\nbroker = host(declare)\n"
CALENDAR = """
from services.scheduler import broker
from services.scheduler.actors import declare_jobs
from probe_jobs import JOBS
declare_jobs(broker, JOBS)
"""
RUNS = text("SELECT name, count(*) AS number FROM runs GROUP BY name")
TICKS_DONE = text(
    "SELECT job, count(*) AS number FROM ticks WHERE job LIKE 'probe-%' AND finished_at IS NOT NULL GROUP BY 1"
)


def test_a_thousand_things_due_at_once_are_each_done_once(redis_system, tmp_path):
    system, database = redis_system, redis_system.runtime.database
    for name, code in (("probe_jobs", JOBS), ("probe_worker", WORKER), ("probe_calendar", CALENDAR)):
        (tmp_path / f"{name}.py").write_text(code)
    with database.transaction() as connection:
        connection.execute(text("CREATE TABLE runs (name text NOT NULL)"))
    environment = system.environment | {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    dramatiq = [sys.executable, "-m", "dramatiq", "--processes", "1", "--threads", "8"]
    periodiq = [str(Path(sysconfig.get_path("scripts")) / "periodiq"), "services.scheduler", "probe_calendar"]
    for name in ("relay-1", "relay-2"):
        system.run(name, [sys.executable, "-m", "services.relay"], ROOT, environment)
    for name in ("worker-1", "worker-2"):
        system.run(name, [*dramatiq, "probe_worker"], ROOT, environment)
    system.start("sms")
    system.wait_until(
        lambda: all("relay started" in system.log(name) for name in ("relay-1", "relay-2")), "both relays tick"
    )

    due = datetime.now(UTC) + timedelta(seconds=4)
    scheduled, reminded = numbers(SCHEDULES), numbers(REMINDERS, start=SCHEDULES)
    asked = [*scheduled, *reminded]
    plan(
        database, system.intake, system.project_id,
        schedules=dict.fromkeys(scheduled, due), reminders=dict.fromkeys(reminded, due),
    )  # fmt: skip
    # Each sends, as it starts, what is due in that minute.
    for name in ("scheduler-1", "scheduler-2"):
        system.run(name, periodiq, ROOT, environment)

    def runs():
        return {row.name: row.number for row in database.rows(RUNS)}

    def finished():
        return {row.job: row.number for row in database.rows(TICKS_DONE)}

    def ticks_looked_at():
        logs = system.log("worker-1") + system.log("worker-2")
        return logs.count("tick done") + logs.count("tick passed over")

    system.wait_until(lambda: ticks_looked_at() >= 2 * TICKS, "what both schedulers sent was looked at")
    for name in ("scheduler-1", "scheduler-2"):  # before the next minute, or it would go on for ever
        system.terminate(name)
    system.wait_until(lambda: len(system.sent_to()) >= len(asked), "everything that was due is sent")
    system.wait_until(lambda: system.states() == {"sent": len(asked)}, "every delivery is settled")

    assert system.sent_to() == Counter(asked)
    assert not [call for call in system.sandbox.calls("twilio") if call.time < due.isoformat()], "none was early"
    noted = {"schedule fired": SCHEDULES, "reminder sent": REMINDERS}
    system.wait_until(lambda: outcomes(database) == noted, "it is noted that each was made, and none twice")
    # Where a minute ended in between there are two ticks of a job; what is under way has been run and is not finished.
    system.wait_until(lambda: runs() == finished(), "as many runs as ticks that were finished")
    assert len(runs()) == TICKS
