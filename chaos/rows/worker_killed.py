"""Rows 2 and 3: a worker is killed with deliveries in its hands.

Bars: claimed and not started, each is sent exactly once within the lease and 15 s. Started, each is known to be unknown
within the lease and 15 s, and no more are than were being called; under `hold` none is sent twice, under `resend` each
of these twice at most.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text

from chaos.client import numbers
from chaos.row import BLIND, Row
from chaos.seen import Books, Check, Seen, at_least, at_most, exactly
from chaos.system import System

_STARTED = text("SELECT id, fence, target FROM deliveries WHERE state = 'started'")
_STILL = text("""
    SELECT count(*) FROM deliveries d
    JOIN unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS w (id, fence) USING (id, fence)
    WHERE d.state = 'started'
""")
_DOUBTED = "SELECT count(DISTINCT delivery_id) FROM attempts WHERE outcome IN ('unknown', 'found')"
_CLAIMED = "SELECT count(*) FROM deliveries WHERE state = 'claimed'"
_RANDOM = (
    ("work.claim", "after", "2%"),
    ("work.start", "before", "2%"),
    ("work.start", "after", "2%"),
    ("http.send", "before", "0.2%"),
    ("http.send", "after", "0.2%"),
    ("settler.put", "before", "0.2%"),
    ("work.settle", "before", "2%"),
    ("work.settle", "after", "2%"),
)
"""Chances at each step: some kills for every thousand deliveries."""


def after_claim(system: System) -> Seen:
    """Kill the worker between its claim and its start."""
    system.start("relay")
    # Its first claim: nothing of it is being called yet, which is what row 3 is about.
    system.start("sms", kill="work.claim:after:1")
    system.accept(numbers(system.pick(400, 150)))
    killed = system.wait_for_kill()
    held = system.number(_CLAIMED)
    system.wait_until_settled()
    last = system.witness.last()
    return Seen(
        system.books(),
        [
            at_least("claimed by the dead worker", held, 1),
            at_most("all sent after the kill", last - killed, system.lease + 15, " s"),
            exactly("sent", system.states()["sent"], len(system.client.accepted)),
        ],
        recovery=last - killed,
    )


def mid_call(system: System) -> Seen:
    """Kill the worker while the provider is being called: some were taken, some were not."""
    for vendor in ("http", "twilio"):
        system.witness.sandbox.behave(vendor, delay=0.5)
    resend, hold = _accept_both(system)
    system.start("relay", "sms")
    system.wait_until_taken(system.pick(60, 30))
    killed = system.processes.kill("sms")
    return _judge(system, killed, resend, hold)


def asked(system: System) -> Seen:
    """The same where the provider can be asked for what it took: nobody is sent to twice, and nobody is held."""
    seen = mid_call(system)
    alone = exactly("sent", seen.books.states["sent"], seen.books.accepted)
    return replace(seen, checks=[*seen.checks, alone], duplicates=0)


def before_settle(system: System) -> Seen:
    """Kill the worker when the provider has said yes and the ledger does not know it yet."""
    resend, hold = _accept_both(system)
    system.start("relay")
    system.start("sms", kill="work.settle:before:1")
    killed = system.wait_for_kill()
    return _judge(system, killed, resend, hold)


def at_random(system: System) -> Seen:
    """Kill two workers at steps that the seed chooses, each time they come back."""
    share = ",".join(f"{step}:{at}:{percent}" for step, at, percent in _RANDOM)
    environment = {"CRIER_CHAOS_KILL": share, "CRIER_CHAOS_KILLED": str(system.processes.killed)}
    system.start("relay")
    system.start("sms", "sms-2", environment=environment)
    targets = numbers(system.pick(1500, 500))
    system.accept(targets, on_unknown="hold")
    struck = system.pick(10, 4)
    system.wait_until(lambda: len(system.processes.kills()) >= struck or not system.waiting(), "workers are killed")
    for name in ("sms", "sms-2"):
        system.processes.remove(name)
    system.start("sms")
    # Suspects are claimed alone, one after the other.
    system.wait_until_settled(seconds=240)
    books, kills = system.books(), system.processes.kills()
    steps = {written.rpartition(":")[0] for _, written in kills}
    return Seen(
        books,
        [
            at_least(f"kills, at {', '.join(sorted(steps))}", len(kills), struck),
            Check("ends", _ends(books), set(books.states) <= {"sent", "unknown"}),
        ],
    )


def _accept_both(system: System) -> tuple[Sequence[str], Sequence[str]]:
    count = system.pick(200, 80)
    resend, hold = numbers(count), numbers(count, start=count)
    system.accept(resend, on_unknown="resend")
    system.accept(hold, on_unknown="hold")
    return resend, hold


def _judge(system: System, killed: float, resend: Sequence[str], hold: Sequence[str]) -> Seen:
    in_flight = system.database.rows(_STARTED)
    struck = {"ids": [row.id for row in in_flight], "fences": [row.fence for row in in_flight]}
    system.wait_until(lambda: system.database.rows(_STILL, struck)[0][0] == 0, "the dead worker's calls are ended")
    known = time.time() - killed
    system.wait_until_settled()
    books = system.books()
    doubted = system.number(_DOUBTED)
    return Seen(
        books,
        [
            at_least("calls in flight at the kill", len(in_flight), 1),
            at_most("of these called in doubt", doubted, len(in_flight)),
            at_most("known to be in doubt after", known, system.lease + 15, " s"),
            exactly("sent twice under hold", _twice(books, hold), 0),
            at_most("calls for one delivery under resend", max(books.duplicated.values(), default=1), 2),
            Check("ends", _ends(books), set(books.states) <= {"sent", "unknown"}),
        ],
        recovery=known,
        duplicates=min(len(in_flight), _twice(books, resend)),
    )


def _twice(books: Books, targets: Sequence[str]) -> int:
    return len(books.duplicated.keys() & set(targets))


def _ends(books: Books) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(books.states.items()))


_BAR = "unknown ≤ lease + 15 s, ≤ calls in flight; hold: 0 twice; resend: ≤ 1 each"
_AT_RANDOM = "killed at random steps, again and again"
ROWS = (
    Row(2, "worker killed after claim, before start", "sent exactly once, ≤ lease + 15 s", after_claim, (15, 12)),
    Row(3, "worker killed mid-call", _BAR, mid_call, (20, 15), BLIND),
    Row(3, "worker killed after the provider's 2xx, before settle", _BAR, before_settle, (20, 15), BLIND),
    Row(3, f"two workers {_AT_RANDOM}, under hold", "0 twice; every one sent or held", at_random, (40, 15), BLIND),
    Row(3, "a worker killed mid-call; the provider can be asked", "each sent exactly once", asked, (75, 75)),
)
