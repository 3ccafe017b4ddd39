"""What `/v1/events` takes and answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.queries import PAGE_PARAMETERS
from services.gateway.routes import query
from shared.intake.fields import Moment
from shared.intake.problems import StrictSchema
from shared.intake.request import NotificationRequestSchema
from shared.ledger.appointment_rows import REMINDER_STATES, STATES
from shared.ledger.states import State
from shared.messages.fields import Line
from shared.reminders.offsets import DEFAULT, MOST, Offset
from shared.reminders.starts import check_zone

_KEY = r"^[A-Za-z0-9][A-Za-z0-9._:@~+-]{0,199}$"
_LATE = ("refuse", "skip")


class ReminderRequestSchema(NotificationRequestSchema):
    """The notification that each reminder is; the event says when it is sent, and until when."""

    class Meta:
        """Without these."""

        exclude = ("send_at", "expires_at")


class _Notification(fields.Nested):
    """Documented by its schema, loaded as it is: it is checked as any notification is."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValidationError("Must be an object: the notification each reminder is.")
        return value


class _Zone(Line):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        try:
            check_zone(name)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return name


class _OffsetField(Line):
    """How long before, in its normal form."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        try:
            return str(Offset.parse(super()._deserialize(value, attr, data, **kwargs)))
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _offsets(description: str, example: list[str], **options: Any) -> fields.Field[Any]:
    return fields.List(
        _OffsetField(), validate=validate.Length(1, MOST, error=f"Must be 1 to {MOST} offsets."),
        metadata={"description": description, "example": example}, **options,
    )  # fmt: skip


class FollowUpSchema(StrictSchema):
    """What is sent after an event."""

    after = _offsets("How long after its end, as `offsets` are written.", ["2h"], required=True)
    notification = _Notification(ReminderRequestSchema, required=True)

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        _once(data.get("after", ()), "after")


def _once(offsets: Sequence[str], name: str) -> None:
    if twice := sorted({one for one in offsets if offsets.count(one) > 1}):
        raise ValidationError(f"{', '.join(twice)} is there twice: give it once.", name)


class EventKey(Line):
    """The caller's own name for an event."""

    def __init__(self, **options: Any) -> None:
        wrong = "1 to 200 letters, digits and ._:@~+-, beginning with a letter or digit."
        super().__init__(
            validate=validate.Regexp(_KEY, error=wrong),
            metadata={"description": f"Your own name for it: {wrong}", "example": "booking-4711"}, **options,
        )  # fmt: skip


class EventFieldsSchema(StrictSchema):
    """An event, but for its key."""

    starts_at = Line(
        required=True, validate=validate.Length(1, 40),
        metadata={
            "description": "When it begins: a time on the clock of its zone, or a moment with its offset.",
            "example": "2027-03-01T18:30:00",
        },
    )  # fmt: skip
    timezone = _Zone(required=True, metadata={"description": "An IANA time zone.", "example": "Europe/London"})
    duration = _OffsetField(
        validate=validate.Length(1, 20),
        metadata={"description": "How long it takes: follow-ups count from its end.", "example": "45m"},
    )
    offsets = _offsets(
        "How long before it a reminder is sent: 30m, 2h, 7d, 1d12h. Days are days of the calendar in its zone, hours "
        f"and minutes time that passes. {' and '.join(DEFAULT)} when left out.",
        list(DEFAULT),
    )
    late = fields.String(
        validate=validate.OneOf(_LATE, error="Must be refuse or skip."),
        metadata={
            "description": "Offsets whose moment has passed: refuse the request, or skip them. Skip when `offsets` is "
            "left out, else refuse.",
            "enum": list(_LATE),
        },
    )
    notification = _Notification(ReminderRequestSchema, required=True)
    follow_up = fields.Nested(FollowUpSchema, metadata={"description": "What is sent afterwards; nothing without it."})

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        _once(data.get("offsets", ()), "offsets")


class EventRequestSchema(EventFieldsSchema):
    """An event to remind of."""

    key = EventKey(required=True)


class EventChangeSchema(EventFieldsSchema):
    """What is to change of an event; what is left out stays."""

    starts_at = Line(validate=validate.Length(1, 40), metadata={"example": "2027-03-02T10:00:00"})
    timezone = _Zone(metadata={"description": "With starts_at only.", "example": "Europe/London"})
    notification = _Notification(ReminderRequestSchema)

    @validates_schema
    def check_zone(self, data: dict[str, Any], **_: Any) -> None:
        if "timezone" in data and "starts_at" not in data:
            raise ValidationError("Give starts_at too: what is the time there?", "timezone")
        if not data.keys() - {"late"}:
            raise ValidationError("Say what to change: starts_at, duration, offsets, notification or follow_up.")


class EventsQuerySchema(StrictSchema):
    """Which events."""

    state = fields.String(
        load_default="scheduled", validate=validate.OneOf(STATES, error=f"Must be one of {', '.join(STATES)}.")
    )
    after = Moment()
    before = Moment()
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100))
    cursor = Line(validate=validate.Length(1, 200))


EVENTS_PARAMETERS = [
    query("state", "Only these.", enum=list(STATES), default="scheduled"),
    query("after", "Begin at or after this moment.", format="date-time"),
    query("before", "Begin before this moment.", format="date-time"),
    *PAGE_PARAMETERS,
]


class ReminderSchema(Schema):
    """A reminder of an event, or a follow-up. `starts_at` is the start it was for: it may have been moved since."""

    offset = fields.String(
        required=True, metadata={"description": "How long before; of a follow-up as +2h, after.", "example": "24h"}
    )
    starts_at = fields.DateTime(required=True)
    due_at = fields.DateTime(required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(REMINDER_STATES),
        metadata={"description": "sent: handed over; `notification_state` says what became of it."},
    )  # fmt: skip
    reason = fields.String(required=True, allow_none=True)
    notification_id = fields.UUID(required=True, allow_none=True)
    notification_state = fields.String(
        required=True, allow_none=True, validate=validate.OneOf([str(state) for state in State])
    )


class PlannedEventSummarySchema(Schema):
    """An event as a list shows it."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    starts_at = fields.DateTime(required=True)
    local_start = fields.DateTime(required=True, metadata={"description": "The same on the clock of its zone."})
    timezone = fields.String(required=True)
    duration = fields.String(required=True, allow_none=True)
    offsets = fields.List(fields.String(), required=True)
    next_reminder_at = fields.DateTime(required=True, allow_none=True)
    notification = fields.Dict(required=True)
    follow_up = fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "`after` and `notification`; null where there is none."},
    )
    created_at = fields.DateTime(required=True)
    changed_at = fields.DateTime(required=True)


class PlannedEventSchema(PlannedEventSummarySchema):
    """An event with its reminders, those of earlier starts among them."""

    reminders = fields.List(fields.Nested(ReminderSchema), required=True)


class PlannedEventPageSchema(Schema):
    """Events, the soonest first. `next` is the cursor of the page that follows; null at the end."""

    items = fields.List(fields.Nested(PlannedEventSummarySchema), required=True)
    next = fields.String(required=True, allow_none=True)
