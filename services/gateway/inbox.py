"""`/v1/inbox/{user_id}`: a person's in-app notifications, for servers. Browsers ask the in-app service."""

from typing import Any
from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.inbox_schemas import (
    INBOX_PARAMETERS,
    CountSchema,
    InboxPageSchema,
    InboxQuerySchema,
    MarkedAllSchema,
    MarkedSchema,
    ReadAllRequestSchema,
    TokenRequestSchema,
    TokenSchema,
    UserSchema,
)
from services.gateway.parts import parts
from services.gateway.queries import load_query
from services.gateway.routes import route
from shared.inbox.answers import shown_marked, shown_page
from shared.intake.problems import load
from shared.ledger.inbox import Mark

KB = 1024

blueprint = Blueprint("inbox", __name__, url_prefix="/v1/inbox", description="People's in-app notifications.")
_USER, _QUERY = UserSchema(), InboxQuerySchema()
_READ_ALL, _TOKEN = ReadAllRequestSchema(), TokenRequestSchema()


@route(
    blueprint, "GET", "/<user_id>", scope="read", name="listInbox",
    answers=(200, InboxPageSchema, "A page, newest first."), parameters=INBOX_PARAMETERS,
)  # fmt: skip
def show(user_id: str) -> Response:
    """A person's inbox, newest first"""
    asked = load_query(_QUERY)
    page = parts().inboxes.page(
        identity().project_id, _user(user_id), asked["state"], limit=asked["limit"], cursor=asked.get("cursor")
    )
    return answer(shown_page(page))


@route(
    blueprint, "GET", "/<user_id>/count", scope="read", name="countInbox",
    answers=(200, CountSchema, "How many are unread."),
)  # fmt: skip
def count(user_id: str) -> Response:
    """How many a person has not read"""
    return answer({"unread": parts().inboxes.count(identity().project_id, _user(user_id))})


@route(
    blueprint, "POST", "/<user_id>/read-all", scope="send", name="readAllInbox",
    answers=(200, MarkedAllSchema, "How many were marked."),
    body={"application/json": ReadAllRequestSchema}, about_body="16 KB.", examples={"Everything": {}},
)  # fmt: skip
def read_all(user_id: str) -> Response:
    """Mark everything as read that is not archived"""
    up_to = load(_READ_ALL, _body()).get("up_to")
    project_id, user = identity().project_id, _user(user_id)
    marked = parts().inboxes.read_all(project_id, user, up_to=None if up_to is None else int(up_to))
    return answer({"marked": marked, "unread": parts().inboxes.count(project_id, user)})


@route(
    blueprint, "POST", "/<user_id>/token", scope="send", name="makeInboxToken",
    answers=(201, TokenSchema, "The token."),
    body={"application/json": TokenRequestSchema}, about_body="16 KB.",
    examples={"For an hour": {"expires_in": 3600}},
)  # fmt: skip
def make_token(user_id: str) -> Response:
    """Make a token for a person's browser

    Give it to a page of somebody you have logged in: whoever has it reads and marks this one inbox until it ends.
    """
    seconds = load(_TOKEN, _body())["expires_in"]
    user = _user(user_id)
    token, expires_at = parts().inbox_tokens.make(identity().project_id, user, seconds)
    return answer({"token": token, "user_id": user, "expires_at": expires_at, "url": parts().inbox_url}, 201)


@route(
    blueprint, "POST", "/<user_id>/<uuid:notification_id>/read", scope="send", name="readInboxItem",
    answers=(200, MarkedSchema, "The notification."),
)  # fmt: skip
def read(user_id: str, notification_id: UUID) -> Response:
    """Mark a notification as read"""
    return _mark(user_id, notification_id, Mark.READ)


@route(
    blueprint, "POST", "/<user_id>/<uuid:notification_id>/unread", scope="send", name="unreadInboxItem",
    answers=(200, MarkedSchema, "The notification."),
)  # fmt: skip
def unread(user_id: str, notification_id: UUID) -> Response:
    """Mark a notification as unread"""
    return _mark(user_id, notification_id, Mark.UNREAD)


@route(
    blueprint, "POST", "/<user_id>/<uuid:notification_id>/archive", scope="send", name="archiveInboxItem",
    answers=(200, MarkedSchema, "The notification."),
)  # fmt: skip
def archive(user_id: str, notification_id: UUID) -> Response:
    """Archive a notification"""
    return _mark(user_id, notification_id, Mark.ARCHIVE)


@route(
    blueprint, "POST", "/<user_id>/<uuid:notification_id>/unarchive", scope="send", name="unarchiveInboxItem",
    answers=(200, MarkedSchema, "The notification."),
)  # fmt: skip
def unarchive(user_id: str, notification_id: UUID) -> Response:
    """Take a notification out of the archive"""
    return _mark(user_id, notification_id, Mark.UNARCHIVE)


def _mark(user_id: str, notification_id: UUID, mark: Mark) -> Response:
    marked = parts().inboxes.mark(identity().project_id, _user(user_id), notification_id, mark)
    return answer(shown_marked(marked))


def _user(user_id: str) -> str:
    return str(load(_USER, {"user_id": user_id})["user_id"])


def _body() -> Any:
    return json_body(16 * KB) if request.content_length else {}
