"""What `/v1/recipients`, `/v1/categories` and `/v1/quiet-hours` take and answer."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.answers import RowErrorSchema
from shared.intake.fields import Category, Locale, Metadata, TimeZone
from shared.intake.problems import StrictSchema, did_you_mean
from shared.ledger.preferences import CHANNELS
from shared.ledger.recipients import Recipient
from shared.ledger.wishes import QUIET_CHANNELS
from shared.messages.fields import EmailAddress, Line, PhoneNumber

OFF = "off"
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_WINDOW = 'Must be {"from": "22:00", "until": "08:00"}, or "off" for none whatever the project\'s are.'


class TimeOfDay(fields.String):
    """A time as clocks show it, `22:00`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValidationError("Must be a time of day from 00:00 to 23:59, e.g. 22:00.")
        return value


class WindowSchema(StrictSchema):
    """Hours of the day; past midnight where `until` is earlier."""

    from_ = TimeOfDay(required=True, data_key="from", metadata={"example": "22:00"})
    until = TimeOfDay(required=True, metadata={"example": "08:00"})


class OwnQuietHours(fields.Field[Any]):
    """A recipient's own quiet hours: a window, `off`, or null for the project's."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, str]:
        if value == OFF:
            return "00:00", "00:00"
        if not isinstance(value, Mapping):
            raise ValidationError(_WINDOW)
        window = WindowSchema().load(value)
        if window["from_"] == window["until"]:
            raise ValidationError('They begin when they end: say "off" for none.')
        return window["from_"], window["until"]


class RecipientRequestSchema(StrictSchema):
    """What is to be known of a person."""

    name = Line(allow_none=True, validate=validate.Length(1, 200), metadata={"example": "Ada Lovelace"})
    email = EmailAddress(allow_none=True, metadata={"example": "ada@example.com"})
    phone = PhoneNumber(allow_none=True, metadata={"example": "+442079460018"})
    locale = Locale(allow_none=True, metadata={"description": "Language tag (BCP 47).", "example": "en-GB"})
    timezone = TimeZone(allow_none=True, metadata={"description": "IANA time zone.", "example": "Europe/London"})
    quiet_hours = OwnQuietHours(
        allow_none=True,
        metadata={
            "description": "Their own, by their time zone. `off`: none. Left out: the project's.",
            "oneOf": [
                {
                    "type": "object",
                    "required": ["from", "until"],
                    "properties": {"from": {"type": "string"}, "until": {"type": "string"}},
                },
                {"type": "string", "enum": [OFF]},
                {"type": "null"},
            ],
        },
    )
    metadata = Metadata(
        allow_none=True,
        metadata={
            "description": "Strings of your own: at most 20 keys, 1 KB.",
            "additionalProperties": {"type": "string"},
        },
    )


class StoredRecipientSchema(Schema):
    """A person, as they are stored."""

    user_id = fields.String(required=True, metadata={"example": "u_1"})
    name = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    locale = fields.String(required=True, allow_none=True)
    timezone = fields.String(required=True, allow_none=True)
    quiet_hours = fields.Raw(
        required=True, allow_none=True, metadata={"description": 'A window, "off", or null: the project\'s.'}
    )
    metadata = fields.Dict(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class RecipientPageSchema(Schema):
    """Recipients, by their ids. `next` is the cursor of the page that follows; null at the end."""

    items = fields.List(fields.Nested(StoredRecipientSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class RemovedSchema(Schema):
    """What is gone."""

    removed = fields.String(required=True)


def _channel(name: str) -> None:
    if name not in CHANNELS:
        raise ValidationError(f"Must be one of {', '.join(CHANNELS)}.{did_you_mean(name[:40], CHANNELS)}")


class ChoiceRequestSchema(StrictSchema):
    """What a user wants of a category by a channel."""

    category = Category(allow_none=True, load_default=None, metadata={"description": "Null: all, and what is of none."})
    channel = fields.String(
        allow_none=True, load_default=None, validate=_channel,
        metadata={"description": "Null: all.", "enum": [*CHANNELS, None]},
    )  # fmt: skip
    wanted = fields.Boolean(
        required=True, allow_none=True, truthy={True}, falsy={False},
        metadata={"description": "Null forgets what was said."},
    )  # fmt: skip


class PreferencesRequestSchema(StrictSchema):
    """What a user wants. The choice that says most decides: category and channel, category, channel, all."""

    choices = fields.List(fields.Nested(ChoiceRequestSchema), required=True, validate=validate.Length(max=200))


class ChoiceSchema(Schema):
    """What was said of a user's wishes. `source`: by a key, or by the `link`."""

    category = fields.String(required=True, allow_none=True)
    channel = fields.String(required=True, allow_none=True)
    wanted = fields.Boolean(required=True)
    source = fields.String(required=True)
    at = fields.DateTime(required=True)


