"""What is asked for in an address: filters, limits and cursors, checked like everything else callers send."""

from collections.abc import Mapping
from typing import Any

from flask import request
from marshmallow import ValidationError, fields, validate

from services.gateway.routes import query
from services.gateway.schedule_schemas import STATES as SCHEDULE_STATES
from shared.errors import InvalidInput
from shared.intake.fields import Channel, Moment
from shared.intake.problems import StrictSchema, load
from shared.ledger.campaigns import STATES as CAMPAIGN_STATES
from shared.ledger.dead_letters import Filters as LetterFilters
from shared.ledger.dead_letters import Kind, Why
from shared.ledger.held import HeldFilters
from shared.ledger.listing import Filters
from shared.ledger.states import State
from shared.ledger.suppressions import REASONS
from shared.messages.content import CHANNELS
from shared.messages.fields import Line, e164, normal_email

MAX_LIMIT = 100
SUPPRESSIBLE = tuple(channel for channel in CHANNELS if channel not in ("webhook", "chat"))


class PageQuerySchema(StrictSchema):
    """Which page."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, MAX_LIMIT))
    cursor = Line(validate=validate.Length(1, 200))


class _ListSchema(PageQuerySchema):
    state = fields.Enum(State, by_value=True)
    channel = Channel()
    template = Line(validate=validate.Length(1, 100))
    batch_id = fields.UUID()
    recipient = Line(validate=validate.Length(1, 4096))
    accepted_after = Moment()
    accepted_before = Moment()


class LetterFilterSchema(StrictSchema):
    """Which dead letters; what is left out does not restrict."""

    queue = Line(validate=validate.Length(1, 100), metadata={"example": "sms.normal"})
    channel = Channel()
    why = fields.Enum(Why, by_value=True)
    name = Line(
        validate=validate.Length(1, 200), metadata={"description": "The provider asked last; or the task's actor."}
    )
    code = Line(validate=validate.Length(1, 100), metadata={"description": "The provider's.", "example": "21211"})
    template = Line(validate=validate.Length(1, 100), metadata={"example": "welcome@3"})
    died_after = Moment()
    died_before = Moment()


class HeldFilterSchema(StrictSchema):
    """Which of what is unknown; what is left out does not restrict."""

    queue = Line(validate=validate.Length(1, 100), metadata={"example": "sms.normal"})
    channel = Channel()
    provider = Line(validate=validate.Length(1, 100))
    template = Line(validate=validate.Length(1, 100), metadata={"example": "welcome@3"})
    held_after = Moment()
    held_before = Moment()


class _LettersSchema(PageQuerySchema, LetterFilterSchema):
    kind = fields.Enum(Kind, by_value=True, load_default=Kind.DELIVERY)


class _HeldSchema(PageQuerySchema, HeldFilterSchema):
    pass


class _OutboxSchema(PageQuerySchema):
    channel = Channel()


class Suppressible(Channel):
    """A channel on which somebody may be suppressed: every one that goes to people."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        channel = super()._deserialize(value, attr, data, **kwargs)
        if channel not in SUPPRESSIBLE:
            raise ValidationError(f"Must be one of {', '.join(SUPPRESSIBLE)}.")
        return channel


class _SuppressionSchema(StrictSchema):
    channel = Suppressible(required=True)
    target = Line(required=True, validate=validate.Length(1, 4096))


class _SuppressionsSchema(PageQuerySchema):
    channel = Suppressible()
    target = Line(validate=validate.Length(1, 4096))
    reason = fields.String(validate=validate.OneOf(REASONS, error=f"Must be one of {', '.join(REASONS)}."))


class _SchedulesSchema(PageQuerySchema):
    state = fields.String(
        validate=validate.OneOf(SCHEDULE_STATES, error=f"Must be one of {', '.join(SCHEDULE_STATES)}.")
    )


class _RecipientsSchema(PageQuerySchema):
    # A cursor is an id.
    cursor = Line(validate=validate.Length(1, 200))
    prefix = Line(validate=validate.Length(1, 200))
    email = Line(validate=validate.Length(1, 320))


_RECIPIENTS = _RecipientsSchema()


class _CampaignsSchema(PageQuerySchema):
    state = fields.String(
        validate=validate.OneOf(CAMPAIGN_STATES, error=f"Must be one of {', '.join(CAMPAIGN_STATES)}.")
    )


_SUPPRESSION, _SUPPRESSIONS = _SuppressionSchema(), _SuppressionsSchema()
_PAGE, _LIST, _OUTBOX = PageQuerySchema(), _ListSchema(), _OutboxSchema()
_LETTERS, _HELD, _SCHEDULES = _LettersSchema(), _HeldSchema(), _SchedulesSchema()
_CAMPAIGNS = _CampaignsSchema()

