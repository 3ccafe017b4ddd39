"""A provider takes a message, and its answer is lost: nobody knows whether it was sent."""

from crier.demo.rich import PLAIN, device
from crier.demo.routes import SHARED_LANE
from crier.demo.singles import Script, Singles

PROMISE = "unknown"
GROUP = "answer lost"
MAIL = {"subject": "Your invoice", "text": "Please find it in your account.\n"}
HELD, TWICE, NUMBER = "held@doubt.example", "twice@doubt.example", "+442079460996"


def in_doubt(send: Singles) -> Script:
    """Held for a person, or until a receipt tells; sent again because that was wanted; repeated under a key."""
    token = device("doubt", SHARED_LANE)
    for vendor, recipient in (("smtp", HELD), ("smtp", TWICE), ("twilio", NUMBER), ("onesignal", token)):
        send.sandbox.behave(vendor, recipient=recipient, fault="reset", times=1)
    held = send.send(
        GROUP, "hold: a person decides", channel="email", to={"email": HELD}, content=MAIL, on_unknown="hold",
    )["id"]  # fmt: skip
    again = send.send(
        GROUP, "resend: sent again", channel="email", to={"email": TWICE}, content=MAIL, on_unknown="resend", times=2,
    )["id"]  # fmt: skip
    told = send.send(
        GROUP, "hold: the receipt decides", channel="sms", to={"phone": NUMBER}, content={"body": "Paid. Thank you."},
        on_unknown="hold",
    )["id"]  # fmt: skip
    once = send.send(
        GROUP, "repeated under a key", channel="push", to={"tokens": [token]}, content=PLAIN, lane=SHARED_LANE,
        on_unknown="hold", refused=None,
    )["id"]  # fmt: skip
    yield from send.ended([held], ["unknown"])
    delivery = send.look(held)["deliveries"][0]["id"]
    listed = [one["id"] for one in send.stage.triage.page_through("unknown", {"channel": "email"})]
    send.promise(listed == [delivery], PROMISE, f"those that wait for a person are {listed}")
    decided = send.stage.triage.act_on("unknown", "decide", {"decision": "sent"}, [delivery])
    send.promise(decided.done == 1, PROMISE, f"it could not be decided: {decided.refusals}")
    yield from send.ended([held, again, once], ["sent", "delivered"])
    yield from send.ended([told], ["delivered"])
    calls = sum(event["what"] == "attempt" for event in send.look(once)["timeline"])
    how = "as it said" if calls == 1 else "under its key"
    send.tell(PROMISE, f"hold: once, a person or a receipt decided; resend: twice; OneSignal: once, {how}")
