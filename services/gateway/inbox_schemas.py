"""What the document says of inboxes, and what is asked of them."""

from marshmallow import Schema, fields, validate

from services.gateway.queries import MAX_LIMIT, PAGE_PARAMETERS, PageQuerySchema
from services.gateway.routes import query
from shared.inbox.tokens import MAX_SECONDS, MIN_SECONDS, USUAL_SECONDS
from shared.intake.problems import StrictSchema
from shared.ledger.inbox import Shelf
from shared.messages.fields import Line
from shared.messages.inapp import ActionSchema

SHELVES = tuple(str(shelf) for shelf in Shelf)
_COUNT = {"description": "How many are unread, of those that are not archived."}


class ItemSchema(Schema):
    """A notification in an inbox."""

    id = fields.UUID(required=True, metadata={"description": "The delivery's."})
    title = fields.String(required=True)
    body = fields.String(required=True)
    link = fields.String(required=True, allow_none=True)
    image = fields.String(required=True, allow_none=True)
    icon = fields.String(required=True, allow_none=True)
    actions = fields.List(fields.Nested(ActionSchema), required=True)
    category = fields.String(required=True, allow_none=True)
    data = fields.Dict(required=True)
    created_at = fields.DateTime(required=True)
    read_at = fields.DateTime(required=True, allow_none=True)
    archived_at = fields.DateTime(required=True, allow_none=True)


class InboxPageSchema(Schema):
    """Part of an inbox, newest first. `next` is the cursor of the page that follows; null at the end."""

    items = fields.List(fields.Nested(ItemSchema), required=True)
    unread = fields.Integer(required=True, metadata=_COUNT)
    last_event_id = fields.String(
        required=True, metadata={"description": "Where a stream goes on that is to miss nothing after this page."}
    )
    next = fields.String(required=True, allow_none=True)


class CountSchema(Schema):
    """The unread count of an inbox."""

    unread = fields.Integer(required=True, metadata=_COUNT)


class MarkedSchema(Schema):
    """A notification that was marked, and the unread count."""

    item = fields.Nested(ItemSchema, required=True)
    unread = fields.Integer(required=True, metadata=_COUNT)


class MarkedAllSchema(Schema):
    """How many were marked, and how many are unread all the same, because they came later."""

    marked = fields.Integer(required=True)
    unread = fields.Integer(required=True, metadata=_COUNT)


class ReadAllRequestSchema(StrictSchema):
    """What to mark; an empty object: everything."""

    up_to = fields.String(
        allow_none=True,
        validate=validate.Regexp(r"[0-9]{1,18}\Z", error="Must be the last_event_id of a page."),
        metadata={"description": "The `last_event_id` of a page: what came after it stays unread."},
    )


class TokenRequestSchema(StrictSchema):
    """How long a token is worth something."""

    expires_in = fields.Integer(
        strict=True, load_default=USUAL_SECONDS, validate=validate.Range(MIN_SECONDS, MAX_SECONDS),
        metadata={"description": "Seconds."},
    )  # fmt: skip


class TokenSchema(Schema):
    """What a page shows a person's inbox with."""

    token = fields.String(required=True, metadata={"description": "For this inbox only. It cannot be taken back."})
    user_id = fields.String(required=True)
    expires_at = fields.DateTime(required=True)
    url = fields.String(
        required=True, allow_none=True,
        metadata={"description": "Where browsers reach the inbox: CRIER_INAPP_URL; null where that is not set."},
    )  # fmt: skip


class InboxQuerySchema(PageQuerySchema):
    """Which part of an inbox."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, MAX_LIMIT))
    state = fields.Enum(Shelf, by_value=True, load_default=Shelf.INBOX)


class UserSchema(StrictSchema):
    """Whose inbox."""

    user_id = Line(validate=validate.Length(1, 200))


INBOX_PARAMETERS = [
    query("state", "All that is not archived; of it what is unread; or what is archived.", enum=list(SHELVES)),
    *PAGE_PARAMETERS,
]
