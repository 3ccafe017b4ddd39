"""What `/v1/campaigns` answers. What it takes is in `shared/campaigns/fields.py`."""

from marshmallow import Schema, fields, validate

from shared.ledger.campaigns import STATES


class ProgressSchema(Schema):
    """How far a campaign is."""

    members = fields.Integer(required=True)
    left = fields.Integer(required=True, metadata={"description": "Members whose turn has not come."})
    refused = fields.Integer(
        required=True, metadata={"description": "Nothing can be sent to them: /v1/batches/{batch_id}/errors says why."}
    )
    passed_over = fields.Integer(required=True, metadata={"description": "Their local time had passed."})
    states = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True,
        metadata={"description": "Deliveries by state.", "example": {"queued": 40, "sent": 60}},
    )  # fmt: skip
    ended = fields.Integer(required=True, metadata={"description": "Deliveries that have, one way or another."})
    share = fields.Float(required=True, metadata={"description": "Of all there is to do, from 0 to 1."})
    rate = fields.Float(required=True, allow_none=True, metadata={"description": "Messages a second."})
    estimated_end = fields.DateTime(required=True, allow_none=True)


class WaveSchema(Schema):
    """Members who go at the same moment."""

    zone = fields.String(required=True, metadata={"description": "A time zone; `*` is everybody, '' those without."})
    starts_at = fields.DateTime(required=True)
    members = fields.Integer(required=True)
    done = fields.Boolean(required=True, metadata={"description": "Notifications of all of them are made."})


class CampaignSummarySchema(Schema):
    """A campaign as a list shows it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    audience_id = fields.UUID(required=True)
    queue = fields.String(required=True, metadata={"example": "email.bulk"})
    throttle = fields.String(required=True, allow_none=True, metadata={"example": "100/s"})
    send_at = fields.DateTime(required=True, allow_none=True)
    local_time = fields.Dict(
        required=True, allow_none=True,
        metadata={"example": {"at": "2030-03-28T09:00:00", "timezone": "Europe/London", "past": "send"}},
    )  # fmt: skip
    members = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    batch_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "What its notifications belong to, once released."}
    )
    taken = fields.Integer(required=True, metadata={"description": "Members whose turn has come."})
    refused = fields.Integer(required=True)
    passed_over = fields.Integer(required=True)
    dry_run = fields.Dict(
        required=True, allow_none=True,
        metadata={
            "description": "What would be sent and to how many, and who is left out why.",
            "example": {"state": "done", "looked_at": 100, "would_send": 97, "excluded": {"suppressed": {"bounce": 3}}},
        },
    )  # fmt: skip
    problem = fields.String(required=True, allow_none=True, metadata={"description": "What keeps it from going on."})
    created_at = fields.DateTime(required=True)
    released_at = fields.DateTime(required=True, allow_none=True)
    started_at = fields.DateTime(required=True, allow_none=True)
    paused_at = fields.DateTime(required=True, allow_none=True)
    paused_for = fields.Float(required=True, metadata={"description": "Seconds of earlier pauses."})
    ended_at = fields.DateTime(required=True, allow_none=True)


class CampaignSchema(CampaignSummarySchema):
    """A campaign: what it sends, how far it is, and what its first recipients will read."""

    request = fields.Dict(required=True)
    progress = fields.Nested(ProgressSchema, required=True)
    waves = fields.List(fields.Nested(WaveSchema), required=True)
    renderings = fields.List(
        fields.Dict(), required=True, metadata={"description": "The first messages, as its dry run rendered them."}
    )


class CampaignPageSchema(Schema):
    """Campaigns, newest first."""

    items = fields.List(fields.Nested(CampaignSummarySchema), required=True)
    next = fields.String(required=True, allow_none=True)
