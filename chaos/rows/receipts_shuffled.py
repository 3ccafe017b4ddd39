"""Row 14: what providers report comes five times, in any order, and before our own answer is in the ledger.

Bar: the same final states as where each report came once, in order.
"""

from collections.abc import Sequence

from sqlalchemy import text

from chaos.client import numbers
from chaos.row import Row
from chaos.seen import Check, Seen, at_least, exactly
from chaos.system import System

_STATES = text("SELECT target, state FROM deliveries")
_ENDED = "SELECT count(*) FROM deliveries WHERE state IN ('delivered', 'undelivered')"
_PENDING = "SELECT count(*) FROM receipts WHERE due_at IS NOT NULL"
_EARLY = """
    SELECT count(DISTINCT d.id) FROM receipts r JOIN deliveries d ON d.id = r.delivery_id
    JOIN attempts a ON a.delivery_id = d.id WHERE r.received_at < a.finished_at
"""
_STORIES = ("guest", "bounce", "late", "full", "complain", "unsubscribe")
"""Of the stand-in's magic recipients: what it reports of a mail to them."""


def run(system: System) -> Seen:
    """The same messages twice: reported as they should be, then as they should not."""
    gateway = f"http://127.0.0.1:{system.gateway_port}"
    system.start("gateway", "relay", "sms", "email", environment={"CRIER_PUBLIC_URL": gateway})
    count = system.pick(120, 48)
    system.witness.sandbox.callbacks(to=gateway)
    in_order = _send(system, "in-order", 0, count)
    system.witness.sandbox.callbacks(to=gateway, repeat=5, shuffle=True, early=True)
    shuffled = _send(system, "shuffled", 50_000, count)
    states = {row.target: row.state for row in system.database.rows(_STATES)}
    differ = [
        f"{target}: {states[target]}, not {states[other]}"
        for target, other in zip(shuffled, in_order, strict=True)
        if states[target] != states[other]
    ]
    undelivered = sum(states[target] == "undelivered" for target in in_order)
    return Seen(
        system.books(),
        [
            Check("states that differ", "; ".join(differ[:3]) or "none", not differ),
            at_least("deliveries reported before our own commit", system.number(_EARLY), count // 2),
            at_least("undelivered among those in order", undelivered, count // 4),
            exactly("reports that were not looked at", system.number(_PENDING), 0),
        ],
    )


def _send(system: System, name: str, start: int, count: int) -> Sequence[str]:
    """SMS, of which every fourth is undelivered, and mails with every story there is; waits until all is reported."""
    phones = numbers(count, start=start)
    for phone in phones[::4]:
        system.witness.sandbox.behave("twilio", recipient=phone, error="30005")
    mails = [f"{story}+{number}.{name}@example.com" for number in range(count // 6) for story in _STORIES]
    before = system.number(_ENDED)
    system.accept(phones)
    system.accept(mails)
    expected = before + len(phones) + len(mails)
    system.wait_until(lambda: system.number(_ENDED) == expected, "every message is reported")
    system.wait_until(lambda: not system.witness.sandbox.callbacks_shown()["pending"], "every report was made")
    system.wait_until(lambda: system.number(_PENDING) == 0, "every report was looked at")
    return [*phones, *mails]


ROWS = (Row(14, "receipts ×5, shuffled, before our own commit", "same final states as in order", run, (25, 18)),)
