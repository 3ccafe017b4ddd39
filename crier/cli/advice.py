"""What a person can make of a notification's state: what it means, and what to do."""

from collections.abc import Iterator

from crier.answers import Chain, Delivery, Notification


def advice(found: Notification) -> Iterator[str]:
    """Sentences about each state that wants explaining, for a reader who does not know Crier."""
    deliveries = found["deliveries"]
    if chain := found.get("chain"):
        yield from _about_chain(found["id"], chain)
        deliveries = [one for one in deliveries if one["state"] == "unknown"]
    for state in dict.fromkeys(one["state"] for one in deliveries):
        yield from _about(found, [one for one in deliveries if one["state"] == state], state)
    tried = [event["provider"] for event in found["timeline"] if event["what"] == "attempt" and "provider" in event]
    if len(set(tried)) > 1 and not chain:
        names = ", then ".join(dict.fromkeys(tried))
        yield f"It was tried at {names}: a route goes on to its next provider when one does not work."


def _about_chain(identifier: str, chain: Chain) -> Iterator[str]:
    match chain["state"]:
        case "active":
            yield (
                f"It is a chain: a step that fails, or is not {chain['until']} in its time, makes way for the next. "
                f"`crier cancel {identifier}` stops all of it."
            )
        case "exhausted":
            again = [step["notification_id"] for step in chain["steps"] if step["state"] in ("failed", "undelivered")]
            yield f"No step of the chain came as far as {chain['until']}, and there is none left."
            yield from (f"`crier retry {one}` sends that step again." for one in again[-1:])
        case "expired":
            yield "It expired before the next step could begin: give it longer, or its steps less."
        case _:
            return


def _of_step(found: Notification, state: str) -> str | None:
    """The notification of the step of a chain that is in this state: a chain itself is not sent again."""
    chain = found.get("chain")
    steps = chain["steps"] if chain else ()
    return next((step["notification_id"] for step in steps if step["state"] == state), None)


def _about(found: Notification, those: list[Delivery], state: str) -> Iterator[str]:
    identifier = _of_step(found, state) or found["id"]
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
        case "suppressed" if all("does not want" in (one.get("reason") or "") for one in those):
            yield (
                "They said so themselves by a link, or your application said it for them: `crier recipients "
                "preferences USER`, or `crier suppressions list ADDRESS`, says since when."
            )
        case "scheduled" if any((one.get("reason") or "").startswith("Quiet hours") for one in those):
            yield (
                "It waits for the end of quiet hours, the recipient's own or the project's (`crier quiet-hours show`). "
                "What is critical does not wait."
            )
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
