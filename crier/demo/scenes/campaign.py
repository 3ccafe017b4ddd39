"""A campaign: tried, released, paused in the middle, resumed; everybody on the list once, at its pace."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

from crier.answers import Campaign
from crier.campaigns import ENDED
from crier.demo.asked import Asked
from crier.demo.reconcile import is_sending
from crier.demo.routes import vendors
from crier.demo.singles import WAITING, Script, Singles
from crier.errors import WaitTimeout
from crier.sandbox import Entry
from shared.ledger.ids import derived_id
from shared.messages.content import load_content

PROMISE = "campaign"
COUNT, THROTTLE = 30, "10/s"
QUIET, UNDER_WAY = 1.5, 1.0
"""Seconds of the pause in which nothing may be sent, and those before them for calls that were under way."""
MAIL = {"subject": "We are open on Sunday", "text": "From ten to four.\n"}
GONE = "guest.7@campaign.example"


def campaign(send: Singles) -> Script:
    """Thirty guests, one of them twice on the list and one who must not be written to."""
    client = send.client
    since = max((call.sequence for call in send.sandbox.calls()), default=0)
    client.suppressions.add("email", GONE)
    guests = [f"guest.{number}@campaign.example" for number in range(1, COUNT + 1)]
    loaded = client.audiences.upload([{"to": {"email": one}} for one in (*guests, guests[0].upper())], name="guests")
    counts = (loaded["members"], loaded["duplicates"], loaded["refused"])
    send.promise(counts == (COUNT, 1, 0), PROMISE, f"members, doubles and refused rows are {counts}")
    request = {"channel": "email", "content": MAIL}
    made = client.campaigns.create("Open on Sunday", audience="guests", request=request, throttle=THROTTLE)["id"]
    with suppress(WaitTimeout):
        client.campaigns.dry_run(made, timeout=0)
    while (client.campaigns.get(made)["dry_run"] or {}).get("state") != "done":
        yield WAITING
    seen = client.campaigns.get(made)["dry_run"] or {}
    told = (seen.get("would_send"), seen.get("excluded"))
    wanted = (COUNT - 1, {"duplicates": 1, "refused_rows": 0, "suppressed": {"manual": 1}})
    send.promise(told == wanted, PROMISE, f"the dry run says {told}")
    send.promise(not _calls(send, since), PROMISE, "the dry run sent something")
    client.campaigns.release(made)
    while client.campaigns.get(made)["progress"]["ended"] < 5:
        yield WAITING
    client.campaigns.pause(made)
    yield from _for(UNDER_WAY)
    before = len(_calls(send, since))
    yield from _for(QUIET)
    meanwhile = len(_calls(send, since)) - before
    send.promise(not meanwhile, PROMISE, f"{meanwhile} mails were sent while it was paused")
    found = client.campaigns.resume(made)
    while found["state"] not in ENDED:
        yield WAITING
        found = client.campaigns.get(made)
    _ask_for(send, found, guests)
    sent = Counter(call.recipient for call in _calls(send, since) if call.accepted)
    once = sent == Counter({one: 1 for one in guests if one != GONE})
    send.promise(once, PROMISE, f"{len(sent)} guests got {sent.total()} mails")
    send.tell(PROMISE, f"{len(sent)} guests got one mail each at {THROTTLE}; none of them during the pause")


def _calls(send: Singles, since: int) -> list[Entry]:
    """Mails to guests that came after that place in the journal."""
    calls = send.sandbox.calls(after=since)
    return [call for call in calls if is_sending(call) and (call.recipient or "").endswith("@campaign.example")]


def _for(seconds: float) -> Iterator[bool]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield WAITING


def _ask_for(send: Singles, found: Campaign, guests: list[str]) -> None:
    """Have each mail compared with what was asked for, as those of everybody else."""
    batch = UUID(found["batch_id"] or "")
    for number, target in enumerate(guests, start=1):
        notification = derived_id(batch, number)
        gone = target == GONE
        send.asked.append(
            Asked(
                group=PROMISE, what=f"guest {number}", notification=str(notification),
                delivery=str(derived_id(notification, 0)), channel="email", vendors=vendors("email", "bulk"),
                target=target, content=None if gone else load_content("email", MAIL),
                state="suppressed" if gone else "sent",
            )
        )  # fmt: skip
