"""Row 19: relays are killed and the database crashes while schedules and reminders fall due.

Bars: each fires once, none before its time; all are made up for within a reminder's lease (30 s) and 15 s of the end of
the kills.
"""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from chaos.client import numbers
from chaos.planned import left, outcomes, plan
from chaos.row import Row
from chaos.seen import Seen, at_least, at_most, exactly
from chaos.system import System
from shared.errors import LedgerUnavailable

# Between each of the three steps: what was promised is not made yet, or is made and nobody has said so.
_STEPS = (
    "schedules.claim:after:10%", "reminders.promise:after:10%", "intake.accept_promised:before:1%",
    "intake.accept_promised:after:1%", "schedules.settle:before:10%",
)  # fmt: skip
_NAMES = ("relay", "relay-2")
_LEASE = 30


def run(system: System) -> Seen:
    """Two relays die again and again, at steps and at moments that the seed chooses; the database is killed once."""
    count, seconds = system.pick(400, 120), system.pick(30, 12)
    environment = {"CRIER_CHAOS_KILL": ",".join(_STEPS), "CRIER_CHAOS_KILLED": str(system.processes.killed)}
    system.start("sms")
    system.start(*_NAMES, environment=environment)
    begin = datetime.now(UTC) + timedelta(seconds=6)
    moments = [begin + timedelta(seconds=seconds * number / count) for number in range(count)]
    scheduled = dict(zip(numbers(count), moments, strict=True))
    reminded = dict(zip(numbers(count, start=count), moments, strict=True))
    plan(system.database, system.intake, system.project_id, schedules=scheduled, reminders=reminded)
    due = scheduled | reminded
    for target in due:
        system.client.accepted.setdefault(target, set())
    killed = _strike(system, begin, seconds, kills=system.pick(8, 3))
    for name in _NAMES:
        system.processes.remove(name)
    system.start("relay")
    whole = time.time()
    system.wait_until(lambda: _left(system) == 0, "everything that was due has fired", seconds=_LEASE + 60)
    system.wait_until_settled()
    recovery = max(0.0, system.witness.last() - whole)
    steps = sorted({written.rpartition(":")[0] for _, written in system.processes.kills()})
    early = [call for call in system.witness.calls if call.recipient and call.time < due[call.recipient].isoformat()]
    return Seen(
        system.books(),
        [
            at_least("kills of relays at random moments", killed, 1),
            at_least(f"and at steps: {', '.join(steps)}", len(system.processes.kills()), 1),
            exactly("notifications made", system.number("SELECT count(*) FROM notifications"), len(due)),
            exactly("ends", outcomes(system.database), {"schedule fired": count, "reminder sent": count}),
            exactly("sent before they were due", len(early), 0),
            at_most("made up for after the kills", recovery, _LEASE + 15, " s"),
        ],
        recovery=recovery,
    )


def _strike(system: System, begin: datetime, seconds: float, *, kills: int) -> int:
    """Kill relays at random moments, and the database in the middle; how many relays."""
    moments = [(begin + timedelta(seconds=system.chance.uniform(0, seconds)), "relay") for _ in range(kills)]
    for moment, what in sorted([*moments, (begin + timedelta(seconds=seconds / 2), "database")]):
        system.wait_until(partial(_passed, moment), "time passes")
        if what == "database":
            system.postgres.kill()
            system.postgres.start()
        else:
            system.processes.kill(system.chance.choice(_NAMES))
    end = begin + timedelta(seconds=seconds)
    system.wait_until(lambda: _passed(end), "all are due")
    return kills


def _left(system: System) -> int:
    try:
        return left(system.database)
    except LedgerUnavailable:
        return -1


def _passed(moment: datetime) -> bool:
    return datetime.now(UTC) > moment


ROWS = (
    Row(
        19, "relays killed, database crashed, while schedules and reminders fall due",
        "each fired once, none early; ≤ 45 s after the kills", run, (85, 65),
    ),
)  # fmt: skip
