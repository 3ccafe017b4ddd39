"""The notification that a reminder of an event is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import InvalidInput
from shared.intake import Intake
from shared.ledger.reminders import LAST_CALL

_OF_THE_EVENT = {"starts_at": "datetime", "timezone": "timezone"}


def notification_of(
    intake: Intake, project_id: int, request: Mapping[str, Any], starts_at: datetime, timezone: str
) -> dict[str, Any]:
    """`request`, until shortly before the event, with the variables of its template that say when the event is.

    Where `data` leaves out `starts_at` or `timezone`, and the template takes them, they are the event's: so a reminder
    of an event that was moved says the new time.
    """
    made = {**request, "expires_at": (starts_at - LAST_CALL).isoformat()}
    template, channel, data = request.get("template"), request.get("channel"), request.get("data") or {}
    if isinstance(template, str) and isinstance(channel, str) and isinstance(data, Mapping):
        try:
            declared = intake.templates.pin(project_id, template, channel).template.variables.declared
        except InvalidInput:
            return made  # whoever accepts it says so
        values = {"starts_at": starts_at.isoformat(), "timezone": timezone}
        taken = (name for name, kind in _OF_THE_EVENT.items() if name in declared and declared[name].type == kind)
        made["data"] = {**{name: values[name] for name in taken}, **data}
    return made