PAGE_PARAMETERS = [
    {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}},
    query("cursor", "`next` of the page before."),
]
LIST_PARAMETERS = [
    query("state", "Only these.", enum=[str(state) for state in State]),
    query("channel", "Only these.", enum=list(CHANNELS)),
    query("template", "Only of this template: a name, or name and version (`welcome@3`)."),
    query("batch_id", "Only of this batch.", format="uuid"),
    query("recipient", "Only to this address, number or device token."),
    query("accepted_after", "Accepted at or after this moment.", format="date-time"),
    query("accepted_before", "Accepted before this moment.", format="date-time"),
    *PAGE_PARAMETERS,
]
_WHERE_PARAMETERS = [
    query("queue", "Only of this queue, e.g. `sms.normal`."),
    query("channel", "Only these.", enum=list(CHANNELS)),
    query("template", "Only of this template: a name, or name and version (`welcome@3`)."),
]
LETTER_PARAMETERS = [
    query("kind", "Deliveries, or tasks.", enum=[str(kind) for kind in Kind], default=str(Kind.DELIVERY)),
    query("why", "Only these.", enum=[str(why) for why in Why]),
    query("name", "Only of this provider, asked last; or of this actor."),
    query("code", "Only with this code of the provider's."),
    query("died_after", "Died at or after this moment.", format="date-time"),
    query("died_before", "Died before this moment.", format="date-time"),
    *_WHERE_PARAMETERS,
    *PAGE_PARAMETERS,
]
HELD_PARAMETERS = [
    query("provider", "Only those that this one was asked to send."),
    query("held_after", "Held since this moment or later.", format="date-time"),
    query("held_before", "Held since before this moment.", format="date-time"),
    *_WHERE_PARAMETERS,
    *PAGE_PARAMETERS,
]
_OF_CHANNEL = query("channel", "Of this channel.", enum=list(SUPPRESSIBLE))
_TARGET = query("target", "The address, number or device token.", minLength=1)
SUPPRESSION_PARAMETERS = [_OF_CHANNEL | {"required": True}, _TARGET | {"required": True}]
SUPPRESSIONS_PARAMETERS = [
    _OF_CHANNEL,
    _TARGET,
    query("reason", "Only for this reason.", enum=list(REASONS)),
    *PAGE_PARAMETERS,
]
OUTBOX_PARAMETERS = [query("channel", "Only these.", enum=list(CHANNELS)), *PAGE_PARAMETERS]
CAMPAIGNS_PARAMETERS = [query("state", "Only these.", enum=list(CAMPAIGN_STATES)), *PAGE_PARAMETERS]
SCHEDULES_PARAMETERS = [query("state", "Only these.", enum=list(SCHEDULE_STATES)), *PAGE_PARAMETERS]


RECIPIENTS_PARAMETERS = [
    query("prefix", "Only those whose id begins so."),
    query("email", "Only with this address."),
    *PAGE_PARAMETERS,
]


def page_query() -> tuple[int, str | None]:
    """Limit and cursor."""
    asked = load_query(_PAGE)
    return asked["limit"], asked.get("cursor")


def list_query() -> tuple[Filters, int, str | None]:
    """Filters, limit and cursor."""
    asked = load_query(_LIST)
    limit, cursor, recipient = asked.pop("limit"), asked.pop("cursor", None), asked.pop("recipient", None)
    return Filters(target=recipient and _normal(recipient), **asked), limit, cursor


def letters_query() -> tuple[LetterFilters, int, str | None]:
    """Filters, limit and cursor."""
    asked = load_query(_LETTERS)
    limit, cursor = asked.pop("limit"), asked.pop("cursor", None)
    return LetterFilters(**asked), limit, cursor


def held_query() -> tuple[HeldFilters, int, str | None]:
    """Filters, limit and cursor."""
    asked = load_query(_HELD)
    limit, cursor = asked.pop("limit"), asked.pop("cursor", None)
    return HeldFilters(**asked), limit, cursor


def outbox_query() -> tuple[str | None, int, str | None]:
    """Channel, limit and cursor."""
    asked = load_query(_OUTBOX)
    return asked.get("channel"), asked["limit"], asked.get("cursor")


def suppression_query() -> tuple[str, str]:
    """Channel and target."""
    asked = load_query(_SUPPRESSION)
    return asked["channel"], _normal(asked["target"])


def suppressions_query() -> dict[str, Any]:
    """Filters, limit and cursor."""
    asked = load_query(_SUPPRESSIONS)
    return asked | ({"target": _normal(asked["target"])} if "target" in asked else {})


def recipients_query() -> dict[str, Any]:
    """Filters, limit and cursor."""
    return load_query(_RECIPIENTS)


def schedules_query() -> tuple[str | None, int, str | None]:
    """State, limit and cursor."""
    asked = load_query(_SCHEDULES)
    return asked.get("state"), asked["limit"], asked.get("cursor")


def campaigns_query() -> tuple[str | None, int, str | None]:
    """State, limit and cursor."""
    asked = load_query(_CAMPAIGNS)
    return asked.get("state"), asked["limit"], asked.get("cursor")


def load_query(schema: StrictSchema) -> dict[str, Any]:
    """What the address asks for, checked."""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise InvalidInput({name: ["Give it once."] for name in twice})
    loaded: dict[str, Any] = load(schema, request.args.to_dict())
    return loaded


def _normal(recipient: str) -> str:
    """As the ledger writes it."""
    for normalise in (normal_email, e164):
        try:
            return normalise(recipient)
        except ValidationError:
            continue
    return recipient
