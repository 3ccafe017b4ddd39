"""What `/v1/schedules` answers. What it takes is in `shared/schedules/fields.py`."""

from marshmallow import Schema, fields, validate

from shared.schedules.misfires import POLICIES

STATES = ("active", "paused", "ended")
FIRES = ("promised", "fired", "skipped", "failed")


class FireSchema(Schema):
    """A time at which a schedule was due."""

    fire_time = fields.DateTime(required=True)
    notification_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "What it became, or will become in a moment."}
    )
    state = fields.String(required=True, validate=validate.OneOf(FIRES))
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it was left out, or what was refused."}
    )
    fired_at = fields.DateTime(required=True, allow_none=True)


class ScheduleSummarySchema(Schema):
    """A schedule as a list shows it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    trigger = fields.Dict(required=True, metadata={"example": {"cron": "0 9 * * mon-fri", "timezone": "Europe/London"}})
    misfire = fields.String(required=True, validate=validate.OneOf(POLICIES))
    misfire_grace = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    next_fire_at = fields.DateTime(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    ended_at = fields.DateTime(required=True, allow_none=True)


class ScheduleSchema(ScheduleSummarySchema):
    """A schedule with what it sends, its next five times and its last ten."""

    request = fields.Dict(required=True)
    next_fires = fields.List(fields.DateTime(), required=True)
    fires = fields.List(fields.Nested(FireSchema), required=True)


class SchedulePageSchema(Schema):
    """Schedules, newest first. `next` is the cursor of the page that follows; null at the end."""

    items = fields.List(fields.Nested(ScheduleSummarySchema), required=True)
    next = fields.String(required=True, allow_none=True)
