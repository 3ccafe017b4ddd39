"""Chains: what is refused falls back at once, what is not opened in its time a moment later, and success stops it."""

from datetime import datetime
from typing import Any

from crier.answers import Chain
from crier.demo.asked import Asked
from crier.demo.routes import vendors
from crier.demo.singles import WAITING, Script, Singles
from crier.request import Lane
from crier.sandbox.twilio.message import WHATSAPP
from shared.messages.content import load_content

PROMISE = "fallback chains"
LANE: Lane = "critical"
GONE = "unregistered-chain-phone"
REFUSED, UNREAD, READ = "+442079460970", "+442079460971", "+442079460972"
PUSH, TEXT = {"title": "Your table", "body": "It is ready."}, {"body": "Your table is ready: come to the counter."}
SECONDS = 5
"""For which a message that nobody reads is waited for."""
SOON = 60.0
"""Seconds within which the next step of what was refused has to begin, which is given ten minutes."""


def chains(send: Singles) -> Script:
    """A push to a device that is gone, a message nobody reads, and one that is read."""
    texted = {"whatsapp": TEXT, "sms": TEXT}
    refused = _send(
        send, ["push", "sms"], {"tokens": [GONE], "phone": REFUSED}, {"push": PUSH, "sms": TEXT}, until="sent"
    )
    unread = _send(send, ["whatsapp", "sms"], {"phone": UNREAD}, texted, until="opened", fallback_after=f"{SECONDS}s")
    read = _send(send, ["whatsapp", "sms"], {"phone": READ}, texted, until="opened", fallback_after="2m")
    first = str(_chain(send, read)["steps"][0]["notification_id"])
    yield from send.ended([first], ["delivered"])
    send.sandbox.simulate("twilio", "status", message=first, status="read")
    found = {}
    for name, chain in (("refused", refused), ("unread", unread), ("read", read)):
        while (one := _chain(send, chain))["state"] == "active":
            yield WAITING
        found[name] = one
    _note(send, "refused", found["refused"], {"push": ("failed", GONE, PUSH), "sms": ("sent", REFUSED, TEXT)})
    # On a machine that is busy with other things it may not be sent by then: then the SMS stops it.
    first_state = "cancelled" if found["unread"]["steps"][0]["state"] == "cancelled" else "sent"
    both = {"whatsapp": (first_state, WHATSAPP + UNREAD, TEXT), "sms": ("sent", UNREAD, TEXT)}
    _note(send, "not read", found["unread"], both)
    _note(send, "read", found["read"], {"whatsapp": ("sent", WHATSAPP + READ, TEXT)})
    states = {name: (one["state"], one["by"]) for name, one in found.items()}
    wanted = {"refused": ("succeeded", "sms"), "unread": ("succeeded", "sms"), "read": ("succeeded", "whatsapp")}
    send.promise(states == wanted, PROMISE, f"they ended as {states}")
    never = found["read"]["steps"][1]["state"]
    send.promise(never == "not needed", PROMISE, f"the SMS to who had read the message was {never}")
    at_once, later = _after_failure(send, refused, found["refused"]), _between(found["unread"])
    send.promise(0 <= at_once <= SOON, PROMISE, f"the SMS after a refused push began after {at_once:.1f} s")
    send.promise(later >= SECONDS, PROMISE, f"the SMS after a message nobody had read began after {later:.1f} s")
    send.tell(
        PROMISE,
        f"push refused: SMS {at_once:.1f} s later; WhatsApp not read within {SECONDS} s: SMS after {later:.1f} s; "
        "read: no SMS",
    )


def _send(send: Singles, channels: list[Any], to: Any, content: Any, **fields: Any) -> str:
    return send.client.send(channel=channels, to=to, content=content, lane=LANE, **fields)["id"]


def _chain(send: Singles, identifier: str) -> Chain:
    chain = send.client.get(identifier)["chain"]
    if chain is None:
        raise TypeError(f"{identifier} is no chain")
    return chain


def _note(send: Singles, what: str, chain: Chain, begun: dict[str, tuple[str, str, Any]]) -> None:
    """Write down what has to come of each step that was to begin; of one that did not begin that it did not."""
    for step in chain["steps"]:
        channel, identifier = step["channel"], step["notification_id"]
        if channel not in begun:
            continue
        if not send.promise(identifier is not None, PROMISE, f"{what}: {channel} never began"):
            continue
        state, target, content = begun[channel]
        send.asked.append(
            Asked(
                group=PROMISE,
                what=f"{what}, {channel}",
                notification=str(identifier),
                delivery=str(identifier),
                channel=channel,
                vendors=vendors(channel, LANE),
                target=target,
                content=load_content(channel, content) if state == "sent" else None,
                state=state,
                refused=int(state == "failed"),
            )
        )


def _after_failure(send: Singles, identifier: str, chain: Chain) -> float:
    """Seconds from when the first step had failed to when the second began."""
    failed = next(event["at"] for event in send.client.get(identifier)["timeline"] if event["what"] == "failed")
    began = chain["steps"][1]["began_at"] or ""
    return (datetime.fromisoformat(began) - datetime.fromisoformat(failed)).total_seconds()


def _between(chain: Chain) -> float:
    """Seconds between the beginnings of its first two steps."""
    first, second = (datetime.fromisoformat(step["began_at"] or "") for step in chain["steps"][:2])
    return (second - first).total_seconds()
