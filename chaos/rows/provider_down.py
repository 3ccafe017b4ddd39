"""Row 10: the provider answers 5xx for minutes.

Bars: no more than 20 calls are begun after the 20th failure; then at most one probe each 5 s, by all workers together;
the next provider of the route has the messages within 60 s; and with no other provider nothing is dead-lettered.

An hour is 720 probes. Where one message is left it is probed with as often within a minute as each of eighty within an
hour, which is more often than a message may fail; and it is made as old as that.
"""

import time
from itertools import pairwise

from chaos.client import numbers
from chaos.row import Row
from chaos.seen import Check, Seen, at_least, at_most, exactly
from chaos.system import System
from chaos.witness import called_at

RATE = 15
PROBE_SECONDS = 5.0
_ALLOWANCE = 0.5
"""Seconds between the moment a probe is allowed and its arrival, which differ from probe to probe."""
_OLDER = "UPDATE notifications SET accepted_at = accepted_at - interval '1 hour' RETURNING 1"
_CANCEL = """
    UPDATE deliveries SET state = 'cancelled', due_at = NULL, settled_at = now()
    WHERE target = ANY(:targets) AND due_at IS NOT NULL RETURNING 1
"""
_WAITING = "SELECT count(*) FROM attempts WHERE outcome IN ('waiting', 'unavailable')"


def failover(system: System) -> Seen:
    """Two workers, a route of two providers, and the first of them down under load; then it is well again."""
    _start_workers(system)
    system.warm_up("+447700800000")
    system.witness.sandbox.behave("http", error="unavailable")
    down, seconds = time.time(), system.pick(60, 20)
    with system.client.load(numbers(50_000), rate=RATE):
        system.wait_until(lambda: _first(system, "twilio", down), "the next provider is called")
        over = (_first(system, "twilio", down) or 0.0) - down
        time.sleep(seconds)
        system.witness.sandbox.reset("http")
        mended = time.time()
        system.wait_until(lambda: _first(system, "http", mended), "the first provider is called again")
        back = (_first(system, "http", mended) or 0.0) - mended
    system.wait_until_settled()
    failures = [called_at(call) for call in system.witness.since(down) if call.vendor == "http" and not call.accepted]
    return Seen(
        system.books(),
        [
            at_most("failover after", over, 60, " s"),
            *_probes(failures),
            exactly("sent", system.states()["sent"], len(system.client.accepted)),
        ],
        recovery=back,
    )


def alone(system: System) -> Seen:
    """No other provider: the breaker opens, and the one message that is left is probed with again and again."""
    _start_workers(system)
    system.warm_up("+447700800000")
    system.witness.sandbox.behave("http", error="unavailable")
    down = time.time()
    targets = numbers(system.pick(100, 60))
    left, others = targets[0], targets[1:]
    system.accept(targets)
    system.number(_OLDER)
    system.wait_until(lambda: system.number(_WAITING) >= 10, "the breaker opens")
    system.wait_until(lambda: not {"claimed", "started"} & system.states().keys(), "all wait")
    system.number(_CANCEL, targets=others)
    time.sleep(system.pick(60, 25))
    system.witness.sandbox.reset("http")
    mended = time.time()
    system.wait_until_settled()
    calls = [call for call in system.witness.since(down) if not call.accepted]
    probes = sum(call.recipient == left for call in calls)
    return Seen(
        system.books(),
        [
            *_probes([called_at(call) for call in calls]),
            at_least("calls for the one that is left", probes, system.pick(6, 3)),
            exactly("dead letters", system.states()["failed"], 0),
            exactly("sent in the end", system.witness.taken[left], 1),
        ],
        recovery=system.witness.last() - mended,
    )


def _start_workers(system: System) -> None:
    # What workers know of a provider they share in Redis; without one each finds out for itself.
    shared = system.environment["CRIER_BROKER_URL"].startswith("redis")
    system.start("relay", "sms", *(["sms-2"] if shared else []), "gateway")


def _first(system: System, vendor: str, since: float) -> float | None:
    return min((called_at(call) for call in system.witness.since(since) if call.vendor == vendor), default=None)


def _probes(failures: list[float]) -> list[Check]:
    """What the moments of the calls that failed say."""
    # What comes sooner was under way when the breaker opened.
    probes = [moment for moment in failures[10:] if moment > failures[9] + 2]
    after = failures[20 : len(failures) - len(probes)]
    gap = min((later - earlier for earlier, later in pairwise(probes)), default=PROBE_SECONDS)
    return [
        at_most("calls begun after the 20th failure", len(after), 20),
        at_least("least seconds between two probes", gap + _ALLOWANCE, PROBE_SECONDS, " s"),
    ]


_TWO, _ONE = {"CRIER_SMS_ROUTE": "http,twilio"}, {"CRIER_SMS_ROUTE": "http", "CRIER_RETRY_BASE": "60"}
_BAR = "≤ 20 calls after the 20th failure; ≤ 1 probe per 5 s"
ROWS = (
    Row(10, "provider answers 5xx; there is another", f"{_BAR}; failover ≤ 60 s", failover, (80, 40), _TWO),
    Row(10, "provider answers 5xx for an hour (simulated)", f"{_BAR}; nothing dead-lettered", alone, (85, 50), _ONE),
)
