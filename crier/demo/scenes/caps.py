"""A person gets no more than the project's caps allow: what is more is dropped, or waits for room."""

from datetime import UTC, datetime, timedelta
from typing import Any

from crier.demo.singles import Script, Singles

PROMISE = "caps"
MOST, MORE = 3, 2
PAUSE = 3
"""Seconds between two notices to one person."""


def capped(send: Singles) -> Script:
    """A club that writes to its members twice too often, and has its notices wait for each other."""
    client = send.stage.project("club")
    client.caps.put("offers-a-week", most=MOST, per="7d", kind="promotion")
    client.caps.put("one-at-a-time", most=1, per=f"{PAUSE}s", kind="transactional", over="wait")
    offer: dict[str, Any] = {"channel": "sms", "kind": "promotion", "lane": "normal", "client": client}
    notice: dict[str, Any] = {"channel": "sms", "lane": "normal", "client": client}
    to, grace = ({"phone": f"+44770090077{number}", "user_id": f"member-{number}"} for number in (1, 2))
    sent = [
        send.send(PROMISE, f"offer {number}", to=to, content={"body": f"Offer {number}"}, **offer)["id"]
        for number in range(MOST)
    ]
    yield from send.ended(sent)
    over = [
        send.send(PROMISE, f"offer {MOST + number}", to=to, content={"body": "More"}, state="suppressed", **offer)["id"]
        for number in range(MORE)
    ]
    first = send.send(PROMISE, "a notice", to=grace, content={"body": "The doors are open."}, **notice)["id"]
    yield from send.ended([*over, first])
    started = _started(send, first)
    later = started + timedelta(seconds=PAUSE)
    waits = send.send(PROMISE, "a notice more", to=grace, content={"body": "It begins."}, not_before=later, **notice)
    urgent = send.send(
        PROMISE, "an urgent one", to=grace, content={"body": "Leave now."}, **{**notice, "lane": "critical"}
    )["id"]
    yield from send.ended([urgent])
    kept_back = any(one["what"] == "deferred" for one in send.look(urgent)["timeline"])
    send.promise(not kept_back, PROMISE, "what is critical was kept back")
    yield from send.ended([waits["id"]])
    reasons = {one["reason"] for gone in over for one in send.look(gone)["deliveries"]}
    wanted = {f"Over the cap offers-a-week: {MOST} in 7 days."}
    send.promise(reasons == wanted, PROMISE, f"the reasons are {reasons}")
    waited = (_started(send, waits["id"]) - started).total_seconds()
    send.tell(
        PROMISE, f"{MORE} of {MOST + MORE} offers were dropped; a notice waited until {waited:.1f} s after the last"
    )


def _started(send: Singles, notification: str) -> datetime:
    started = send.look(notification)["deliveries"][0]["started_at"]
    return datetime.fromisoformat(started) if started else datetime.max.replace(tzinfo=UTC)
