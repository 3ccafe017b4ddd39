"""Accepted = final + waiting + held: the ledger's own account, against what the demo asked for."""

from collections.abc import Iterable

from crier.demo.singles import WAITING, Script, Singles
from shared.ledger.conservation import Balance, Conservation

PROMISE = "conservation"
EVENTS = "webhook."
ELSEWHERE = ("chat.", "inapp.")
"""What the scenes of these keep account of themselves."""


def conservation(send: Singles) -> Script:
    """Wait until nothing waits any more, and count."""
    with send.stage.ledger() as database:
        ledger = Conservation(database)
        while True:
            account = ledger.check(0, ledger.now() + 1)
            if not any(balance.waiting for balance in account.balances):
                break
            yield WAITING
    accepted, final, held = (_sum(account.balances, name) for name in ("accepted", "final", "held"))
    events = _sum([one for one in account.balances if one.queue.startswith(EVENTS)], "accepted")
    send.promise(account.is_even, PROMISE, f"{accepted} accepted, {final} final, {held} held; amiss: {account.amiss}")
    others = _sum([one for one in account.balances if one.queue.startswith(ELSEWHERE)], "accepted")
    asked = len(send.asked) + events + others
    send.promise(accepted == asked, PROMISE, f"the ledger accepted {accepted} deliveries, and {asked} were asked for")
    send.tell(PROMISE, f"{accepted} accepted, {events} of them webhooks = {final} final + 0 waiting + {held} held")


def _sum(balances: Iterable[Balance], name: str) -> int:
    return sum(getattr(balance, name) for balance in balances)
