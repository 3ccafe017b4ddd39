"""`/v1/dead-letters`: what was given up: looked at, replayed and purged."""

from collections.abc import Callable
from uuid import UUID

from dramatiq.errors import BrokerError
from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.choosing import ChosenSchema, DoneSchema, chosen, matching, told
from services.gateway.parts import parts
from services.gateway.problems import Problem
from services.gateway.queries import LETTER_PARAMETERS, LetterFilterSchema, letters_query
from services.gateway.routes import route
from shared.intake.problems import load
from shared.ledger.chosen import Done
from shared.ledger.dead_letters import Filters, Kind

KB = 1024

blueprint = Blueprint(
    "dead-letters", __name__, url_prefix="/v1/dead-letters", description="What was given up, and giving it another try."
)


class LetterSchema(Schema):
    """That something died."""

    id = fields.UUID(required=True, metadata={"description": "The delivery's, where it is one."})
    kind = fields.String(required=True, metadata={"example": "delivery"})
    queue = fields.String(required=True, metadata={"example": "sms.normal"})
    name = fields.String(
        required=True, allow_none=True, metadata={"description": "The provider asked last; or the task's actor."}
    )
    why = fields.String(required=True, metadata={"example": "refused"})
    code = fields.String(required=True, allow_none=True, metadata={"description": "The provider's."})
    detail = fields.String(required=True, allow_none=True, metadata={"description": "The last that was said of it."})
    died_at = fields.DateTime(required=True)
    notification_id = fields.UUID(required=True, allow_none=True)
    target = fields.String(required=True, allow_none=True)
    template = fields.String(required=True, allow_none=True, metadata={"example": "welcome@3"})


class LetterPageSchema(Schema):
    """Dead letters, newest first."""

    items = fields.List(fields.Nested(LetterSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class AttemptSchema(Schema):
    """A call to a provider, and its answer."""

    provider = fields.String(required=True)
    started_at = fields.DateTime(required=True, allow_none=True)
    finished_at = fields.DateTime(required=True)
    outcome = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True, metadata={"description": "The provider's own id."})


class FullLetterSchema(LetterSchema):
    """A dead letter with what led to it, and what replaying it would do."""

    accepted_at = fields.DateTime(required=True, allow_none=True)
    recipient = fields.Dict(required=True, allow_none=True)
    attempts = fields.List(fields.Nested(AttemptSchema), required=True)
    message = fields.Dict(required=True, allow_none=True, metadata={"description": "Of a task: what was to be done."})
    replayable = fields.Boolean(required=True)
    replay = fields.String(required=True, metadata={"description": "What replaying it does; or why it cannot be."})


class LettersChosenSchema(ChosenSchema):
    """Which dead letters."""

    kind = fields.Enum(Kind, by_value=True, load_default=Kind.DELIVERY)
    filter = fields.Nested(LetterFilterSchema)


_CHOSEN = LettersChosenSchema()
_ABOUT = "256 KB. Either `ids`, or `filter` with `expected` or `all`."
_EXAMPLES = {
    "Two": {"ids": ["0198c0de-0000-7000-8000-000000000000", "0198c0de-0000-7000-8000-000000000001"]},
    "How many match": {"filter": {"channel": "sms", "why": "exhausted"}, "dry_run": True},
    "Those": {"filter": {"channel": "sms", "why": "exhausted"}, "expected": 1204},
}


@route(
    blueprint, "GET", "", scope="read", name="listDeadLetters",
    answers=(200, LetterPageSchema, "A page, newest first."), parameters=LETTER_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Dead letters, newest first

    Those of tasks (`kind=task`) belong to no project, and need a key with the scope admin too.
    """
    filters, limit, cursor = letters_query()
    _may_see(filters.kind)
    return answer(parts().dead_letters.page(identity().project_id, filters, limit=limit, cursor=cursor))


@route(
    blueprint, "GET", "/<uuid:letter_id>", scope="read", name="getDeadLetter",
    answers=(200, FullLetterSchema, "Why it died, and every attempt."),
)  # fmt: skip
def show(letter_id: UUID) -> Response:
    """A dead letter"""
    return answer(parts().post_mortem.of(identity().project_id, letter_id, tasks="admin" in identity().scopes))


@route(
    blueprint, "POST", "/replay", scope="send", name="replayDeadLetters",
    answers=(200, DoneSchema, "They are queued again."),
    body={"application/json": LettersChosenSchema}, about_body=_ABOUT, examples=_EXAMPLES,
)  # fmt: skip
def replay() -> Response:
    """Try again what died

    As if it had just been accepted, with all its attempts before it. What has expired, or whose code was wiped, is
    skipped; its letter stays.
    """
    return _do(parts().replay.replay)


@route(
    blueprint, "POST", "/purge", scope="send", name="purgeDeadLetters",
    answers=(200, DoneSchema, "Their letters are gone."),
    body={"application/json": LettersChosenSchema}, about_body=_ABOUT, examples=_EXAMPLES,
)  # fmt: skip
def purge() -> Response:
    """Remove dead letters

    What died stays as it is: a delivery is failed, and its notification can still be retried.
    """
    return _do(parts().replay.purge)


def _do(act: Callable[..., Done]) -> Response:
    asked = load(_CHOSEN, json_body(256 * KB))
    project_id, kind = identity().project_id, asked["kind"]
    _may_see(kind)
    filters = Filters(**{"kind": kind, **asked.get("filter", {})})
    if asked["dry_run"]:
        return matching(parts().dead_letters.count(project_id, filters))
    try:
        return told(act(project_id, kind, chosen(asked, filters), f"key {identity().prefix}"))
    except (BrokerError, OSError) as error:
        detail = "The broker is away. What was not replayed is still dead: repeat the request when it is back."
        raise Problem("broker-unavailable", detail, headers={"Retry-After": "5"}) from error


def _may_see(kind: Kind) -> None:
    if kind is Kind.TASK and "admin" not in identity().scopes:
        raise Problem("forbidden", "Tasks belong to no project: this needs a key with the scope admin too.")
