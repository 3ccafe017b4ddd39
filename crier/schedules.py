"""The client's side of `/v1/schedules`: what is sent later, at intervals or by cron. `Client().schedules`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast
from urllib.parse import quote
from uuid import uuid4

from crier.answers import NewSchedule, Schedule, ScheduleSummary
from crier.encoding import given

PATH = "/v1/schedules"
Misfire = Literal["skip", "once", "all"]
State = Literal["active", "paused", "ended"]


class Schedules:
    """A project's schedules.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._call = call
        self._pages = pages

    def create(
        self, name: str, *, trigger: Mapping[str, Any], request: Mapping[str, Any], misfire: Misfire | None = None,
        misfire_grace: int | None = None, idempotency_key: str | None = None,
    ) -> NewSchedule:  # fmt: skip
        """Make a schedule; what it sends is checked at once.

        Parameters:
            trigger: `{"at": …}`, `{"every": "30m"}` or `{"cron": "0 9 * * mon-fri", "timezone": "Europe/London"}`.
            request: what is sent each time, as `send` would be given it.
            misfire: what is done with times that were missed: `skip`, `once` (when None) or `all`.
            misfire_grace: seconds after which a time is missed; 60 when None.
            idempotency_key: repeated under the same one, a request is answered as the first was.
        """
        asked = {"name": name, "trigger": trigger, "request": given(request), "misfire": misfire}
        made = self._call(
            "POST", PATH, json=given({**asked, "misfire_grace": misfire_grace}),
            idempotency_key=idempotency_key or str(uuid4()),
        )  # fmt: skip
        return cast(NewSchedule, made)

    def list(self, *, state: State | None = None) -> Iterator[ScheduleSummary]:
        """Schedules, newest first, fetched page by page."""
        return cast(Iterator[ScheduleSummary], self._pages(PATH, given({"state": state})))

    def get(self, schedule_id: str) -> Schedule:
        """A schedule with its next five times and its last ten."""
        return cast(Schedule, self._call("GET", _path(schedule_id)))

    def pause(self, schedule_id: str) -> Schedule:
        """Let it fire no more until it is resumed."""
        return cast(Schedule, self._call("POST", _path(schedule_id, "pause")))

    def resume(self, schedule_id: str) -> Schedule:
        """Let it fire again, from its next time on."""
        return cast(Schedule, self._call("POST", _path(schedule_id, "resume")))

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule; what it sent stays."""
        self._call("DELETE", _path(schedule_id))


def _path(schedule_id: str, *rest: str) -> str:
    return "/".join((PATH, quote(schedule_id, safe=""), *rest))
