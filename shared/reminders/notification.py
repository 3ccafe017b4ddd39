"""The notification that a reminder of an event is, or a follow-up of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.errors import InvalidInput
from shared.intake import Intake
from shared.ledger.reminders import KEPT_READY, LAST_CALL

_KINDS = {"starts_at": "datetime", "timezone": "timezone", "visited_on": "date"}


def reminder_of(
    intake: Intake, project_id: int, request: Mapping[str, Any], *, starts_at: datetime, timezone: str
) -> dict[str, Any]:
    """`request`, until shortly before the event, with the variables of its template that say when the event is.

    Where `data` leaves out `starts_at` or `timezone`, and the template takes them, they are the event's: so a reminder
    of an event that was moved says the new time.
    """
    values = {"starts_at": starts_at.isoformat(), "timezone": timezone}
    return _told(intake, project_id, request, starts_at - LAST_CALL, values)


def follow_up_of(
    intake: Intake, project_id: int, request: Mapping[str, Any], *, starts_at: datetime, timezone: str, due_at: datetime
) -> dict[str, Any]:
    """`request`, for a day, with the same variables, and `visited_on`: the day the event was."""
    day = starts_at.astimezone(ZoneInfo(timezone)).date().isoformat()
    values = {"starts_at": starts_at.isoformat(), "timezone": timezone, "visited_on": day}
    return _told(intake, project_id, request, due_at + KEPT_READY, values)


def _told(
    intake: Intake, project_id: int, request: Mapping[str, Any], expires_at: datetime, values: Mapping[str, str]
) -> dict[str, Any]:
    made = {**request, "expires_at": expires_at.isoformat()}
    template, channel, data = request.get("template"), request.get("channel"), request.get("data") or {}
    if isinstance(template, str) and isinstance(channel, str) and isinstance(data, Mapping):
        try:
            declared = intake.templates.pin(project_id, template, channel).template.variables.declared
        except InvalidInput:
            return made  # whoever accepts it says so
        taken = (name for name in values if name in declared and declared[name].type == _KINDS[name])
        made["data"] = {**{name: values[name] for name in taken}, **data}
    return made
