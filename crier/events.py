"""The client's side of `/v1/events`: what people are reminded of. `Client().events`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast
from urllib.parse import quote

from crier.answers import PlannedEvent, PlannedEventSummary
from crier.encoding import as_query, given

PATH = "/v1/events"
Late = Literal["refuse", "skip"]
State = Literal["scheduled", "cancelled", "past", "no_show"]


class Events:
    """A project's events, with reminders of each. `event` is its key or its id.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._call = call
        self._pages = pages

    def create(
        self, key: str, *, starts_at: datetime | str, timezone: str, notification: Mapping[str, Any],
        offsets: Sequence[str] | None = None, late: Late | None = None, duration: str | None = None,
        follow_up: Mapping[str, Any] | None = None,
    ) -> PlannedEvent:  # fmt: skip
        """Make an event; refused where there is one of this key.

        Parameters:
            starts_at: a time on the clock of `timezone`, or a moment with its offset from UTC.
            notification: what each reminder sends: `to`, `channel`, `template` and `data` or `content`, …
            offsets: how long before, such as `7d`, `24h` or `30m`; `24h` and `2h` when None.
            late: what becomes of offsets whose moment has passed; those that were given are refused when None.
            duration: how long it takes, such as `45m`; it ends as it begins when None.
            follow_up: what is sent after its end: `{"after": ["2h"], "notification": {…}}`.
        """
        asked = {
            "starts_at": starts_at, "timezone": timezone, "offsets": offsets, "late": late, "duration": duration,
            "follow_up": follow_up,
        }  # fmt: skip
        body = {"key": key, "notification": notification, **given(asked)}
        return cast(PlannedEvent, self._call("POST", PATH, json=body))

    def put(
        self, key: str, *, starts_at: datetime | str, timezone: str, notification: Mapping[str, Any],
        offsets: Sequence[str] | None = None, late: Late | None = None, duration: str | None = None,
        follow_up: Mapping[str, Any] | None = None,
    ) -> PlannedEvent:  # fmt: skip
        """Make an event, or make the one of this key what is said here; the same again changes nothing."""
        asked = {
            "starts_at": starts_at, "timezone": timezone, "offsets": offsets, "late": late, "duration": duration,
            "follow_up": follow_up,
        }  # fmt: skip
        return cast(PlannedEvent, self._call("PUT", _path(key), json={"notification": notification, **given(asked)}))

    def list(
        self, *, state: State | None = None, after: datetime | str | None = None, before: datetime | str | None = None
    ) -> Iterator[PlannedEventSummary]:
        """Events, the soonest first, fetched page by page; those that are to come when `state` is None."""
        asked = as_query({"state": state, "after": after, "before": before})
        return cast(Iterator[PlannedEventSummary], self._pages(PATH, asked))

    def get(self, event: str) -> PlannedEvent:
        """An event with its reminders, and what became of them."""
        return cast(PlannedEvent, self._call("GET", _path(event)))

    def change(self, event: str, **fields: Any) -> PlannedEvent:
        """Move an event: `starts_at` and `timezone`; or change `duration`, `offsets`, `notification` or `follow_up`.

        The rest stays.
        """
        return cast(PlannedEvent, self._call("PATCH", _path(event), json=given(fields)))

    def cancel(self, event: str) -> PlannedEvent:
        """Remind of it no more; once this returns, no reminder of it is sent."""
        return cast(PlannedEvent, self._call("POST", _path(event, "cancel")))

    def no_show(self, event: str) -> PlannedEvent:
        """Say that nobody came; once this returns, nothing is sent afterwards."""
        return cast(PlannedEvent, self._call("POST", _path(event, "no-show")))


def _path(event: str, *rest: str) -> str:
    return "/".join((PATH, quote(event, safe=""), *rest))
