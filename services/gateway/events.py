"""`/v1/events`: what people are to be reminded of."""

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import SMALL, json_body
from services.gateway.event_schemas import (
    EVENTS_PARAMETERS,
    EventChangeSchema,
    EventFieldsSchema,
    EventKey,
    EventRequestSchema,
    EventsQuerySchema,
    PlannedEventPageSchema,
    PlannedEventSchema,
)
from services.gateway.parts import parts
from services.gateway.routes import route
from shared.errors import InvalidInput
from shared.intake.problems import StrictSchema, load
from shared.ledger.appointment_rows import Appointment, Reminder
from shared.reminders.starts import Start

blueprint = Blueprint(
    "events", __name__, url_prefix="/v1/events",
    description="Events, and reminders of them. `event` is its key or its id.",
)  # fmt: skip


class _KeySchema(StrictSchema):
    key = EventKey(required=True)


_NEW, _FIELDS, _CHANGE, _QUERY, _KEY = (
    EventRequestSchema(), EventFieldsSchema(), EventChangeSchema(), EventsQuerySchema(), _KeySchema(),
)  # fmt: skip


@route(
    blueprint, "POST", "", scope="send", name="createEvent",
    answers=(201, PlannedEventSchema, "The event, and when its reminders are sent."),
    body={"application/json": EventRequestSchema}, about_body="256 KB.", examples=examples.EVENTS,
)  # fmt: skip
def create() -> Response:
    """Make an event

    A reminder whose moment has passed already is in the answer as missed.
    """
    asked = load(_NEW, json_body(SMALL))
    made = parts().planner.create(identity().project_id, asked["key"], asked)
    return answer(_shown(made), 201, {"Location": f"/v1/events/{made.key}"})


@route(
    blueprint, "PUT", "/<event>", scope="send", name="putEvent",
    answers=(200, PlannedEventSchema, "The event as it is now."),
    body={"application/json": EventFieldsSchema}, about_body="256 KB. All of it: what is left out is as by default.",
)  # fmt: skip
def put(event: str) -> Response:
    """Make an event, or make it what you say

    The same again changes nothing. Another start moves it; one that was cancelled takes place after all.
    """
    key = load(_KEY, {"key": event})["key"]
    asked = load(_FIELDS, json_body(SMALL))
    return answer(_shown(parts().planner.put(identity().project_id, key, asked, who=_who())))


@route(
    blueprint, "GET", "", scope="read", name="listEvents",
    answers=(200, PlannedEventPageSchema, "A page, the soonest first."), parameters=EVENTS_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Events, the soonest first"""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise InvalidInput({name: ["Give it once."] for name in twice})
    page = parts().appointments.page(identity().project_id, **load(_QUERY, request.args.to_dict()))
    return answer({"items": [_summary(one) for one in page.items], "next": page.next})


@route(
    blueprint, "GET", "/<event>", scope="read", name="getEvent",
    answers=(200, PlannedEventSchema, "The event with its reminders."),
)  # fmt: skip
def show(event: str) -> Response:
    """An event and its reminders"""
    return answer(_shown(parts().appointments.get(identity().project_id, event)))


@route(
    blueprint, "PATCH", "/<event>", scope="send", name="moveEvent",
    answers=(200, PlannedEventSchema, "The event as it is now."),
    body={"application/json": EventChangeSchema}, about_body="256 KB. What is left out stays.",
)  # fmt: skip
def change(event: str) -> Response:
    """Move an event, or change what is sent of it, and when

    Reminders of the old start that have not been sent never are; those of the new one are sent where their moment is
    still ahead, also where the same one was sent for the old start.
    """
    asked = load(_CHANGE, json_body(SMALL))
    return answer(_shown(parts().planner.change(identity().project_id, event, asked, who=_who())))


@route(
    blueprint, "POST", "/<event>/cancel", scope="send", name="cancelEvent",
    answers=(200, PlannedEventSchema, "No reminder of it is sent any more."),
)  # fmt: skip
def cancel(event: str) -> Response:
    """Cancel an event

    Once this is answered no reminder of it is sent, not even one that was on its way already. 409 when it has begun.
    """
    return answer(_shown(parts().planner.cancel(identity().project_id, event, who=_who())))


@route(
    blueprint, "POST", "/<event>/no-show", scope="send", name="markEventNoShow",
    answers=(200, PlannedEventSchema, "Nothing is sent afterwards."),
)  # fmt: skip
def no_show(event: str) -> Response:
    """Say that nobody came

    Once this is answered no follow-up is sent, not even one that was on its way already. 409 when it has not begun.
    """
    return answer(_shown(parts().planner.no_show(identity().project_id, event, who=_who())))


def _shown(found: Appointment) -> dict[str, Any]:
    return {**_summary(found), "reminders": [_reminder(one) for one in found.reminders]}


def _summary(found: Appointment) -> dict[str, Any]:
    return {
        "id": found.id,
        "key": found.key,
        "state": found.state,
        "starts_at": found.starts_at,
        "local_start": Start(found.starts_at, found.wall_time, found.timezone).local,
        "timezone": found.timezone,
        "duration": found.duration,
        "offsets": found.offsets,
        "next_reminder_at": found.next_reminder_at,
        "notification": found.request,
        "follow_up": found.follow_up,
        "created_at": found.created_at,
        "changed_at": found.changed_at,
    }


def _reminder(one: Reminder) -> dict[str, Any]:
    return {
        "offset": one.before,
        "starts_at": one.starts_at,
        "due_at": one.due_at,
        "state": one.state,
        "reason": one.reason,
        "notification_id": one.notification_id,
        "notification_state": one.notification_state,
    }


def _who() -> str:
    return f"key {identity().prefix}"
