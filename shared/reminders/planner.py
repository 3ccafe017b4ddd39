"""What may be asked of events: everything that can be refused is refused while somebody is there to hear it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import InvalidInput
from shared.intake import Intake
from shared.ledger.appointments import Appointment, Appointments, Decide, Wanted
from shared.reminders.notification import notification_of
from shared.reminders.offsets import DEFAULT, Offset
from shared.reminders.starts import Start, start_of

AHEAD = timedelta(days=3660)
_DECIDED = "The event decides when: leave this out."
_ONE_CHANNEL = "Name one channel: reminders do not fall back. Make an event for each channel, under keys of their own."
_NO_SECRETS = "What is secret is not kept until then: remind with a template that has no secret variables."


@dataclass(frozen=True)
class Planner:
    """Makes, moves and cancels events.

    What is asked is as the gateway's schemas load it: `starts_at`, `timezone`, `offsets`, `late`, `notification`.

    Parameters:
        now: the clock by which something has passed.
    """

    appointments: Appointments
    intake: Intake
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def create(self, project_id: int, key: str, asked: Mapping[str, Any]) -> Appointment:
        """A new event.

        Raises:
            InvalidInput: every problem of a field.
            Conflict: there is one of this key.
        """
        now = self.now()
        return self.appointments.create(project_id, key, self._whole(project_id, asked, now), now=now)

    def put(self, project_id: int, key: str, asked: Mapping[str, Any], *, who: str) -> Appointment:
        """An event as it is asked for, whether there was one of this key or not. Raises InvalidInput."""
        now = self.now()
        return self.appointments.put(project_id, key, self._whole(project_id, asked, now), who=who, now=now)

    def change(self, project_id: int, name: str, asked: Mapping[str, Any], *, who: str) -> Appointment:
        """Move an event, or change what is given of it.

        Raises:
            InvalidInput: as for `create`.
            NotFound: the project has none of this key or id.
            Conflict: it was cancelled, or has begun.
        """
        now = self.now()
        request = self._request(project_id, asked["notification"]) if "notification" in asked else None

        def decide(found: Appointment | None) -> Wanted:
            assert found is not None  # noqa: S101
            start = Start(found.starts_at, found.wall_time, found.timezone)
            if "starts_at" in asked:
                start = _start(asked["starts_at"], asked.get("timezone", found.timezone), now)
            offsets = [Offset.parse(one) for one in asked.get("offsets", found.offsets)]
            strict = asked.get("late", "refuse" if "offsets" in asked else "skip") == "refuse"
            return _wanted(found, start, offsets, request or found.request, now, strict=strict)

        return self.appointments.change(project_id, name, decide, who=who, now=now)

    def cancel(self, project_id: int, name: str, *, who: str) -> Appointment:
        """Remind of it no more. Raises NotFound; Conflict when it has begun."""
        return self.appointments.cancel(project_id, name, who=who, now=self.now())

    def _whole(self, project_id: int, asked: Mapping[str, Any], now: datetime) -> Decide:
        start = _start(asked["starts_at"], asked["timezone"], now)
        request = self._request(project_id, asked["notification"])
        offsets = [Offset.parse(one) for one in asked.get("offsets", DEFAULT)]
        strict = asked.get("late", "refuse" if "offsets" in asked else "skip") == "refuse"
        return lambda found: _wanted(found, start, offsets, request, now, strict=strict)

    def _request(self, project_id: int, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The notification that each reminder is, checked as if it were sent now."""
        problems = {name: [_DECIDED] for name in ("send_at", "expires_at") if given.get(name) is not None}
        if isinstance(given.get("channel"), list):
            problems["channel"] = [_ONE_CHANNEL]
        if not problems:
            try:
                then = self.now() + AHEAD
                draft = self.intake.check(project_id, notification_of(self.intake, project_id, given, then, "UTC"))
                if draft.kind == "code" or draft.secret:
                    problems = {"template": [_NO_SECRETS]}
            except InvalidInput as error:
                problems = error.fields
        if problems:
            raise InvalidInput({_below(path): said for path, said in problems.items()})
        return given


def _start(text: str, timezone: str, now: datetime) -> Start:
    try:
        start = start_of(text, timezone)
    except ValueError as error:
        raise InvalidInput({"starts_at": [str(error)]}) from None
    if start.moment <= now:
        raise InvalidInput({"starts_at": [f"{start.local} has passed: nobody can be reminded of it any more."]})
    if start.moment > now + AHEAD:
        raise InvalidInput({"starts_at": [f"May be at most {AHEAD.days} days ahead."]})
    return start


def _wanted(
    found: Appointment | None, start: Start, offsets: Sequence[Offset], request: Mapping[str, Any], now: datetime, *,
    strict: bool,
) -> Wanted:  # fmt: skip
    """What the event is to be.

    Parameters:
        strict: an offset whose moment has passed is refused, unless the event had it for the same start before.
    """
    due = {str(offset): offset.before(start) for offset in offsets}
    wanted = Wanted(start.moment, start.wall_time, start.timezone, due, request)
    if strict:
        same = found is not None and not wanted.is_another_time(found)
        had = {one.before for one in found.reminders if one.version == found.version} if found and same else set()
        if late := [before for before, moment in due.items() if moment <= now and before not in had]:
            told = f"{', '.join(late)} before {start.local} has passed already."
            raise InvalidInput({"offsets": [f"{told} Leave it out, or give late: skip to have it left out."]})
    return wanted


def _below(path: str) -> str:
    return "notification" if path == "(body)" else f"notification.{path}"
