"""Row 11: the provider hangs, drips, half-closes, resets, truncates or sends 10 MB.

Bars: with the settings of production, the thread that called is free again within 15 s, and whoever may have been sent
to is unknown and not called again under `hold`; others are sent meanwhile.
"""

import time

from chaos.client import numbers
from chaos.row import BLIND, PRODUCTION, Row
from chaos.seen import Check, Seen, at_most, exactly
from chaos.system import System

FAULTS = ("hang", "drip", "close", "half-close", "reset", "half", "truncate", "huge")
_BREAKER = 10.0
"""Seconds: so many calls that failed open the provider's breaker, which closes after probes."""
_LONGEST = "SELECT extract(epoch FROM max(finished_at - started_at))::float FROM attempts"


def run(system: System) -> Seen:
    """Break the answers to calls that were processed: of each kind some, and more hang than there are threads."""
    system.start("relay", "sms")
    system.warm_up("+447700800000")
    struck: list[str] = []
    for kind, fault in enumerate(FAULTS):
        targets = numbers(system.pick(15, 5) if fault == "hang" else 3, start=1000 * (kind + 1))
        for target in targets:
            system.witness.sandbox.behave("http", recipient=target, fault=fault)
        struck += targets
    system.accept(struck, on_unknown="hold")
    system.wait_until(lambda: len(system.witness.calls) > len(struck), "every one was called")
    asked, others = time.time(), numbers(20, start=50_000)
    system.accept(others)
    system.wait_until(lambda: system.witness.taken.keys() >= set(others), "others are sent")
    waited = max(system.witness.taken_at(other) for other in others) - asked
    system.wait_until_settled()
    books = system.books()
    return Seen(
        books,
        [
            at_most("longest call", system.number(_LONGEST), 15, " s"),
            at_most("others sent after", waited, 15 + _BREAKER, " s"),
            exactly("calls for one delivery", max(system.witness.journal().values()), 1),
            Check("ends", str(dict(books.states)), set(books.states) <= {"sent", "unknown"}),
        ],
        recovery=waited,
    )


ROWS = (
    Row(
        11, "provider hangs, drips, half-closes, resets, truncates, sends 10 MB",
        "thread freed ≤ 15 s; ambiguous → unknown, not repeated under hold", run, (40, 30), {**PRODUCTION, **BLIND},
    ),
)  # fmt: skip
