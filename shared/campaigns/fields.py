"""What a caller may say of a campaign, as marshmallow schemas. The OpenAPI document is made of them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.campaigns.moments import PAST, wall_time
from shared.campaigns.pace import rate_of
from shared.intake.fields import Moment, TimeZone
from shared.intake.problems import StrictSchema, did_you_mean
from shared.intake.request import EnvelopeSchema
from shared.messages.fields import Line


class Throttle(Line):
    """Messages in a time."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            rate_of(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return text


class WallTime(Line):
    """A time on a clock, of no place in particular."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return wall_time(text).isoformat()
        except ValueError:
            raise ValidationError("Must be a time on a clock, without an offset: 2027-03-28T09:00.") from None


def _choice(*choices: str) -> Any:
    def check(value: str) -> None:
        if value not in choices:
            raise ValidationError(f"Must be one of {', '.join(choices)}.{did_you_mean(value[:40], choices)}")

    return check


class LocalTimeSchema(StrictSchema):
    """A time on the clock of each recipient."""

    at = WallTime(
        required=True, metadata={"description": "What clocks show there then.", "example": "2030-03-28T09:00"}
    )
    timezone = TimeZone(
        required=True,
        metadata={"description": "Of those who have none of their own.", "example": "Europe/London"},
    )
    past = fields.String(
        load_default="send",
        validate=_choice(*PAST),
        metadata={
            "description": "What becomes of those whose clocks showed it before: `send` at once, or `skip`.",
            "enum": list(PAST),
            "default": "send",
        },
    )


class CampaignNotificationSchema(EnvelopeSchema):
    """What everybody is sent: a notification request without a recipient and without `send_at`."""

    class Meta:
        exclude = ("send_at",)


class SharedRequest(fields.Nested):
    """Documented by its schema, and kept as it is: it is checked as a whole, with the audience."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValidationError("Must be an object: what you would send to POST /v1/notifications, without `to`.")
        return dict(value)


class CampaignRequestSchema(StrictSchema):
    """A campaign to make."""

    name = Line(
        required=True,
        validate=validate.Length(1, 100),
        metadata={"description": "For people.", "example": "Spring menu"},
    )
    audience = Line(
        required=True,
        validate=validate.Length(1, 100),
        metadata={"description": "Whom it goes to: the name or the id of an audience.", "example": "newsletter"},
    )
    request = SharedRequest(
        CampaignNotificationSchema,
        required=True,
        metadata={"description": "What is sent. Members' own data and metadata are laid over its."},
    )
    send_at = Moment(
        allow_none=True,
        metadata={
            "description": "Not before this moment; else when it is released.",
            "example": "2030-03-28T09:00:00Z",
        },
    )
    local_time = fields.Nested(LocalTimeSchema, metadata={"description": "Instead of `send_at`."})
    throttle = Throttle(
        metadata={"description": "At most so many messages: `100/s`, `600/m`, `5000/h`.", "example": "100/s"}
    )

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("send_at") and data.get("local_time"):
            raise ValidationError("Give send_at or local_time, not both.", "local_time")


class ReleaseSchema(StrictSchema):
    """How a campaign is released."""

    without_dry_run = fields.Boolean(
        load_default=False, metadata={"description": "Release it although nobody has seen what would be sent."}
    )
