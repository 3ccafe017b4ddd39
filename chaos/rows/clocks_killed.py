"""Rows 4 and 5: relays and schedulers die, and run twice.

Bars: what is due is begun within 10 s, kills or not; each tick's work is done once; two of each send nothing twice.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from chaos.client import numbers
from chaos.row import Row
from chaos.seen import Check, Seen, at_least, at_most, exactly
from chaos.system import System
from shared.calendar import CALENDAR
from shared.periodic.job import Missed

_MISSED = [job.name for job in CALENDAR if job.missed is Missed.ONCE]
_LONG_AGO = """
    INSERT INTO ticks (job, tick, finished_at, result)
    VALUES (:job, now() - interval '90 days', now(), '{}') RETURNING 1
"""
_DONE_TWICE = "SELECT count(*) FROM ticks WHERE (result->>'tries')::int > 1"
# Of those jobs only: another may have a tick of its own at that moment.
_DONE = """
    SELECT count(DISTINCT job) FROM ticks
    WHERE finished_at IS NOT NULL AND tick > now() - interval '80 days' AND job = ANY(:jobs)
"""


def killed(system: System) -> Seen:
    """Kill the relay at its steps and at random, and the scheduler at its start, while deliveries become due."""
    _miss_ticks(system)
    system.start("sms", "cleanup")
    system.start("scheduler")
    system.start("relay", kill="recovery.due_queues:after:4")
    lateness = _due_in_time(system, system.pick(300, 100), seconds=system.pick(20, 8), kills=system.pick(5, 2))
    # What it was about to announce has been enqueued, and is enqueued again.
    system.processes.remove("relay")
    system.start("relay", kill="ticks.announce:before")
    system.wait_for_kill("ticks.announce")
    system.wait_until(
        lambda: system.number(_DONE, jobs=_MISSED) >= len(_MISSED), "each missed tick is made up for", seconds=90
    )
    return Seen(
        system.books(),
        [
            at_least("times the relay was started", system.processes.starts("relay"), 2),
            at_most("latest begin of what was due", lateness, 10, " s"),
            *_ticks(system),
        ],
        recovery=lateness,
    )


def doubled(system: System) -> Seen:
    """Run two of each, and let a thousand deliveries become due at once."""
    _miss_ticks(system)
    system.start("relay", "relay-2", "scheduler", "scheduler-2", "sms", "sms-2", "cleanup", "cleanup-2")
    system.warm_up(*numbers(1))
    due = datetime.now(UTC) + timedelta(seconds=5)
    system.accept(numbers(system.pick(1000, 300), start=1), send_at=due.isoformat())
    system.wait_until_settled()
    lateness = system.witness.last() - due.timestamp()
    early = [call for call in system.witness.calls[1:] if call.time < due.isoformat()]
    system.wait_until(
        lambda: system.number(_DONE, jobs=_MISSED) >= len(_MISSED), "each missed tick is made up for", seconds=90
    )
    checks = [exactly("sent before they were due", len(early), 0), *_ticks(system)]
    return Seen(system.books(), checks, recovery=lateness)


def _miss_ticks(system: System) -> None:
    """Let the last run of every job have been long ago, so that the relay makes up for those that want it."""
    for job in CALENDAR:
        system.number(_LONG_AGO, job=job.name)


def _ticks(system: System) -> list[Check]:
    done, twice = system.number(_DONE, jobs=_MISSED), system.number(_DONE_TWICE)
    runs = {name: _runs(system, name) for name in _MISSED}
    return [
        exactly("ticks tried twice", twice, 0),
        Check("runs of each missed tick", f"{sorted(set(runs.values()))} of {done}", set(runs.values()) == {1}),
    ]


def _runs(system: System, job: str) -> int:
    """How often a job says it was done, in the logs of those who do it."""
    logs = [path.read_text() for path in system.processes.folder.glob("cleanup*.log")]
    return sum('"tick done"' in line and f'"{job}"' in line for log in logs for line in log.splitlines())


def _due_in_time(system: System, count: int, *, seconds: float, kills: int) -> float:
    """Let deliveries become due over some seconds while relay and scheduler are killed; the latest begin (seconds)."""
    begin = datetime.now(UTC) + timedelta(seconds=4)
    due = {target: begin + timedelta(seconds=seconds * n / count) for n, target in enumerate(numbers(count))}
    step = 10
    for start in range(0, count, step):
        group = list(due)[start : start + step]
        system.accept(group, send_at=due[group[0]].isoformat())
    moments = sorted(system.chance.uniform(1, seconds) for _ in range(kills))
    for moment in moments:
        until = begin + timedelta(seconds=moment)
        system.wait_until(partial(_passed, until), "time passes")
        system.processes.kill(system.chance.choice(["relay", "scheduler"]))
    system.wait_until_settled()
    return max(system.witness.taken_at(target) - moment.timestamp() for target, moment in due.items())


def _passed(moment: datetime) -> bool:
    return datetime.now(UTC) > moment


ROWS = (
    Row(4, "relay and scheduler killed", "work resumes ≤ 10 s; each tick's work once", killed, (95, 75)),
    Row(5, "two relays, two schedulers", "0 duplicates over 1,000 due items", doubled, (45, 40)),
)
