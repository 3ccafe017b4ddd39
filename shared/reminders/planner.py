"""What may be asked of events: everything that can be refused is refused while somebody is there to hear it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import InvalidInput
from shared.intake import Intake
from shared.ledger.appointment_rows import AFTERWARDS, Appointment, Wanted
from shared.ledger.appointments import Appointments, Decide
from shared.reminders.notification import follow_up_of, reminder_of
from shared.reminders.offsets import DEFAULT, Offset
from shared.reminders.starts import Start, start_of

AHEAD = timedelta(days=3660)
_DECIDED = "The event decides when: leave this out."
_ONE_CHANNEL = "Name one channel: reminders do not fall back. Make an event for each channel, under keys of their own."
_NO_SECRETS = "What is secret is not kept until then: remind with a template that has no secret variables."


@dataclass(frozen=True)
class Planner:
    """Makes, moves and cancels events.

    What is asked is as the gateway's schemas load it: `starts_at`, `timezone`, `offsets`, `late`, `notification`,
    `duration`, `follow_up`.

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
        given = {
            "request": self._request(project_id, asked["notification"]) if "notification" in asked else None,
            "follow_up": self._follow_up(project_id, asked.get("follow_up")),
        }

        def decide(found: Appointment | None) -> Wanted:
            assert found is not None  # noqa: S101
            start = Start(found.starts_at, found.wall_time, found.timezone)
            if "starts_at" in asked:
                start = _start(asked["starts_at"], asked.get("timezone", found.timezone), now)
            offsets = [Offset.parse(one) for one in asked.get("offsets", found.offsets)]
            strict = asked.get("late", "refuse" if "offsets" in asked else "skip") == "refuse"
            sent = _Sent(
                offsets, given["request"] or found.request, asked.get("duration", found.duration),
                given["follow_up"] or found.follow_up,
            )  # fmt: skip
            return _wanted(found, start, sent, now, strict=strict)

        return self.appointments.change(project_id, name, decide, who=who, now=now)

    def cancel(self, project_id: int, name: str, *, who: str) -> Appointment:
        """Remind of it no more. Raises NotFound; Conflict when it has begun."""
        return self.appointments.cancel(project_id, name, who=who, now=self.now())

    def no_show(self, project_id: int, name: str, *, who: str) -> Appointment:
        """Nobody came: send nothing afterwards. Raises NotFound; Conflict unless it has begun and was not cancelled."""
        return self.appointments.no_show(project_id, name, who=who, now=self.now())

    def _whole(self, project_id: int, asked: Mapping[str, Any], now: datetime) -> Decide:
        start = _start(asked["starts_at"], asked["timezone"], now)
        sent = _Sent(
            [Offset.parse(one) for one in asked.get("offsets", DEFAULT)],
            self._request(project_id, asked["notification"]),
            asked.get("duration"),
            self._follow_up(project_id, asked.get("follow_up")),
        )
        strict = asked.get("late", "refuse" if "offsets" in asked else "skip") == "refuse"
        return lambda found: _wanted(found, start, sent, now, strict=strict)

    def _follow_up(self, project_id: int, given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """What is sent afterwards, checked."""
        if given is not None:
            self._request(project_id, given["notification"], "follow_up.notification")
        return given

    def _request(self, project_id: int, given: Mapping[str, Any], path: str = "notification") -> Mapping[str, Any]:
        """The notification that each reminder is, checked as if it were sent now."""
        problems = {name: [_DECIDED] for name in ("send_at", "expires_at") if given.get(name) is not None}
        if isinstance(given.get("channel"), list):
            problems["channel"] = [_ONE_CHANNEL]
        if not problems:
            try:
                then = self.now() + AHEAD
                made = (
                    reminder_of(self.intake, project_id, given, starts_at=then, timezone="UTC")
                    if path == "notification"
                    else follow_up_of(self.intake, project_id, given, starts_at=then, timezone="UTC", due_at=then)
                )
                draft = self.intake.check(project_id, made)
                if draft.kind == "code" or draft.secret:
                    problems = {"template": [_NO_SECRETS]}
            except InvalidInput as error:
                problems = error.fields
        if problems:
            raise InvalidInput({_below(path, field): said for field, said in problems.items()})
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


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is sent of an event, and when."""

    offsets: Sequence[Offset]
    request: Mapping[str, Any]
    duration: str | None
    follow_up: Mapping[str, Any] | None

    def due(self, start: Start) -> dict[str, datetime]:
        """The moments, by their offsets."""
        end = Start.at(Offset.parse(self.duration).after(start), start.timezone) if self.duration else start
        after = [Offset.parse(one) for one in self.follow_up["after"]] if self.follow_up else []
        return {str(one): one.before(start) for one in self.offsets} | {
            f"{AFTERWARDS}{one}": one.after(end) for one in after
        }


def _wanted(found: Appointment | None, start: Start, sent: _Sent, now: datetime, *, strict: bool) -> Wanted:
    """What the event is to be.

    Parameters:
        strict: an offset whose moment has passed is refused, unless the event had it for the same start before.
    """
    due = sent.due(start)
    wanted = Wanted(start.moment, start.wall_time, start.timezone, due, sent.request, sent.duration, sent.follow_up)
    if strict:
        same = found is not None and not wanted.is_another_time(found)
        had = {one.before for one in found.reminders if one.version == found.version} if found and same else set()
        if late := [before for before, moment in due.items() if moment <= now and before not in had]:
            told = f"{', '.join(late)} before {start.local} has passed already."
            raise InvalidInput({"offsets": [f"{told} Leave it out, or give late: skip to have it left out."]})
    return wanted


def _below(path: str, field: str) -> str:
    return path if field == "(body)" else f"{path}.{field}"
