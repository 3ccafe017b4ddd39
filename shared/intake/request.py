"""What a caller may ask for, as marshmallow schemas. The OpenAPI document is made of them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.intake.chains import MOST_STEPS, ChannelOrChain, Patience, check_shape
from shared.intake.digests import DigestSchema
from shared.intake.fields import Category, Channel, Metadata, Moment, OrderingKey
from shared.intake.problems import StrictSchema, did_you_mean
from shared.intake.recipient import RecipientSchema
from shared.ledger.chain_rules import GOALS
from shared.messages.content import CHANNELS, CONTENT_SCHEMAS, LANES
from shared.messages.fields import Line

CONTENT_KINDS = ("transactional", "promotion")
POLICIES = ("resend", "hold")
MAX_RECIPIENTS = 10_000


def content_component(channel: str) -> str:
    """What the OpenAPI document calls the content of a channel, e.g. `EmailContent`."""
    return CONTENT_SCHEMAS[channel].__name__.removesuffix("Schema")


def _choice(*choices: str) -> Any:
    """A validator that names the choices, and the one that was probably meant."""

    def check(value: str) -> None:
        if value not in choices:
            raise ValidationError(f"Must be one of {', '.join(choices)}.{did_you_mean(value[:40], choices)}")

    return check


class EnvelopeSchema(StrictSchema):
    """What is the same for every recipient of a request."""

    template = Line(
        validate=validate.Length(1, 64),
        metadata={"description": "Name of a template. Either this or `content`.", "example": "welcome"},
    )
    content = fields.Dict(
        metadata={
            "description": "What is sent, instead of a template: the fields of the channel's content.",
            "anyOf": [{"$ref": f"#/components/schemas/{content_component(channel)}"} for channel in CHANNELS],
        }
    )
    kind = fields.String(
        validate=_choice(*CONTENT_KINDS),
        metadata={
            "description": "What `content` is: `transactional` unless said otherwise. A template says it of itself.",
            "enum": list(CONTENT_KINDS),
        },
    )
    category = Category(
        allow_none=True,
        metadata={
            "description": "What `content` is about, of which people may choose (/v1/categories). A template says it "
            "of itself.",
            "example": "booking_updates",
        },
    )
    channel = Channel(required=True, metadata={"enum": list(CHANNELS), "example": "email"})
    data = fields.Dict(
        keys=fields.String(),
        metadata={"description": "The template's variables.", "type": "object", "example": {"first_name": "Ada"}},
    )
    lane = fields.String(
        validate=_choice(*LANES),
        metadata={
            "description": "How urgent it is. By default codes are critical and promotions bulk.",
            "enum": list(LANES),
        },
    )
    send_at = Moment(
        allow_none=True,
        metadata={"description": "Not before this moment (RFC 3339 with offset).", "example": "2027-03-01T18:30:00Z"},
    )
    expires_at = Moment(
        allow_none=True, metadata={"description": "Never after this moment. One-time codes must have it."}
    )
    on_unknown = fields.String(
        allow_none=True,
        validate=_choice(*POLICIES),
        metadata={
            "description": "When nobody knows whether a call reached the provider: `resend`, or `hold` for a person. "
            "By default codes and promotions hold.",
            "enum": list(POLICIES),
        },
    )
    metadata = Metadata(
        metadata={
            "description": "Strings of your own, given back with the notification: at most 20 keys, 1 KB.",
            "additionalProperties": {"type": "string"},
        }
    )

    def load_plainly(self, data: Any) -> dict[str, Any] | None:
        """What `load` gives, if all is well; None leaves it to that, which says what is not.

        `load` asks after every field there could be, this loads only those that there are: half the time.
        """
        loaded: dict[str, Any] = {}
        if not isinstance(data, Mapping) or not self._required <= data.keys():
            return None
        try:
            for name, value in data.items():
                loaded[name] = self.fields[name].deserialize(value, name, data)
            self.check(loaded)
        except (KeyError, ValidationError):
            return None
        return loaded

    @cached_property
    def _required(self) -> frozenset[str]:
        return frozenset(name for name, field in self.fields.items() if field.required)

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if ("template" in data) == ("content" in data):
            raise ValidationError("Give exactly one of template and content.", "template")
        if "template" in data and "kind" in data:
            raise ValidationError("The template says what kind it is: leave this out.", "kind")
        if "template" in data and data.get("category"):
            raise ValidationError("The template says what it is about: leave this out.", "category")
        if "content" in data and data.get("data"):
            raise ValidationError("Variables belong to a template: content is sent as it is.", "data")


class Recipient(fields.Nested):
    """Documented by its schema, loaded as it is: `load_recipient` checks it, for one and for a million alike."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value


class NotificationRequestSchema(EnvelopeSchema):
    """One notification to one recipient."""

    to = Recipient(RecipientSchema, required=True)
    ordering_key = OrderingKey(allow_none=True)
    channel = ChannelOrChain(
        required=True,
        metadata={
            "description": "One channel; or a chain: 2 to 5 of them, tried one after the other until one succeeds. "
            "Then `content` is an object with the content of each channel.",
            "type": ["string", "array"],
            "oneOf": [
                {"type": "string", "enum": list(CHANNELS)},
                {
                    "type": "array", "items": {"type": "string", "enum": list(CHANNELS)}, "minItems": 2,
                    "maxItems": MOST_STEPS, "uniqueItems": True,
                },
            ],
            "example": "email",
        },
    )  # fmt: skip
    fallback_after = Patience(
        allow_none=True,
        metadata={
            "description": "Of a chain: how long each step is given before the next begins, `10m` unless said "
            "otherwise; or a list with one for each step but the last. A step that fails is not waited for.",
            "oneOf": [
                {"type": "string", "pattern": r"^\d{1,7}[smhd]$"},
                {"type": "array", "items": {"type": "string", "pattern": r"^\d{1,7}[smhd]$"}, "minItems": 1,
                 "maxItems": MOST_STEPS - 1},
            ],
            "example": "10m",
        },
    )  # fmt: skip
    until = fields.String(
        allow_none=True,
        validate=_choice(*GOALS),
        metadata={
            "description": "Of a chain: how far a message must have come for it to have succeeded. `delivered` unless "
            "said otherwise. Refused where the channel's provider does not report it.",
            "enum": list(GOALS),
        },
    )
    digest = fields.Nested(
        DigestSchema,
        allow_none=True,
        metadata={
            "description": "Collect it with others of the same person, template, channel and key, and send one "
            "message of them all. `data` is one element then."
        },
    )

    @validates_schema
    def check(self, data: dict[str, Any], **options: Any) -> None:
        super().check(data, **options)
        check_shape(data)


class RowSchema(StrictSchema):
    """One recipient of a bulk request. Its data and metadata are laid over the envelope's."""

    to = fields.Nested(RecipientSchema, required=True)
    data = fields.Dict(keys=fields.String(), metadata={"type": "object"})
    metadata = Metadata(metadata={"additionalProperties": {"type": "string"}})
    ordering_key = OrderingKey(allow_none=True)


class Rows(fields.List[Any]):
    """Documented as a list of rows, loaded as it is: a bad row is reported by itself and keeps no other from going."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of recipients.")
        if not 1 <= len(value) <= MAX_RECIPIENTS:
            raise ValidationError(
                f"May have 1 to {MAX_RECIPIENTS} recipients; this has {len(value)}. For more, upload a file."
            )
        return value


class BulkRequestSchema(EnvelopeSchema):
    """One notification to each of many recipients."""

    recipients = Rows(fields.Nested(RowSchema), required=True, metadata={"minItems": 1, "maxItems": MAX_RECIPIENTS})
