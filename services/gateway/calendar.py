"""`/v1/calendar`: Crier's own periodic jobs, when each runs, and what came of it."""

from datetime import datetime
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from services.gateway.answers import answer
from services.gateway.parts import parts
from services.gateway.routes import route
from shared.calendar import CALENDAR
from shared.ledger.ticks import TRIES, Tick, Ticks
from shared.periodic.job import Job, Missed
from shared.periodic.times import next_tick

STATES = ("done", "running", "failed", "skipped", "waiting")

blueprint = Blueprint(
    "calendar", __name__, url_prefix="/v1/calendar",
    description="Crier's own periodic jobs: when each runs, and what came of it.",
)  # fmt: skip


class RunSchema(Schema):
    """The newest run of a job."""

    due_at = fields.DateTime(required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(STATES),
        metadata={"description": "`waiting`: nobody has begun it yet. `failed`: it is tried again up to four times."},
    )  # fmt: skip
    started_at = fields.DateTime(required=True, allow_none=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
    tries = fields.Integer(required=True, allow_none=True, metadata={"description": "Of a run that is not finished."})
    result = fields.Dict(required=True, allow_none=True, metadata={"description": "What it says it did."})
    problem = fields.String(required=True, allow_none=True, metadata={"description": "Why it failed, or was left out."})


class JobSchema(Schema):
    """A periodic job."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    cron = fields.String(
        required=True, metadata={"description": "In UTC: minute, hour, day, month, weekday.", "example": "15 3 * * *"}
    )
    actor = fields.String(required=True)
    queue = fields.String(required=True)
    missed = fields.String(
        required=True, validate=validate.OneOf([each.value for each in Missed]),
        metadata={"description": "What becomes of a tick nobody began in time: left out, or made up for once."},
    )  # fmt: skip
    next_at = fields.DateTime(required=True)
    last = fields.Nested(RunSchema, required=True, allow_none=True)


class CalendarSchema(Schema):
    """Every periodic job."""

    items = fields.List(fields.Nested(JobSchema), required=True)


@route(
    blueprint, "GET", "", scope="read", name="getCalendar",
    answers=(200, CalendarSchema, "Every periodic job, in the order of their next runs."),
)  # fmt: skip
def index() -> Response:
    """When Crier's own periodic jobs run, and what came of it"""
    ticks = Ticks(parts().database)
    now, latest = ticks.now(), ticks.latest(job.name for job in CALENDAR)
    jobs = [_told(job, latest.get(job.name), now) for job in CALENDAR]
    return answer({"items": sorted(jobs, key=lambda job: (job["next_at"], job["name"]))})


def _told(job: Job, last: Tick | None, now: datetime) -> dict[str, Any]:
    return {
        "name": job.name,
        "description": job.description,
        "cron": job.cron,
        "actor": job.actor,
        "queue": job.queue,
        "missed": job.missed.value,
        "next_at": next_tick(job.cron, now),
        "last": last and _run(last, job.lease),
    }


def _run(tick: Tick, lease: float) -> dict[str, Any]:
    left_out, state = tick.result.get("skipped"), _state(tick, lease)
    unfinished = tick.finished_at is None
    return {
        "due_at": tick.tick,
        "state": state,
        "started_at": None if left_out or state == "waiting" else tick.started_at,
        "finished_at": None if left_out else tick.finished_at,
        "tries": tick.result["tries"] if unfinished else None,
        "result": None if unfinished or left_out else tick.result,
        "problem": left_out or (_problem(tick, lease) if unfinished else None),
    }


def _state(tick: Tick, lease: float) -> str:
    if tick.finished_at is not None:
        return "skipped" if "skipped" in tick.result else "done"
    if "running" in tick.result:
        return "running" if tick.age <= lease else "failed"
    return "failed" if "error" in tick.result or tick.result["tries"] >= TRIES else "waiting"


def _problem(tick: Tick, lease: float) -> str | None:
    if "running" in tick.result and tick.age > lease:
        return "Its worker died."
    error: str | None = tick.result.get("error")
    return error
