"""Row 15: what nobody can handle: messages that are no bells, and deliveries whose worker dies each time.

Bars: a delivery that kills is dead after three workers died with it alone, none of those claimed beside it is dead, and
others are sent at 90% of their usual rate or more; what is no bell harms nobody.
"""

import time
from collections.abc import Callable

from dramatiq import Message

from chaos.client import numbers
from chaos.row import BLIND, Row
from chaos.seen import Seen, at_least, at_most, exactly
from chaos.system import System

RATE = 20
POISON = ("+447700800666", "+447700800667")
SETTINGS = {
    "CRIER_PROVIDER_TIMEOUT": "1.5",
    "CRIER_BATCH_TIMEOUT": "2.5",
    "CRIER_TIME_LIMIT": "3",
    "CRIER_LEASE": "4",
}
_DOUBTED = "SELECT count(DISTINCT delivery_id) FROM attempts WHERE outcome = 'unknown'"
_WORKERS = ("sms", "sms-2")
_ALWAYS = {"CRIER_CHAOS_KILL": ",".join(f"renderer.content:before:{target}" for target in POISON)}


def deliveries(system: System) -> Seen:
    """Two deliveries each kill the worker that composes them, while others come at a steady rate."""
    environment = _ALWAYS | {"CRIER_CHAOS_KILLED": str(system.processes.killed)}
    system.start("relay", *_WORKERS, environment=environment)
    system.start("gateway")
    system.warm_up("+447700800000")
    seconds = system.pick(40, 25)
    usual = _sent_in(system, 10 if system.quick else 15, start=0)

    def poison() -> None:
        for target in POISON:
            system.accept([target], on_unknown="hold")

    poisoned = _sent_in(system, seconds, start=10_000, meanwhile=poison)
    system.wait_until_settled()
    books = system.books()
    kills = [written.rpartition(":")[2] for _, written in system.processes.kills()]
    return Seen(
        books,
        [
            at_least("workers killed by each, at least", min(map(kills.count, POISON)), 3),
            at_most("and at most", max(map(kills.count, POISON)), 5),
            exactly("dead", books.states["failed"], len(POISON)),
            exactly("others sent", books.states["sent"], books.accepted - len(POISON)),
            exactly("taken for the poisoned", sum(system.witness.taken[target] for target in POISON), 0),
            at_least("rate of others against the usual", poisoned / usual * 100, 90, "%"),
        ],
        # Of those whose calls were under way in a worker that died (row 3 is about them).
        duplicates=system.number(_DOUBTED),
    )


def _sent_in(system: System, seconds: float, *, start: int, meanwhile: Callable[[], None] = lambda: None) -> float:
    """How many a second are sent while they are accepted at a steady rate."""
    before, began = len(system.witness.taken), time.time()
    with system.client.load(numbers(9_000, start=start), rate=RATE):
        meanwhile()
        time.sleep(seconds)
        sent = len(system.witness.taken) - before
        took = time.time() - began
    return sent / took


def messages(system: System) -> Seen:
    """Put what is no bell into the queue: no JSON, an actor nobody has, arguments that are none."""
    system.start("relay", "sms")
    system.warm_up("+447700800000")
    for kind in range(3):
        for _ in range(20):
            _put(system, kind)
    system.accept(numbers(system.pick(300, 100)))
    system.wait_until_settled()
    return Seen(
        system.books(),
        [
            exactly("sent", system.states()["sent"], len(system.client.accepted)),
            exactly("times the worker was started", system.processes.starts("sms"), 1),
        ],
    )


def _put(system: System, kind: int) -> None:
    queue = "sms.normal"
    if kind == 0:
        system.broker.put(queue, b"{no JSON")
        return
    actor, arguments = (("sms.normal.nobody", {}), ("sms.normal.deliver", {"bell": {"v": 99}, "extra": [1]}))[kind - 1]
    message: Message[None] = Message(queue_name=queue, actor_name=actor, args=(), kwargs=arguments, options={})
    system.broker.put(queue, message.encode())


_DEAD = "dead after 3 solo claims, no neighbour with them; others ≥ 90% of normal"
ROWS = (
    Row(15, "two deliveries abort every worker that composes them", _DEAD, deliveries, (80, 55), {**SETTINGS, **BLIND}),
    Row(15, "bad JSON, unknown actor, wrong arguments in the queue", "nobody harmed", messages, (15, 12)),
)
