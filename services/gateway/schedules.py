"""`/v1/schedules`: notifications sent at a moment, at intervals or by cron."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import SMALL, json_body
from services.gateway.endpoint_schemas import DeletedSchema
from services.gateway.notifications import idempotency_key
from services.gateway.parts import parts
from services.gateway.queries import SCHEDULES_PARAMETERS, schedules_query
from services.gateway.routes import IDEMPOTENCY_KEY, route
from services.gateway.schedule_schemas import SchedulePageSchema, ScheduleSchema
from shared.schedules.book import told
from shared.schedules.fields import ScheduleRequestSchema

blueprint = Blueprint(
    "schedules", __name__, url_prefix="/v1/schedules", description="Send later, at intervals, or by cron."
)


@route(
    blueprint, "POST", "", scope="send", name="createSchedule",
    answers=(201, ScheduleSchema, "The schedule, and when it fires."),
    body={"application/json": ScheduleRequestSchema}, about_body="256 KB.",
    parameters=[IDEMPOTENCY_KEY], examples=examples.SCHEDULES,
)  # fmt: skip
def create() -> Response:
    """Make a schedule

    What it sends is checked now, so that mistakes are told at once, and again each time it fires.
    """
    made, replayed = parts().schedules.create(
        identity().project_id, json_body(SMALL), idempotency_key(), who=_who()
    )  # fmt: skip
    headers = {"Location": f"/v1/schedules/{made.id}"} | ({"Idempotent-Replayed": "true"} if replayed else {})
    return answer(parts().schedules.show(identity().project_id, made.id), 201, headers)


@route(
    blueprint, "GET", "", scope="read", name="listSchedules",
    answers=(200, SchedulePageSchema, "A page, newest first."), parameters=SCHEDULES_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Schedules, newest first"""
    state, limit, cursor = schedules_query()
    page = parts().schedules.page(identity().project_id, state=state, limit=limit, cursor=cursor)
    return answer({"items": [told(one) for one in page.items], "next": page.next})


@route(
    blueprint, "GET", "/<uuid:schedule_id>", scope="read", name="getSchedule",
    answers=(200, ScheduleSchema, "The schedule, its next five times and its last ten."),
)  # fmt: skip
def show(schedule_id: UUID) -> Response:
    """A schedule, when it fires next, and what became of it lately"""
    return _shown(schedule_id)


@route(
    blueprint, "POST", "/<uuid:schedule_id>/pause", scope="send", name="pauseSchedule",
    answers=(200, ScheduleSchema, "It fires no more until it is resumed."),
)  # fmt: skip
def pause(schedule_id: UUID) -> Response:
    """Pause a schedule

    What it has sent is not called back. 409 when it has ended.
    """
    parts().schedules.schedules.pause(identity().project_id, schedule_id, who=_who())
    return _shown(schedule_id)


@route(
    blueprint, "POST", "/<uuid:schedule_id>/resume", scope="send", name="resumeSchedule",
    answers=(200, ScheduleSchema, "It fires again, from its next time on."),
)  # fmt: skip
def resume(schedule_id: UUID) -> Response:
    """Resume a schedule

    What was due while it was paused is not made up for. 409 when none of its times is left.
    """
    parts().schedules.resume(identity().project_id, schedule_id, who=_who())
    return _shown(schedule_id)


@route(
    blueprint, "DELETE", "/<uuid:schedule_id>", scope="send", name="deleteSchedule",
    answers=(200, DeletedSchema, "It is gone; what it sent stays."),
)  # fmt: skip
def delete(schedule_id: UUID) -> Response:
    """Delete a schedule"""
    parts().schedules.schedules.remove(identity().project_id, schedule_id, who=_who())
    return answer({"id": schedule_id, "deleted": True})


def _shown(schedule_id: UUID) -> Response:
    return answer(parts().schedules.show(identity().project_id, schedule_id))


def _who() -> str:
    return f"key {identity().prefix}"
