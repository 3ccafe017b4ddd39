"""`/v1/quiet-hours`: when a project leaves people in peace."""

from datetime import time

from flask import Response
from flask_smorest import Blueprint

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.people_schemas import QuietHoursSchema, RemovedSchema
from services.gateway.routes import route
from shared.errors import InvalidInput, NotFound
from shared.intake.problems import load
from shared.ledger.quiet_hours import Window

KB = 1024

blueprint = Blueprint(
    "quiet-hours", __name__, url_prefix="/v1/quiet-hours",
    description="When messages leave people in peace: put off until the morning, but for what is critical.",
)  # fmt: skip
_NONE = "The project has no quiet hours: PUT /v1/quiet-hours sets some."
_HOURS = QuietHoursSchema()


@route(
    blueprint, "GET", "", scope="read", name="getQuietHours",
    answers=(200, QuietHoursSchema, "The project's quiet hours."),
)  # fmt: skip
def show() -> Response:
    """The project's quiet hours

    404 where it has none.
    """
    window = parts().quiet_hours.of(identity().project_id)
    if window is None:
        raise NotFound(_NONE)
    return answer(
        {
            "from": f"{window.quiet_from:%H:%M}",
            "until": f"{window.quiet_until:%H:%M}",
            "timezone": window.timezone,
            "channels": list(window.channels),
        }
    )


@route(
    blueprint, "PUT", "", scope="admin", name="putQuietHours",
    answers=(200, QuietHoursSchema, "The project's quiet hours from now on."),
    body={"application/json": QuietHoursSchema}, about_body="16 KB.", examples=examples.QUIET_HOURS,
)  # fmt: skip
def put() -> Response:
    """Set the project's quiet hours

    Asked before every send: what would go within them waits until they end where the recipient is. A recipient's own
    come first. What is critical, and codes, are sent at any time.
    """
    asked = load(_HOURS, json_body(16 * KB))
    if asked["from_"] == asked["until"]:
        raise InvalidInput({"until": ["They end when they begin: DELETE /v1/quiet-hours if you want none."]})
    window = Window(
        time.fromisoformat(asked["from_"]), time.fromisoformat(asked["until"]), asked["timezone"],
        list(dict.fromkeys(asked["channels"])),
    )  # fmt: skip
    parts().quiet_hours.set(identity().project_id, window)
    return show()


@route(
    blueprint, "DELETE", "", scope="admin", name="removeQuietHours",
    answers=(200, RemovedSchema, "The project has none any more."),
)  # fmt: skip
def remove() -> Response:
    """Keep no quiet hours

    What was put off before is sent when it was put off to.
    """
    if not parts().quiet_hours.remove(identity().project_id):
        raise NotFound(_NONE)
    return answer({"removed": "quiet-hours"})
