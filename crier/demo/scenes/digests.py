"""What happens within a second becomes one mail: every request is in one of them, once."""

from collections import defaultdict
from typing import Any

from crier.answers import Receipt
from crier.demo.singles import WAITING, Script, Singles
from crier.request import Recipient

PROMISE = "digests"
COUNT = 24
TO: Recipient = {"email": "ada@forum.example", "name": "Ada", "user_id": "ada"}


def collected(send: Singles) -> Script:
    """A forum in which something happens all the time, while one digest closes after the other."""
    client = send.stage.project("forum")
    items: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    receipts: dict[str, Receipt] = {}
    for number in range(1, COUNT + 1):
        item = {"actor": f"Member {number}", "text": f"wrote answer {number}"}
        receipt = client.send(template="activity_digest", channel="email", to=TO, data=item, digest="1s")
        receipts[receipt["id"]] = receipt
        items[receipt["id"]].append(item)
        right = receipt.get("collected") == len(items[receipt["id"]])
        send.promise(right, PROMISE, f"request {number} is said to be the one of number {receipt.get('collected')}")
        yield WAITING
    for name, inside in items.items():
        data: dict[str, Any] = {"activities": inside}
        content = send.rendering.content("activity_digest", "email", data, TO)
        send.expect(receipts[name], PROMISE, f"a digest of {len(inside)}", to=TO, content=content, client=client)
    yield from send.ended(list(items))
    counted = {name: found["collected"] for name in items if (found := client.get(name)["digest"])}
    wanted = {name: len(inside) for name, inside in items.items()}
    send.promise(counted == wanted, PROMISE, f"they say that they collected {counted}, not {wanted}")
    send.promise(1 < len(items) < COUNT, PROMISE, f"{COUNT} requests became {len(items)} mails")
    send.tell(PROMISE, f"{COUNT} requests became {len(items)} mails, and each of them is in one")
