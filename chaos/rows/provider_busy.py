"""Row 9: the provider says 429 with Retry-After.

Bars: no call is begun before the time it named; other channels are sent as ever; no attempt is lost.
"""

from chaos.client import addresses, numbers
from chaos.row import Row
from chaos.seen import Seen, at_least, at_most, exactly
from chaos.system import System
from chaos.witness import called_at

_COUNTED = "SELECT max(attempts) FROM deliveries WHERE target LIKE '+%'"
_ALLOWANCE = 0.25
"""Seconds between the answer on its way and the ledger's clock."""


def run(system: System) -> Seen:
    """Answer one SMS with 429, then let many SMS and mails be accepted."""
    patience = system.pick(30, 6)
    system.start("relay", "sms", "email")
    system.warm_up("+447700800000", "first@example.com")
    system.witness.sandbox.behave("twilio", error="20429", retry_after=patience, times=1)
    system.accept(["+447700800001"])
    system.wait_until(lambda: _refused(system) is not None, "the provider refuses")
    refused = _refused(system) or 0.0
    system.wait_until(lambda: system.number("SELECT count(*) FROM attempts WHERE outcome = 'waiting'"), "it is known")
    mails = addresses(50)
    system.accept(numbers(system.pick(200, 50)))
    system.accept(mails)
    system.wait_until(lambda: system.witness.taken.keys() >= set(mails), "mails are sent", seconds=10)
    mailed = max(system.witness.taken_at(mail) for mail in mails) - refused
    system.wait_until_settled()
    calls = [called_at(call) for call in system.witness.since(refused) if call.vendor == "twilio"]
    early = [moment for moment in calls if moment < refused + patience - _ALLOWANCE]
    return Seen(
        system.books(),
        [
            exactly("calls begun early", len(early), 0),
            at_most("mails sent meanwhile within", mailed, 5, " s"),
            at_most("attempts counted against one delivery", system.number(_COUNTED), 1),
            at_least("SMS sent after the wait", len(calls), 1),
        ],
        recovery=max(calls) - refused - patience,
    )


def _refused(system: System) -> float | None:
    refusals = (called_at(call) for call in system.witness.calls if not call.accepted)
    return min(refusals, default=None)


_BAR = "0 calls begun early; other channels unaffected; no attempt lost"
ROWS = (Row(9, "provider answers 429 with Retry-After 30", _BAR, run, (50, 20)),)
