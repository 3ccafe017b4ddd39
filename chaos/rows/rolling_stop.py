"""Row 17: everything is stopped with SIGTERM and started again under load, one after the other, as a deploy does.

Bars: nothing is sent twice, nothing becomes unknown, and each has ended within 30 s.
"""

import time

from chaos.client import addresses, numbers
from chaos.row import Row
from chaos.seen import Seen, at_most, exactly
from chaos.system import System

RATE = 15
_DOUBTED = "SELECT count(*) FROM attempts WHERE outcome = 'unknown'"


def run(system: System) -> Seen:
    """Two rounds of SIGTERM while requests come in and the provider takes its time."""
    system.start("relay", "scheduler", "sms", "email", "gateway")
    system.warm_up("+447700800000", "first@example.com")
    system.witness.sandbox.behave("twilio", delay=0.7)
    system.accept(numbers(system.pick(600, 200), start=60_000))
    system.accept(addresses(system.pick(600, 200)))
    took: dict[str, float] = {}
    with system.client.load(numbers(50_000), rate=RATE):
        for _ in range(system.pick(2, 1)):
            for name in system.processes.names:
                took[name] = max(took.get(name, 0), system.processes.terminate(name))
                time.sleep(1)
        system.wait_for_gateway()
    stopped = time.time()
    system.wait_until_settled()
    slowest = max(took, key=took.__getitem__)
    return Seen(
        system.books(),
        [
            at_most(f"slowest to end ({slowest})", took[slowest], 30, " s"),
            exactly("calls in doubt", system.number(_DOUBTED), 0),
            exactly("sent", system.states()["sent"], len(system.client.accepted)),
        ],
        recovery=max(0.0, system.witness.last() - stopped),
    )


ROWS = (Row(17, "rolling SIGTERM of everything under load", "0 duplicates; drained ≤ 30 s", run, (60, 35)),)
