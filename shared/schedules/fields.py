"""What a caller may say of a schedule, as marshmallow schemas. The OpenAPI document is made of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.durations import distance_of
from shared.errors import InvalidInput
from shared.intake.fields import Moment, TimeZone
from shared.intake.problems import StrictSchema, did_you_mean
from shared.intake.request import NotificationRequestSchema
from shared.messages.fields import Line
from shared.schedules.cron import read_cron
from shared.schedules.misfires import POLICIES
from shared.schedules.triggers import ByCron, Every, Once, Trigger

LEAST, MOST = timedelta(seconds=60), timedelta(days=366)
"""Between two times of an interval."""
AHEAD = timedelta(days=3660)
LONGEST_GRACE = 86_400
_KINDS = ("at", "every", "cron")
_ALONE = {"timezone": ("cron",), "start_at": ("every", "cron"), "end_at": ("every", "cron")}


class Distance(Line):
    """How far apart an interval's times are, e.g. `30m`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            distance = distance_of(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if not LEAST <= distance <= MOST:
            raise ValidationError(f"Must be from {LEAST.total_seconds():.0f}s to {MOST.days}d.")
        return text


class CronExpression(Line):
    """Five fields of cron."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            read_cron(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return text


class TriggerSchema(StrictSchema):
    """When a schedule fires: exactly one of `at`, `every` and `cron`."""

    at = Moment(metadata={"description": "Once, at this moment.", "example": "2026-12-24T18:00:00+01:00"})
    every = Distance(
        validate=validate.Length(max=12),
        metadata={
            "description": f"Again and again, so far apart: `30m`, `2h`, `1d`; {LEAST.total_seconds():.0f}s at least. "
            "Real time, which no change of clocks touches.",
            "example": "30m",
        },
    )
    cron = CronExpression(
        validate=validate.Length(max=200),
        metadata={
            "description": "When clocks show what five fields say: minute, hour, day of the month (`L`: the last), "
            "month, weekday (0 and 7 are Sunday; or names). Or `@daily` and the like.",
            "example": "0 9 * * mon-fri",
        },
    )
    timezone = TimeZone(
        metadata={"description": "Whose clocks; UTC if left out. With `cron`.", "example": "Europe/London"}
    )
    start_at = Moment(
        metadata={
            "description": "Not before this moment. Times of `every` are counted from it; left out, the first is one "
            "distance from now."
        }
    )
    end_at = Moment(metadata={"description": "Never after this moment."})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        if not isinstance(given, Mapping):
            return
        kinds = [name for name in _KINDS if name in given]
        if len(kinds) != 1:
            raise ValidationError(f"Give exactly one of {', '.join(_KINDS)}.")
        for name, needs in _ALONE.items():
            if name in given and kinds[0] not in needs:
                raise ValidationError(f"Belongs to {' and '.join(needs)}: leave it out beside {kinds[0]}.", name)


class ScheduledRequestSchema(NotificationRequestSchema):
    """A notification request without moments: the schedule has them."""

    class Meta:
        exclude = ("send_at", "expires_at")


class WholeRequest(fields.Nested):
    """Documented by its schema, and kept as it is: `Intake.check` says what is wrong with it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValidationError("Must be an object: what you would send to POST /v1/notifications.")
        return value


class Policy(fields.String):
    """What becomes of times that were missed."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = str(super()._deserialize(value, attr, data, **kwargs))
        if name not in POLICIES:
            raise ValidationError(f"Must be one of {', '.join(POLICIES)}.{did_you_mean(name[:40], POLICIES)}")
        return name


class ScheduleRequestSchema(StrictSchema):
    """A schedule to make."""

    name = Line(
        required=True,
        validate=validate.Length(1, 100),
        metadata={"description": "For people; one that has not ended has it alone.", "example": "monday-digest"},
    )
    trigger = fields.Nested(TriggerSchema, required=True)
    request = WholeRequest(
        ScheduledRequestSchema,
        required=True,
        metadata={"description": "What is sent each time: a request as POST /v1/notifications takes it."},
    )
    misfire = Policy(
        load_default="once",
        metadata={
            "description": "What is done with times that were missed: left out, only the latest made up for, or all.",
            "enum": list(POLICIES),
            "default": "once",
        },
    )
    misfire_grace = fields.Integer(
        strict=True,
        load_default=60,
        validate=validate.Range(1, LONGEST_GRACE),
        metadata={"description": "Seconds after which a time is missed.", "default": 60},
    )


def trigger_from(asked: Mapping[str, Any], now: datetime) -> Trigger:
    """The trigger that `TriggerSchema` has loaded.

    Raises:
        InvalidInput: it never fires from now on, or only in the distant future.
    """
    moments = {name: asked[name].replace(microsecond=0) for name in ("at", "start_at", "end_at") if name in asked}
    far = {name: ["Is too far ahead: ten years at most."] for name, moment in moments.items() if moment > now + AHEAD}
    if far:
        raise InvalidInput({f"trigger.{name}": problem for name, problem in far.items()})
    start, end = moments.get("start_at"), moments.get("end_at")
    if end is not None and end <= max(now, start or now):
        problem = (
            "Must be after start_at." if start and end <= start else "This moment has passed: it would never fire."
        )
        raise InvalidInput({"trigger.end_at": [problem]})
    made: Trigger
    if "at" in asked:
        made = Once(moments["at"])
        if made.at <= now:
            raise InvalidInput(
                {"trigger.at": ["This moment has passed. Give one to come, or send it at once instead."]}
            )
    elif "every" in asked:
        distance = distance_of(asked["every"])
        made = Every(asked["every"], distance, start or now.replace(microsecond=0) + distance, end)
    else:
        made = ByCron(asked["cron"], asked.get("timezone", "UTC"), start, end)
    if made.next_after(now) is None:
        raise InvalidInput({"trigger.end_at": ["It would never fire: its first time comes after this moment."]})
    return made
