"""Row 13: the clock of one process is off by an hour or a day.

Bars: nothing is claimed twice, nothing is sent after it has expired, nothing before it is due. time-machine shifts what
a process takes for the time of day; the witness and the database have the right time.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from chaos import clock
from chaos.client import numbers
from chaos.row import Row
from chaos.seen import Seen, exactly
from chaos.system import System


def run(system: System, *, hours: int) -> Seen:
    """One worker and one relay are wrong, one of each is right; some deliveries have expired, some are not due yet."""
    wrong = {clock.SHIFT: str(hours * 3600)}
    now = datetime.now(UTC)
    dead, late, early = numbers(50), numbers(50, start=1000), numbers(system.pick(300, 100), start=2000)
    expiry, due = now + timedelta(seconds=2), now + timedelta(seconds=12)
    system.accept(dead, expires_at=expiry.isoformat())
    system.accept(late, send_at=due.isoformat())
    system.accept(early, expires_at=(now + timedelta(seconds=100)).isoformat())
    system.wait_until(lambda: datetime.now(UTC) > expiry, "time passes")
    system.start("relay-2", "sms-2", environment=wrong)
    system.start("relay", "sms")
    system.wait_until_settled()
    calls, due_at = system.witness.calls, due.isoformat()
    return Seen(
        system.books(),
        [
            exactly("sent after it had expired", sum(call.recipient in dead for call in calls), 0),
            exactly("sent before it was due", sum(call.recipient in late for call in calls if call.time < due_at), 0),
            exactly("ends", dict(system.states()), {"expired": len(dead), "sent": len(late) + len(early)}),
        ],
    )  # fmt: skip


ROWS = tuple(
    Row(
        13, f"clock of one worker and one relay {what}", "no double claim; nothing sent after it expired",
        partial(run, hours=hours), (25, 18),
    )
    for what, hours in (("an hour ahead", 1), ("a day behind", -24))
)  # fmt: skip
