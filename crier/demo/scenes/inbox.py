"""A person's inbox gets three and one is read: the count is right, and who follows the stream has seen it all."""

from collections import Counter
from contextlib import suppress
from threading import Thread
from typing import Any

from crier.answers import InboxEvent
from crier.demo.singles import WAITING, Script, Singles
from crier.inbox import Inbox
from shared.errors import CrierError
from shared.messages.inapp import InAppContent

PROMISE = "inbox"
USER = "u_inbox"
OWN: Any = {
    "title": "Ihr Tisch ist bereit 🎉",
    "body": "<b>Kommen Sie</b> an den Tresen.",
    "link": "/t/12",
    "icon": "🍽",
}
TEMPLATES = ("new_follower", "booking_confirmation")


def inbox(send: Singles) -> Script:
    """Two templates and content of one's own, to somebody whose page is open."""
    person, heard = send.client.inbox(USER), list[InboxEvent]()
    Thread(target=_listen, args=(person, heard), name="a page with a bell", daemon=True).start()
    while not heard:
        yield WAITING
    to: Any = {"user_id": USER, "locale": "de-DE"}
    sent, titles = [], [str(OWN["title"])]
    for name in TEMPLATES:
        data = dict(send.rendering.templates[name].sample)
        sent.append(send.client.send(template=name, channel="inapp", to=to, data=data))
        content: Any = send.rendering.content(name, "inapp", data, to)
        titles.append(content.title if isinstance(content, InAppContent) else "")
    sent.append(send.client.send(channel="inapp", to={"user_id": USER}, content=OWN))
    while any(send.client.get(one["id"])["state"] != "delivered" for one in sent):
        yield WAITING
    items = list(person.list())
    send.promise(Counter(item["title"] for item in items) == Counter(titles), PROMISE, f"the inbox has {items}")
    send.promise(person.count() == len(titles), PROMISE, f"the count of {len(titles)} is {person.count()}")
    [own] = [item for item in items if item["title"] == OWN["title"]]
    send.promise({**own, **OWN} == own, PROMISE, f"what was sent arrived as {own}")
    person.read(own["id"])
    send.promise(person.count() == len(titles) - 1, PROMISE, f"after one was read the count is {person.count()}")
    read = {"title": own["title"], "read": True}
    while {"unread": len(titles) - 1} != heard[-1]["data"] or read not in _changed(heard):
        yield WAITING
    told = Counter(event["data"]["title"] for event in heard if event["event"] == "notification")
    send.promise(told == Counter(titles), PROMISE, f"the stream told of {dict(told)}")
    [opened] = [event for event in send.client.get(sent[-1]["id"])["timeline"] if event.get("outcome") == "opened"]
    send.promise(opened["what"] == "receipt", PROMISE, f"in the timeline reading is {opened}")
    send.tell(
        PROMISE, f"an open page saw {len(told)} arrive; one was read, and {len(told) - 1} are unread there and here"
    )


def _listen(person: Inbox, heard: list[InboxEvent]) -> None:
    """What a page does: it goes on where it was cut off, until the demo ends."""
    with suppress(CrierError):
        for event in person.watch():
            heard.append(event)


def _changed(heard: list[InboxEvent]) -> list[dict[str, Any]]:
    return [
        {"title": event["data"]["title"], "read": event["data"]["read_at"] is not None}
        for event in heard
        if event["event"] == "changed"
    ]
