"""The schedules of projects: made after everything is checked that can be, looked at, paused and resumed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.errors import Conflict, InvalidInput
from shared.intake import Intake
from shared.intake.canonical import canonical, request_hash
from shared.intake.problems import load
from shared.ledger.draft import IdempotencyKey
from shared.ledger.ids import new_id
from shared.ledger.schedule_rows import Schedule
from shared.ledger.schedules import SchedulePage, Schedules
from shared.schedules.fields import ScheduleRequestSchema, trigger_from
from shared.schedules.triggers import trigger_of, upcoming

SHOWN_TIMES, SHOWN_FIRES = 5, 10
_REQUEST = ScheduleRequestSchema()
_MOMENTS = {
    "send_at": "The schedule says when: leave this out of its request, and give `trigger`.",
    "expires_at": "One moment cannot do for every time a schedule fires: leave this out of its request.",
}
_CODE = (
    "One-time codes cannot be scheduled: a code that is known now is worthless by then, and would be kept until then. "
    "Send it when it is made, with POST /v1/notifications."
)
_UNSEALED = (
    "The template has secret variables, whose values would be kept for as long as the schedule. Choose a template "
    "without, or send it with POST /v1/notifications."
)


@dataclass(frozen=True)
class ScheduleBook:
    """Makes, shows, pauses and resumes schedules.

    Parameters:
        now: the clock by which a new trigger is judged.
    """

    intake: Intake
    schedules: Schedules
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def create(
        self, project_id: int, asked: Any, idempotency_key: str | None = None, *, who: str
    ) -> tuple[Schedule, bool]:
        """Make a schedule; and whether that was done by an earlier call under the same key.

        Raises:
            InvalidInput: every problem, by field path; or the key was used before with a different request.
            Conflict: another one that has not ended is of this name, or the project has too many.
        """
        form = canonical(asked)
        identifier = new_id()
        key = idempotency_key and IdempotencyKey(idempotency_key, request_hash(form), {"schedule": str(identifier)})
        if key and (earlier := self.intake.acceptance.earlier(project_id, key)) is not None:
            return self._earlier(project_id, earlier)
        loaded = load(_REQUEST, asked)
        now = self.now()
        trigger = trigger_from(loaded["trigger"], now)
        self._check(project_id, loaded["request"])
        next_at = trigger.next_after(now)
        if next_at is None:
            raise InvalidInput({"trigger": ["It would never fire."]})
        made = self.schedules.create(
            project_id, loaded["name"], trigger.to_json(), loaded["request"], misfire=loaded["misfire"],
            misfire_grace=loaded["misfire_grace"], next_at=next_at, who=who, key=key or None, identifier=identifier,
        )  # fmt: skip
        if made is not None:
            return made, False
        return self._earlier(project_id, self.intake.acceptance.earlier(project_id, key) if key else None)

    def page(
        self, project_id: int, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> SchedulePage:
        """A page of schedules, newest first. Raises InvalidInput for a cursor that is none."""
        return self.schedules.page(project_id, state=state, limit=limit, cursor=cursor)

    def show(self, project_id: int, identifier: UUID) -> dict[str, Any]:
        """All there is to say of a schedule: its next times and the last ones too. Raises NotFound."""
        found = self.schedules.get(project_id, identifier)
        shown = told(found)
        shown["request"] = found.request
        shown["next_fires"] = self._next_fires(found)
        shown["fires"] = [asdict(one) for one in self.schedules.fires.of(found.id, SHOWN_FIRES)]
        return shown

    def resume(self, project_id: int, identifier: UUID, *, who: str) -> Schedule:
        """Let it fire again. What was due while it was paused is not made up for: pausing is not missing.

        Raises:
            NotFound: the project has no such schedule.
            Conflict: it has ended, or none of its times is left.
        """
        return self.schedules.resume(project_id, identifier, following, who=who)

    def _next_fires(self, schedule: Schedule) -> list[datetime]:
        if schedule.next_fire_at is None:
            return []
        first = schedule.next_fire_at
        try:
            return [first, *upcoming(trigger_of(schedule.trigger), first, SHOWN_TIMES - 1)]
        except (ValueError, KeyError):  # its time zone is gone: the relay will say so when it is due
            return [first]

    def _check(self, project_id: int, request: Mapping[str, Any]) -> None:
        """Say at once what would be refused each time it fires."""
        problems = {name: [why] for name, why in _MOMENTS.items() if request.get(name) is not None}
        if problems:
            raise _within(problems)
        try:
            draft = self.intake.check(project_id, request)
        except InvalidInput as error:
            # It was not given: that it is missed means that this is a code.
            code = {"template": [_CODE]} if "expires_at" in error.fields else {}
            raise _within(code or error.fields) from None
        if draft.secret is not None:
            raise _within({"template": [_UNSEALED]})

    def _earlier(self, project_id: int, answer: Mapping[str, Any] | None) -> tuple[Schedule, bool]:
        if answer is None:
            raise Conflict("This Idempotency-Key was removed a moment ago. Try again.")
        if "schedule" not in answer:
            raise InvalidInput({"Idempotency-Key": ["This key was used before for something else. Use a new key."]})
        return self.schedules.get(project_id, UUID(answer["schedule"])), True


def following(schedule: Schedule, moment: datetime) -> datetime | None:
    """When a schedule fires next, after a moment. Raises Conflict when its time zone is gone."""
    try:
        return trigger_of(schedule.trigger).next_after(moment)
    except (ValueError, KeyError) as error:
        raise Conflict(f"Its trigger cannot be read any more: {error}. Make a new schedule.") from None


def told(schedule: Schedule) -> dict[str, Any]:
    """What a list tells of a schedule: not what it sends, nor to whom."""
    shown = asdict(schedule)
    del shown["project_id"], shown["request"]
    return shown


def _within(problems: Mapping[str, list[str]]) -> InvalidInput:
    return InvalidInput(
        {"request" if path == "(body)" else f"request.{path}": every for path, every in problems.items()}
    )
