"""What was refused for good is a dead letter; once the cause is gone it is replayed, and arrives."""

from crier.demo.singles import Script, Singles

PROMISE = "dead letters"
NUMBER = "+442079460997"


def dead_letters(send: Singles) -> Script:
    """An SMS to a country that the account may not send to yet (Twilio's 21408)."""
    send.sandbox.behave("twilio", recipient=NUMBER, error="21408", times=1)
    to, content = {"phone": NUMBER}, {"body": "Second try."}
    sent = send.send(PROMISE, "refused, then replayed", channel="sms", to=to, content=content, refused=1)["id"]
    yield from send.ended([sent])
    [delivery] = send.look(sent)["deliveries"]
    found = [
        (one["id"], one["why"])
        for one in send.stage.triage.page_through("dead-letters", {"code": "21408", "channel": "sms"})
    ]
    send.promise(found == [(delivery["id"], "refused")], PROMISE, f"the dead letters are {found}")
    replayed = send.stage.triage.act_on("dead-letters", "replay", {"kind": "delivery"}, [delivery["id"]])
    send.promise(replayed.done == 1, PROMISE, f"it could not be replayed: {replayed.refusals}")
    yield from send.ended([sent], ["delivered"])
    left = [one["id"] for one in send.stage.triage.page_through("dead-letters", {"code": "21408"})]
    send.promise(not left, PROMISE, f"it is still dead: {left}")
    send.tell(PROMISE, "21408 was in `crier dead list`; replayed once the country was allowed, it arrived")
