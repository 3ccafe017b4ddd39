"""What shares an ordering key arrives in order, although the mail server puts some of it off."""

from crier.demo.reconcile import is_sending
from crier.demo.singles import Script, Singles
from shared.messages.email import EmailContent

PROMISE = "order"
COUNT, EVERY = 20, 6
TO = "order@orders.example"


def in_order(send: Singles) -> Script:
    """Twenty mails of one key; every sixth is refused at first."""
    sent = [
        send.send(
            "one ordering key", f"mail {number} of {COUNT}", channel="email", to={"email": TO},
            content={"subject": f"{number} of {COUNT}", "text": "One after the other.\n"},
            ordering_key="order-4821", refused=None,
        )["id"]
        for number in range(1, COUNT + 1)
    ]  # fmt: skip
    for first in range(0, COUNT, EVERY):
        send.sandbox.behave("smtp", recipient=TO, error="450 4.2.1", times=1)
        yield from send.ended(sent[first : first + EVERY])
    calls = [call for call in send.sandbox.calls(recipient=TO) if is_sending(call)]
    contents = {one.notification: one.content for one in send.asked}
    deliveries = {one.delivery: one.notification for one in send.asked}
    arrived = [contents[deliveries[call.delivery or ""]] for call in calls if call.accepted]
    numbers = [int(one.subject.split()[0]) for one in arrived if isinstance(one, EmailContent)]
    send.promise(numbers == list(range(1, COUNT + 1)), PROMISE, f"they arrived as {numbers}")
    refused = sum(not call.accepted for call in calls)
    send.tell(PROMISE, f"{len(numbers)} mails of one key arrived in order; the server refused {refused} at first")
