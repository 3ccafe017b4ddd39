"""`/v1/audiences`: lists of people, uploaded once and kept for campaigns."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from flask import Response
from flask_smorest import Blueprint

from services.gateway import uploads
from services.gateway.answers import answer
from services.gateway.audience_schemas import (
    AudiencePageSchema,
    AudienceSchema,
    LeftOutPageSchema,
    LoadedSchema,
    MemberPageSchema,
)
from services.gateway.auth import identity
from services.gateway.endpoint_schemas import DeletedSchema
from services.gateway.notifications import idempotency_key
from services.gateway.parts import parts
from services.gateway.queries import PAGE_PARAMETERS, page_query
from services.gateway.routes import IDEMPOTENCY_KEY, query, route
from shared.campaigns.people import UNIQUE_BY
from shared.errors import InvalidInput
from shared.intake.problems import did_you_mean
from shared.ledger.audiences import Audience

blueprint = Blueprint("audiences", __name__, url_prefix="/v1/audiences", description="Lists of people, for campaigns.")
_SHARED = ("name", "unique_by")


@route(
    blueprint, "POST", "", scope="send", name="uploadAudience",
    answers=(201, LoadedSchema, "The good rows are members of it."),
    body={media_type: {"type": "string", "format": "binary"} for media_type in uploads.MEDIA_TYPES},
    about_body="A file: up to 1 GB.",
    parameters=[
        IDEMPOTENCY_KEY,
        query("name", "What it is called.", minLength=1, maxLength=100),
        query(
            "unique_by", "What makes a row one person: `person` is the user id, else the address, else the number.",
            enum=list(UNIQUE_BY), default="person",
        ),
    ],
)  # fmt: skip
def upload() -> Response:
    """Upload an audience

    A CSV or NDJSON file, with its `name` in the query (`?name=newsletter`) or in a form's fields before its `file`.
    Columns are as for `POST /v1/notifications/bulk`; those that a campaign's template has no variables for are left
    out then.

    Good rows become members, each person once; bad ones and doubles are reported by row. A file that broke off is
    completed by sending it again under the same Idempotency-Key.
    """
    given = uploads.read_upload()
    problems = {
        name: [f"There is no such field.{did_you_mean(name, _SHARED)}"] for name in given.shared if name not in _SHARED
    }
    if "name" not in given.shared:
        problems["name"] = ["Give it a name: ?name=newsletter."]
    if problems:
        raise InvalidInput(problems)
    loaded = parts().audience_uploads.load(
        identity().project_id, given.shared["name"], given.form, given.file,
        unique_by=given.shared.get("unique_by", "person"), key=idempotency_key(), who=_who(),
    )  # fmt: skip
    headers = {"Location": f"/v1/audiences/{loaded.audience.id}"}
    if loaded.replayed:
        headers["Idempotent-Replayed"] = "true"
    errors = [error.to_json() for error in loaded.errors]
    return answer({**_told(loaded.audience), "complete": loaded.complete, "errors": errors}, 201, headers)


@route(
    blueprint, "GET", "", scope="read", name="listAudiences",
    answers=(200, AudiencePageSchema, "A page, newest first."), parameters=PAGE_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Audiences, newest first"""
    limit, cursor = page_query()
    found, following = parts().audiences.page(identity().project_id, limit=limit, cursor=cursor)
    return answer({"items": [_told(one) for one in found], "next": following})


@route(
    blueprint, "GET", "/<uuid:audience_id>", scope="read", name="getAudience",
    answers=(200, AudienceSchema, "The audience."),
)  # fmt: skip
def show(audience_id: UUID) -> Response:
    """An audience"""
    return answer(_told(parts().audiences.get(identity().project_id, audience_id)))


@route(
    blueprint, "GET", "/<uuid:audience_id>/members", scope="read", name="listAudienceMembers",
    answers=(200, MemberPageSchema, "A page of members."), parameters=PAGE_PARAMETERS,
)  # fmt: skip
def members(audience_id: UUID) -> Response:
    """Who is in an audience"""
    limit, cursor = page_query()
    parts().audiences.get(identity().project_id, audience_id)
    found = parts().audiences.members(audience_id, after=_number(cursor), limit=limit + 1)
    items = [
        {"number": one.number, "to": one.recipient, "data": one.data, "metadata": one.metadata} for one in found[:limit]
    ]
    return answer({"items": items, "next": str(found[limit - 1].number) if len(found) > limit else None})


@route(
    blueprint, "GET", "/<uuid:audience_id>/left-out", scope="read", name="listAudienceRowsLeftOut",
    answers=(200, LeftOutPageSchema, "A page of rows."), parameters=PAGE_PARAMETERS,
)  # fmt: skip
def left_out(audience_id: UUID) -> Response:
    """The rows of its file that are no members: refused, or doubles"""
    limit, cursor = page_query()
    parts().audiences.get(identity().project_id, audience_id)
    found = parts().audiences.left_out(audience_id, after=_place(cursor), limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = urlsafe_b64encode(orjson.dumps([last.row, last.field])).decode().rstrip("=") if last else None
    return answer({"items": [one._asdict() for one in found[:limit]], "next": following})


@route(
    blueprint, "DELETE", "/<uuid:audience_id>", scope="send", name="deleteAudience",
    answers=(200, DeletedSchema, "It is gone; its members are removed within minutes."),
)  # fmt: skip
def delete(audience_id: UUID) -> Response:
    """Delete an audience

    409 while a campaign that has not ended needs it.
    """
    parts().audiences.remove(identity().project_id, audience_id, who=_who())
    return answer({"id": audience_id, "deleted": True})


def _told(audience: Audience) -> dict[str, Any]:
    told = asdict(audience)
    del told["project_id"], told["sha256"]
    return told


def _number(cursor: str | None) -> int:
    if cursor is not None and (not cursor.isdecimal() or int(cursor) >= 2**31):
        raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]})
    return int(cursor or 0)


def _place(cursor: str | None) -> tuple[int, str]:
    if cursor is None:
        return 0, ""
    try:
        match orjson.loads(urlsafe_b64decode(cursor + "==")):
            case [int(row), str(field)] if 0 <= row < 2**31:
                return row, field
    except ValueError:
        pass
    raise InvalidInput({"cursor": ["Not a cursor: use `next` of the page before."]})


def _who() -> str:
    return f"key {identity().prefix}"