class HoldingSchema(Schema):
    """Whether what is of a category is sent to a user by a channel, and why not."""

    category = fields.String(
        required=True, allow_none=True, metadata={"description": "Null: what is of no category, and no promotion."}
    )
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    required = fields.Boolean(required=True)
    wanted = fields.Boolean(required=True)
    why = fields.String(required=True, allow_none=True)


class PreferencesSchema(Schema):
    """What was said of a user's wishes, and what holds for each category and channel."""

    user_id = fields.String(required=True)
    choices = fields.List(fields.Nested(ChoiceSchema), required=True)
    holds = fields.List(fields.Nested(HoldingSchema), required=True)


class PreferencesLinkSchema(Schema):
    """An address where a user says what they want, without a login."""

    url = fields.Url(required=True)


class CategoryRequestSchema(StrictSchema):
    """What messages may be about."""

    label = Line(
        required=True, validate=validate.Length(1, 80),
        metadata={"description": "For the people who choose.", "example": "Booking updates"},
    )  # fmt: skip
    description = Line(
        allow_none=True, load_default=None, validate=validate.Length(1, 300),
        metadata={"example": "When a booking is confirmed, moved or cancelled."},
    )  # fmt: skip
    required = fields.Boolean(
        load_default=False, truthy={True}, falsy={False},
        metadata={"description": "It is sent whatever people chose, e.g. what concerns the security of an account."},
    )  # fmt: skip
    promotional = fields.Boolean(
        load_default=False, truthy={True}, falsy={False},
        metadata={"description": "News and offers: who wants no promotions at all does not want these either."},
    )  # fmt: skip
    position = fields.Integer(
        load_default=0, strict=True, validate=validate.Range(0, 1000),
        metadata={"description": "Where it stands among the others, the smallest first."},
    )  # fmt: skip


class CategorySchema(CategoryRequestSchema):
    """A category of messages."""

    name = fields.String(required=True, metadata={"example": "booking_updates"})


class CategoryListSchema(Schema):
    """A project's categories, in their order."""

    items = fields.List(fields.Nested(CategorySchema), required=True)


class QuietHoursSchema(WindowSchema):
    """When a project leaves people in peace, by the clocks of each."""

    timezone = TimeZone(
        required=True,
        metadata={"description": "Whose clocks, where a recipient's are not known.", "example": "Europe/Paris"},
    )
    channels = fields.List(
        fields.String(validate=_channel), load_default=list(QUIET_CHANNELS), validate=validate.Length(1, len(CHANNELS)),
        metadata={"description": "Those that make a noise, unless you say otherwise.", "example": list(QUIET_CHANNELS)},
    )  # fmt: skip


class ImportedSchema(Schema):
    """What came of a file of recipients."""

    stored = fields.Integer(required=True, metadata={"description": "Good rows."})
    new = fields.Integer(required=True, metadata={"description": "Recipients who were not stored before."})
    refused = fields.Integer(required=True)
    complete = fields.Boolean(required=True, metadata={"description": "False: nothing after the last error was read."})
    errors = fields.List(
        fields.Nested(RowErrorSchema), required=True, metadata={"description": "The first hundred problems."}
    )


def as_stored(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, as the ledger has it."""
    if "quiet_hours" in asked:
        asked["quiet_from"], asked["quiet_until"] = asked.pop("quiet_hours") or (None, None)
    return asked


def zone_problem(fields_: Mapping[str, Any], timezone: str | None) -> str | None:
    """What is wrong where somebody has quiet hours of their own, and no time zone."""
    if fields_.get("quiet_from") == fields_.get("quiet_until") or timezone is not None:
        return None
    return "Quiet hours of their own are by their clocks: say in which time zone."


def told(one: Recipient) -> dict[str, Any]:
    """A recipient as it is answered."""
    names = ("user_id", "name", "email", "phone", "locale", "timezone", "metadata", "created_at", "updated_at")
    return {name: getattr(one, name) for name in names} | {"quiet_hours": _hours(one.quiet_from, one.quiet_until)}


def _hours(quiet_from: time | None, quiet_until: time | None) -> Any:
    if quiet_from is None or quiet_until is None:
        return None
    if quiet_from == quiet_until:
        return OFF
    return {"from": f"{quiet_from:%H:%M}", "until": f"{quiet_until:%H:%M}"}
