"""`/v1/batches`: how far bulk requests and uploads are, and which rows were refused."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict
from uuid import UUID

import orjson
from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from services.gateway.answers import RowErrorSchema, answer
from services.gateway.auth import identity
from services.gateway.parts import parts
from services.gateway.queries import PAGE_PARAMETERS, page_query
from services.gateway.routes import route
from shared.errors import InvalidInput

blueprint = Blueprint("batches", __name__, url_prefix="/v1/batches", description="Progress of bulk sends.")


class BatchSchema(Schema):
    """How far a batch is."""

    id = fields.UUID(required=True)
    created_at = fields.DateTime(required=True)
    closed_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When the last row had been read."}
    )
    accepted = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    states = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True,
        metadata={"description": "Deliveries by state.", "example": {"queued": 40, "sent": 60}},
    )  # fmt: skip
    finished = fields.Boolean(required=True, metadata={"description": "Nothing of it waits or is being sent."})


class RowErrorPageSchema(Schema):
    """Refused rows, in order."""

    items = fields.List(fields.Nested(RowErrorSchema), required=True)
    next = fields.String(required=True, allow_none=True)


@route(
    blueprint, "GET", "/<uuid:batch_id>", scope="read", name="getBatch",
    answers=(200, BatchSchema, "How far it is."),
)  # fmt: skip
def show(batch_id: UUID) -> Response:
    """How far a batch is"""
    progress = parts().batches.progress(identity().project_id, batch_id)
    states = {str(state): count for state, count in progress.states.items()}
    return answer(asdict(progress) | {"states": states, "finished": progress.finished})


@route(
    blueprint, "GET", "/<uuid:batch_id>/errors", scope="read", name="listBatchErrors",
    answers=(200, RowErrorPageSchema, "A page of refused rows."), parameters=PAGE_PARAMETERS,
)  # fmt: skip
def errors(batch_id: UUID) -> Response:
    """The rows that were refused"""
    limit, cursor = page_query()
    after = _read(cursor) if cursor else (0, "")
    found = parts().batches.errors(identity().project_id, batch_id, after=after, limit=limit + 1)
    shown = found[:limit]
    following = _cursor(shown[-1].row, shown[-1].field) if len(found) > limit else None
    return answer({"items": [error.to_json() for error in shown], "next": following})


def _cursor(row: int, field: str) -> str:
    return urlsafe_b64encode(orjson.dumps([row, field])).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, str]:
    try:
        match orjson.loads(urlsafe_b64decode(cursor + "==")):
            case [int(row), str(field)] if 0 <= row < 2**31:
                return row, field
    except ValueError:
        pass
    raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]})
