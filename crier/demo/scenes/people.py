"""What people want is asked before every send, and when they are to be left in peace."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any

import requests

from crier.client import Client
from crier.demo.singles import WAITING, Script, Singles
from crier.sandbox.smtp import raw
from shared.messages.email import EmailContent

PROMISE = "people"
GUEST, EMAIL, NUMBER, LEAVING = "guest-1", "guest@people.example", "+442079460995", "leaving@people.example"
TEXT, MAIL = {"body": "Your table is at the window."}, {"subject": "News", "text": "There is a new menu.\n"}
_TIMEOUT = 10.0


def people(send: Singles) -> Script:
    """A project of its own: one who does not want news, one who is asleep, and two who say so by a link."""
    client = send.stage.project("people")
    for name, promotional in (("bookings", False), ("news", True)):
        client.categories.put(name, name.capitalize(), promotional=promotional)
    client.recipients.put(GUEST, email=EMAIL, phone=NUMBER, timezone="UTC")
    client.recipients.set_preferences(GUEST, [{"category": "news", "channel": "sms", "wanted": False}])
    text: dict[str, Any] = {"channel": "sms", "to": {"user_id": GUEST}, "content": TEXT, "client": client}
    mail: dict[str, Any] = {"channel": "email", "content": MAIL, "client": client}
    wanted = send.send(PROMISE, "an SMS that is wanted", category="bookings", **text)["id"]
    unwanted = send.send(PROMISE, "an SMS that is not", category="news", state="suppressed", **text)
    send.promise(unwanted["state"] == "suppressed", PROMISE, f"what is not wanted was accepted as {unwanted['state']}")
    leaving = send.send(
        PROMISE, "a promotion with a link", to={"email": LEAVING}, kind="promotion", category="news", lane="normal",
        **mail,
    )["id"]  # fmt: skip
    yield from send.ended([wanted, leaving])
    yield from _asleep(send, client, text)
    yield from _by_their_own_link(send, client, mail)
    yield from _with_one_click(send, leaving, mail)
    send.tell(PROMISE, "no news by SMS; asleep: put off, but for what is critical; signed links: heard, forged: 404")


def _asleep(send: Singles, client: Client, text: dict[str, Any]) -> Script:
    """Within quiet hours around now, one waits until they end, with no call made; what is critical goes."""
    now = datetime.now(UTC)
    until = now + timedelta(hours=2)
    client.quiet_hours.set(f"{now - timedelta(hours=2):%H:%M}", f"{until:%H:%M}", timezone="Europe/Paris")
    late = send.send(PROMISE, "asleep", category="bookings", state="cancelled", **text)["id"]
    urgent = send.send(PROMISE, "asleep, but critical", category="bookings", lane="critical", **text)["id"]
    yield from send.ended([urgent])
    while not (waiting := send.look(late)["deliveries"][0])["reason"]:
        yield WAITING
    found = waiting["state"], waiting["attempts"], waiting["reason"]
    said = f"Quiet hours until {until:%H:%M} (UTC)."
    send.promise(found == ("scheduled", 0, said), PROMISE, f"who is asleep is {found}")
    next_at = datetime.fromisoformat(waiting["next_at"] or now.isoformat())
    send.promise(next_at == until.replace(second=0, microsecond=0), PROMISE, f"it is put off until {next_at}")
    client.cancel(late)
    client.quiet_hours.remove()


def _by_their_own_link(send: Singles, client: Client, mail: dict[str, Any]) -> Script:
    """They look, untick a box, and save; nobody logs in, and a link that was altered does nothing."""
    link = client.recipients.preferences_link(GUEST)
    forged = requests.post(f"{link[:-6]}AAAAAA?choose", data={"want": []}, timeout=_TIMEOUT)
    send.promise(forged.status_code == requests.codes.not_found, PROMISE, f"an altered link: {forged.status_code}")
    page = requests.get(link, timeout=_TIMEOUT)
    send.promise(page.ok and 'value="news" checked' in page.text, PROMISE, f"the page of choices: {page.status_code}")
    requests.post(f"{link}?choose", data={"want": ["bookings"]}, timeout=_TIMEOUT).raise_for_status()
    holds = {(one["category"], one["channel"]): one["wanted"] for one in client.recipients.preferences(GUEST)["holds"]}
    kept = not holds["news", "email"] and holds["bookings", "email"] and holds["bookings", "sms"]
    send.promise(kept, PROMISE, f"after the link was used {holds} holds")
    to = {"user_id": GUEST}
    unwanted = send.send(PROMISE, "news, after they said no", to=to, category="news", state="suppressed", **mail)
    wanted = send.send(PROMISE, "bookings, still", to=to, category="bookings", **mail)
    yield from send.ended([unwanted["id"], wanted["id"]])


def _with_one_click(send: Singles, leaving: str, mail: dict[str, Any]) -> Script:
    """What a mail program does with the header of a mail that has arrived (RFC 8058)."""
    [call] = [call for call in send.sandbox.calls("smtp", recipient=LEAVING) if call.accepted]
    link = message_from_bytes(raw(call))["List-Unsubscribe"].strip("<>")
    [(place, one)] = [(place, one) for place, one in enumerate(send.asked) if one.notification == leaving]
    with_foot = EmailContent(subject=MAIL["subject"], text=f"{MAIL['text']}\n\n--\nUnsubscribe: {link}\n")
    send.asked[place] = replace(one, content=with_foot)
    requests.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=_TIMEOUT).raise_for_status()
    to = {"email": LEAVING}
    unwanted = send.send(PROMISE, "after one click", to=to, category="news", state="suppressed", **mail)
    wanted = send.send(PROMISE, "of another category", to=to, category="bookings", **mail)
    yield from send.ended([unwanted["id"], wanted["id"]])
