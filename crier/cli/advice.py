"""What a person can make of a notification's state: what it means, and what to do."""

from collections.abc import Iterator

from crier.answers import Delivery, Notification


def advice(found: Notification) -> Iterator[str]:
    """Sentences about each state that wants explaining, for a reader who does not know Crier."""
    deliveries = found["deliveries"]
    for state in dict.fromkeys(one["state"] for one in deliveries):
        yield from _about(found, [one for one in deliveries if one["state"] == state], state)
    tried = [event["provider"] for event in found["timeline"] if event["what"] == "attempt" and "provider" in event]
    if len(set(tried)) > 1:
        names = ", then ".join(dict.fromkeys(tried))
        yield f"It was tried at {names}: a route goes on to its next provider when one does not work."


def _about(found: Notification, those: list[Delivery], state: str) -> Iterator[str]:
    identifier = found["id"]
    match state:
        case "unknown" if any(one["held_at"] for one in those):
            yield (
                "A call may have reached the provider, or not: the connection or the worker broke off before there was "
                "an answer. It is not sent again by itself, so that nobody gets it twice."
            )
            yield (
                f"Ask the recipient or the provider. `crier unknown decide {identifier} --sent` if it arrived, "
                f"`crier retry {identifier}` to send it again."
            )
        case "unknown":
            yield (
                "A call may have reached the provider, or not. Crier asks the provider where it can be asked, and "
                "sends it again where that is allowed (if unknown: resend)."
            )
        case "failed":
            yield "It was not sent and is not tried again by itself: the timeline has every try and its answer."
            yield f"`crier dead show {identifier}` says more. `crier retry {identifier}` sends it again."
        case "suppressed" if any((one.get("reason") or "").startswith("Over the cap") for one in those):
            yield (
                "The person has had as many messages as a cap of the project allows: `crier caps list` shows the caps. "
                f"`crier retry {identifier}` sends it once there is room."
            )
        case "suppressed":
            yield (
                "The recipient is on the suppression list: an address that bounced, a complaint, an opt-out, or "
                "somebody of yours put it there. `crier suppressions list` says since when."
            )
        case "undelivered":
            yield "The provider took it and reported later that it did not arrive."
        case "sent" if any(event["what"] == "marked sent" for event in found["timeline"]):
            yield "Nobody knew whether it was sent, and somebody decided that it was: see who in the timeline."
        case "sent":
            yield "The provider took it. Whether it arrived only a receipt can tell: there was none yet."
        case _:
            return
