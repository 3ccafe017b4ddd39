"""Reminders, follow-ups and schedules: each sent once, at its time, and none of what was moved, cancelled or paused."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from crier.answers import Receipt
from crier.demo.singles import WAITING, Script, Singles
from crier.errors import ApiProblem
from shared.messages.content import load_content

PROMISE, AFTER = "planned", "follow-ups"
ZONE = "Europe/London"
SOON, MINUTE, DAY = timedelta(seconds=4), timedelta(minutes=1), timedelta(days=1)
CONFLICT = 409

Found = Callable[[], str | None]


def planned(send: Singles) -> Script:
    """Four events that are reminded of in a moment, of which two are moved and one is cancelled; schedules likewise."""
    events, due = send.client.events, datetime.now(UTC) + SOON
    attended = datetime.now(UTC) + SOON / 2
    for key in ("attended", "missed"):
        events.create(
            key, starts_at=attended, timezone=ZONE, notification=_mail(f"{key}, before"),
            follow_up={"after": ["1m"], "notification": _mail(key)},
        )  # fmt: skip
    for key, start in (("kept", due), ("nearer", due + DAY), ("away", due), ("cancelled", due)):
        events.create(key, starts_at=start + MINUTE, timezone=ZONE, offsets=["1m"], notification=_mail(key))
    events.change("nearer", starts_at=due + MINUTE)
    events.change("away", starts_at=due + 2 * DAY)
    events.cancel("cancelled")
    once = [_schedule(send, f"second {number}", {"at": due + number * timedelta(seconds=1)}) for number in range(3)]
    again = _schedule(send, "again", {"every": "1m", "start_at": due})
    paused = _schedule(send, "paused", {"at": due})
    send.client.schedules.pause(paused)

    for key in ("kept", "nearer"):
        yield from _arrives(send, key, partial(_reminder, send, key, "1m"), due)
    for number, identifier in enumerate(once):
        moment = due + number * timedelta(seconds=1)
        yield from _arrives(send, f"second {number}", partial(_fired, send, identifier), moment)
    yield from _arrives(send, "again", partial(_fired, send, again), due)
    send.client.schedules.pause(again)

    events.no_show("missed")
    for key, wanted in (("away", ["cancelled", "waiting"]), ("cancelled", ["cancelled"])):
        states = [one["state"] for one in events.get(key)["reminders"]]
        send.promise(states == wanted, PROMISE, f"the reminders of what is {key} are {states}")
    send.promise(not send.client.schedules.get(paused)["fires"], PROMISE, "a schedule that was paused has fired")
    try:
        send.client.schedules.resume(paused)
        send.promise(False, PROMISE, "a schedule whose last time passed while it was paused could be resumed")
    except ApiProblem as problem:
        send.promise(problem.status == CONFLICT, PROMISE, f"resuming a schedule was answered {problem.status}")
    send.tell(PROMISE, "2 reminders and 4 times of schedules came; none of what was moved away, cancelled or paused")


def followed_up(send: Singles) -> Script:
    """A minute after two events, to one of which nobody came."""
    yield from _arrives(send, "attended", partial(_reminder, send, "attended", "+1m"), None, promise=AFTER)
    states = {one["offset"]: one["state"] for one in send.client.events.get("missed")["reminders"]}
    send.promise(states["+1m"] == "cancelled", AFTER, f"where nobody came, it is {states['+1m']}")
    send.tell(AFTER, "asked how it was a minute after an event, once; and not where nobody came")


def _mail(what: str) -> dict[str, Any]:
    name = what.replace(" ", "-").replace(",", "")
    content = {"subject": f"Planned: {what}", "text": "As you wished.\n"}
    return {"channel": "email", "to": {"email": f"{name}@planned.example"}, "content": content}


def _schedule(send: Singles, name: str, trigger: Mapping[str, Any]) -> str:
    shown = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in trigger.items()}
    return send.client.schedules.create(name, trigger=shown, request=_mail(name))["id"]


def _reminder(send: Singles, event: str, offset: str) -> str | None:
    """The notification that one of an event's reminders has become, for its start of now."""
    found = [one for one in send.client.events.get(event)["reminders"] if one["offset"] == offset]
    return found[-1]["notification_id"] if found[-1]["state"] == "sent" else None


def _fired(send: Singles, schedule: str) -> str | None:
    """The notification that a schedule's first time has become."""
    fires = send.client.schedules.get(schedule)["fires"]
    return fires[-1]["notification_id"] if fires and fires[-1]["state"] == "fired" else None


def _arrives(send: Singles, what: str, found: Found, due: datetime | None, *, promise: str = PROMISE) -> Script:
    """Wait until it is a notification; it has to arrive once, and not before it was due."""
    while not (identifier := found()):
        yield WAITING
    asked, receipt = _mail(what), cast(Receipt, {"id": identifier, "lane": "normal", "channel": "email"})
    # A schedule's times are whole seconds.
    moment = due and due.replace(microsecond=0)
    send.expect(
        receipt, promise, what, to=asked["to"], content=load_content("email", asked["content"]), not_before=moment,
        refused=None,
    )  # fmt: skip
    yield from send.ended([identifier])
