"""Mailgun's events of a domain: that mails were accepted, looked up.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/events/get-v3-domain_name-events. It knows
`accepted` alone, and shows it at once. A parameter that is not documented, or has a value that is not, it refuses; it
lists all it has on one page.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from crier.sandbox.vendor import Answer, Call, json_answer

_KEPT = 100_000
_MOST = 300
_FILTERS = ("event", "message-id", "recipient")
_KNOWN = frozenset(
    (*_FILTERS, "begin", "end", "ascending", "limit", "list", "attachment", "from", "subject", "to", "size", "tags",
     "severity", "pretty")
)  # fmt: skip


class Activity:
    """What happened to mails, oldest first."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def accepted(self, reference: str, to: Sequence[str], options: Mapping[str, str], time: float) -> None:
        """Remember that a mail was accepted, an event for each recipient."""
        for recipient in to:
            event = {
                "id": uuid4().hex[:22],
                "event": "accepted",
                "timestamp": time,
                "method": "HTTP",
                "recipient": recipient,
                "recipient-domain": recipient.rpartition("@")[2],
                "tags": [],
                "user-variables": {name[2:]: value for name, value in options.items() if name.startswith("v:")},
                "flags": {"is-authenticated": True, "is-test-mode": False},
                "message": {"headers": {"message-id": reference}},
            }
            self._events[str(event["id"])] = event
            if len(self._events) > _KEPT:
                self._events.popitem(last=False)

    def forget(self) -> None:
        """Drop every event."""
        self._events.clear()

    def answer(self, call: Call) -> Answer:
        """`GET /v3/{domain}/events`."""
        query = call.query
        if wrong := _problem(query):
            return json_answer(400, {"message": wrong})
        begin, end = float(query.get("begin", 0)), float(query.get("end", "inf"))
        met = [
            event
            for event in self._events.values()
            if begin <= event["timestamp"] <= end
            and all(query[name] == _value(event, name) for name in _FILTERS if name in query)
        ]
        if query.get("ascending") != "yes":
            met.reverse()
        shown = met[: int(query.get("limit", 100))]
        page = f"{call.path}/{uuid4().hex}"
        paging = dict.fromkeys(("previous", "first", "last", "next"), page)
        return json_answer(200, {"items": shown, "paging": paging})


def _problem(query: Mapping[str, str]) -> str | None:
    for name in query.keys() - _KNOWN:
        return f"unknown parameter {name}"
    if query.get("ascending", "yes") not in ("yes", "no"):
        return "ascending must be yes or no"
    if "end" not in query and "begin" in query and "ascending" not in query:
        return "ascending must be provided if the range end time is not specified"
    limit = query.get("limit", "100")
    if not limit.isdecimal() or not 1 <= int(limit) <= _MOST:
        return f"limit must be between 1 and {_MOST}"
    for name in ("begin", "end"):
        if not query.get(name, "0").replace(".", "", 1).isdecimal():
            return f"{name} must be in epoch seconds"
    return None


def _value(event: Mapping[str, Any], name: str) -> str:
    found = event["message"]["headers"]["message-id"] if name == "message-id" else event[name]
    return str(found)
