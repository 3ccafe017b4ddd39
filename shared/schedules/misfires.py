"""What becomes of a schedule that is due: which times fire, which are left out, and when it is due again.

| policy | what is later than the grace |
|---|---|
| `skip` | is left out; what is still within the grace fires |
| `once` | the latest time alone fires, in place of all before it |
| `all`  | every one fires, `AT_ONCE` at a time |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.schedules.triggers import Trigger, latest_until

POLICIES = ("skip", "once", "all")
AT_ONCE = 5
"""Times of one schedule that are looked at together. The rest follows in the same way, within the second."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A time at which a schedule was due, and why it does not fire; None: it does."""

    at: datetime
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and when the schedule is due again; None: never."""

    ticks: Sequence[Tick]
    next_at: datetime | None


def plan(trigger: Trigger, policy: str, grace: timedelta, due: datetime, now: datetime) -> Plan:
    """What to do with a schedule that has been due since `due`."""
    left_out: list[Tick] = []
    first: datetime | None = due
    if due < now - grace and policy != "all":
        until = now if policy == "once" else now - grace - timedelta(microseconds=1)
        latest = latest_until(trigger, due, until)
        if policy == "once":
            before = latest - timedelta(seconds=1)
            left_out = [Tick(due, _why(due, latest_until(trigger, due, before), now))] if latest > due else []
            return Plan([*left_out, Tick(latest)], trigger.next_after(latest))
        left_out = [Tick(due, _why(due, latest, now))]
        first = trigger.next_after(latest)
    fired: list[Tick] = []
    while first is not None and first <= now and len(fired) < AT_ONCE:
        fired.append(Tick(first))
        first = trigger.next_after(first)
    return Plan([*left_out, *fired], first)


def _why(first: datetime, last: datetime, now: datetime) -> str:
    late = f"No relay was there in time: it was {int((now - first).total_seconds())} s late."
    return (
        late
        if last <= first
        else f"{late} The same holds for all until {last:%Y-%m-%dT%H:%M:%SZ}, which it stands for."
    )
