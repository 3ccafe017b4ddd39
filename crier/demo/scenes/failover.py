"""The preferred provider fails for a while: everything arrives through the second, and then the first is back."""

import time
from datetime import UTC, datetime

from crier.demo.routes import PREFERRED
from crier.demo.singles import WAITING, Script, Singles

PROMISE = "failover"
COUNT = 15
CHANNELS = ("email", "sms")


def failover(send: Singles) -> Script:
    """The mail server lets nobody in, and Twilio does not know the account."""
    begun = datetime.now(UTC)
    for stage in ("connect", "mail"):
        send.sandbox.behave("smtp", stage=stage, error="421 4.3.2")
    send.sandbox.behave("twilio", error="20003")
    sent = [_send(send, channel, number) for number in range(COUNT) for channel in CHANNELS]
    yield from send.ended(sent)
    second = {PREFERRED[channel][1] for channel in CHANNELS}
    others = {provider for one in sent for provider in _providers(send, one)} - second
    send.promise(not others, PROMISE, f"some went through {others}")
    for vendor in ("smtp", "twilio"):
        send.sandbox.reset(vendor)
    healed, back, number = time.monotonic(), dict[str, float](), COUNT
    while len(back) < len(CHANNELS):
        for channel in CHANNELS:
            if channel not in back:
                one = _send(send, channel, number := number + 1)
                yield from send.ended([one])
                if _providers(send, one) == {PREFERRED[channel][0]}:
                    back[channel] = time.monotonic() - healed
        yield WAITING
    dead = send.stage.triage.count("dead-letters", "replay", _dead_since(begun))
    send.promise(dead == 0, PROMISE, f"{dead} became dead letters")
    names = " and ".join(f"{PREFERRED[channel][0]} after {back[channel]:.0f} s" for channel in CHANNELS)
    send.tell(PROMISE, f"{len(sent)} went through {' and '.join(sorted(second))}, none was lost; back to {names}")


def _send(send: Singles, channel: str, number: int) -> str:
    to, content = (
        ({"email": f"guest{number}@failover.example"}, {"subject": f"Guest {number}", "text": "Come in.\n"})
        if channel == "email"
        else ({"phone": f"+44770090{number:04d}"}, {"body": f"Guest {number}, come in."})
    )
    receipt = send.send(PROMISE, f"{channel} {number}", channel=channel, to=to, content=content, refused=None)
    return receipt["id"]


def _providers(send: Singles, notification: str) -> set[str | None]:
    return {send.providers.get(one.delivery) for one in send.asked if one.notification == notification}


def _dead_since(begun: datetime) -> dict[str, object]:
    return {"kind": "delivery", "filter": {"died_after": begun.isoformat()}}
