"""What providers report moves deliveries and suppresses targets; what is forged or repeated changes nothing."""

from collections.abc import Iterable
from typing import Any

import requests

from crier.answers import Receipt
from crier.demo.reconcile import is_sending
from crier.demo.routes import REPORTING
from crier.demo.singles import WAITING, Script, Singles
from crier.sandbox import Entry

PROMISE, REPORTED = "receipts", "delivered"
# The first vendor does not take mail for it, so that it goes through one that reports.
DOMAIN = "reports.example"
BOUNCING, COMPLAINING = f"bounce@{DOMAIN}", f"complain@{DOMAIN}"
NUMBER = "+442079460998"
MAIL = {"subject": "Your table is ready", "text": "Come to the counter.\n"}
TEXT = {"body": "Your table is ready."}
_TIMEOUT = 10.0


def receipts(send: Singles) -> Script:
    """One mail bounces, one is called spam, and somebody answers STOP: none of them is written to again."""
    send.sandbox.behave("smtp", recipient=f"*@{DOMAIN}", error="451 4.3.0")
    mails: dict[str, Any] = {"refused": None, "arrives": True, "content": MAIL, "channel": "email"}
    bounced = send.send(PROMISE, "bounces", to={"email": BOUNCING}, state="undelivered", **mails)
    complained = send.send(PROMISE, "is called spam", to={"email": COMPLAINING}, **mails)
    text = send.send(PROMISE, "is answered STOP", channel="sms", to={"phone": NUMBER}, content=TEXT)
    yield from send.ended([bounced["id"]], ["undelivered"])
    yield from send.ended([complained["id"], text["id"]], ["delivered"])
    _forged_and_repeated(send, text)
    send.sandbox.simulate("twilio", "inbound", number=NUMBER, body="STOP")
    gone = {("email", BOUNCING): "bounce", ("email", COMPLAINING): "complaint", ("sms", NUMBER): "opt-out"}
    while not gone.keys() <= (known := _suppressed(send)).keys():
        yield WAITING
    reasons = {target: known[target] for target in gone}
    send.promise(reasons == gone, PROMISE, f"they are suppressed as {reasons}")
    for (channel, target), reason in gone.items():
        to, content = ({"email": target}, MAIL) if channel == "email" else ({"phone": target}, TEXT)
        what = f"again, after {reason}"
        again = send.send(PROMISE, what, channel=channel, to=to, content=content, state="suppressed")["state"]
        send.promise(again == "suppressed", PROMISE, f"after {reason} it was accepted as {again}")
    send.tell(PROMISE, "a bounce, a complaint and a STOP: the next message is answered suppressed; forged: 403")


def reported(send: Singles) -> Script:
    """Wait until everything that a reporting vendor took is delivered."""
    taken = [call for call in send.sandbox.calls() if call.accepted and is_sending(call) and call.vendor in REPORTING]
    owners = {one.delivery: one.notification for one in send.asked if one.state == "sent"}
    waiting = {owners[call.delivery] for call in taken if call.delivery in owners}
    yield from send.ended([*waiting], ["delivered"])
    states = [send.states[one.delivery] for one in send.asked if one.notification in waiting]
    send.tell(
        REPORTED, f"{states.count('delivered')} taken by Twilio, SendGrid, SES and Mailgun are reported delivered"
    )


def _suppressed(send: Singles) -> dict[tuple[str, str], str]:
    return {(one["channel"], one["target"]): one["reason"] for one in send.client.suppressions.list()}


def _forged_and_repeated(send: Singles, text: Receipt) -> None:
    """Post the last report about `text` again, and one that says something else under the same signature."""
    before = send.look(text["id"])
    reports = _of(send.sandbox.calls("callbacks"), before["deliveries"][0]["id"])
    [*_, last] = reports
    body = str(last.received["body"])
    for told, altered, wanted in (
        ("repeated", body, (204,)),
        ("forged", body.replace("MessageStatus=delivered", "MessageStatus=undelivered"), (403,)),
    ):
        answer = requests.post(
            last.received["path"], data=altered.encode(), headers=last.received["headers"], timeout=_TIMEOUT
        )
        send.promise(answer.status_code in wanted, PROMISE, f"a {told} receipt was answered {answer.status_code}")
    after = send.look(text["id"])
    send.promise(after["timeline"] == before["timeline"], PROMISE, "a repeated or forged receipt changed something")


def _of(calls: Iterable[Entry], delivery: str) -> list[Entry]:
    return [call for call in calls if call.delivery == delivery and call.answered.get("status", 0) < 300]
