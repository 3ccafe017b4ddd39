"""What `/v1/audiences` answers."""

from marshmallow import Schema, fields

from services.gateway.answers import RowErrorSchema
from shared.campaigns.people import UNIQUE_BY


class AudienceSchema(Schema):
    """A list of people."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    form = fields.String(required=True, metadata={"enum": ["csv", "ndjson"]})
    unique_by = fields.String(required=True, metadata={"enum": list(UNIQUE_BY)})
    members = fields.Integer(required=True, metadata={"description": "Each person once. 0 while it is being loaded."})
    duplicates = fields.Integer(required=True, metadata={"description": "Rows of a person that an earlier row has."})
    refused = fields.Integer(required=True, metadata={"description": "Rows with something wrong in them."})
    zones = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True,
        metadata={"description": "Members by time zone; '' for those without.", "example": {"Europe/London": 812}},
    )  # fmt: skip
    created_at = fields.DateTime(required=True)
    closed_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When its last row had been read."}
    )


class LoadedSchema(AudienceSchema):
    """An audience that was uploaded, and the first rows that are not in it."""

    complete = fields.Boolean(required=True, metadata={"description": "The file was read to its end."})
    errors = fields.List(fields.Nested(RowErrorSchema), required=True)


class AudiencePageSchema(Schema):
    """Audiences, newest first."""

    items = fields.List(fields.Nested(AudienceSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class MemberSchema(Schema):
    """A member, by the number of his row."""

    number = fields.Integer(required=True)
    to = fields.Dict(required=True)
    data = fields.Dict(required=True, allow_none=True)
    metadata = fields.Dict(required=True, allow_none=True)


class MemberPageSchema(Schema):
    """Members, in the order of the file."""

    items = fields.List(fields.Nested(MemberSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class LeftOutSchema(RowErrorSchema):
    """A row that is no member."""

    doubles = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The row that has this person already."}
    )


class LeftOutPageSchema(Schema):
    """Rows that are no members, in order."""

    items = fields.List(fields.Nested(LeftOutSchema), required=True)
    next = fields.String(required=True, allow_none=True)
