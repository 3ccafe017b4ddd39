"""Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html writes them."""

from typing import Any

import orjson

from services.inapp.web.metrics import EVENTS
from shared.inbox.answers import shown_item
from shared.ledger.inbox import Changes


def event(name: str, data: Any, number: int | None = None) -> bytes:
    """An event. JSON has no line break: one `data:` is enough.

    Parameters:
        number: of the change up to which everything has been told: where a stream goes on that ends here.
    """
    EVENTS.labels(name).inc()
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(data, option=orjson.OPT_UTC_Z) + b"\n\n"


def comment(words: str) -> bytes:
    """What no program sees, and every proxy."""
    return f": {words}\n\n".encode()


def retry(milliseconds: int) -> bytes:
    """How long to wait before coming back."""
    return f"retry: {milliseconds}\n\n".encode()


def told(changes: Changes, since: int) -> bytes:
    """What happened: `notification` for what is new since then, `changed` for what was marked, and the `count`.

    What was marked is told whole: it may have come and been marked before a browser that was cut off heard of it. The
    count comes when all has been told, for it is that of now.
    """
    parts = []
    for item in changes.items:
        name = "notification" if item.arrived > since else "changed"
        parts.append(event(name, shown_item(item), item.change))
    if changes.complete:
        parts.append(event("count", {"unread": changes.unread}, changes.changes))
    return b"".join(parts)
