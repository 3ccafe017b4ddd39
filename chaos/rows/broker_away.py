"""Rows 6 and 7: the broker is away for a while, or comes back empty.

Bars: every request is still answered with 202, 99 of 100 within 500 ms, and messages flow within 30 s of its return;
emptied, lanes are rung again within 5 s, and nothing is sent twice.
"""

import time

from chaos.client import addresses, numbers, p99
from chaos.row import Row
from chaos.seen import Seen, at_least, at_most, exactly
from chaos.system import System

RATE = 15


def away(system: System) -> Seen:
    """Kill the broker under load, and start it after a while."""
    system.start("relay", "sms", "gateway")
    system.warm_up("+447700800000")
    seconds = system.pick(60, 10)
    with system.client.load(numbers(50_000), rate=RATE):
        system.wait_until_taken(RATE)
        system.broker.server.kill()
        down = time.time()
        time.sleep(seconds)
        system.broker.server.start()
        back = time.time()
        system.wait_until(lambda: system.witness.first_since(back), "messages flow again", seconds=60)
        flowing = (system.witness.first_since(back) or 0) - back
    system.wait_until_settled()
    during = [answer for answer in system.client.answers if down <= answer.at <= back]
    drained = max(system.witness.taken_at(answer.target) for answer in during) - back
    return Seen(
        system.books(),
        [
            at_least("requests while it was away", len(during), seconds * RATE * 0.8),
            exactly("of these not answered 202", sum(answer.status != 202 for answer in during), 0),
            at_most("their 99th percentile", p99(during) * 1000, 500, " ms"),
            at_most("flowing after its return", flowing, 30, " s"),
            at_most("all of these sent after its return", drained, 30, " s"),
        ],
        recovery=drained,
    )


def emptied(system: System) -> Seen:
    """Take everything from the broker while deliveries wait, then let more be accepted without a ring."""
    system.start("relay", "sms", "email")
    system.warm_up("+447700800000", "first@example.com")
    # Slow enough that most still wait when their bells are lost.
    system.witness.sandbox.behave("twilio", delay=0.5)
    waiting = numbers(system.pick(1000, 300))
    system.accept(waiting)
    system.wait_until_taken(50)
    system.broker.empty()
    back = time.time()
    left = system.waiting()
    quiet = addresses(5)
    system.accept(quiet, ring=False)
    system.wait_until(lambda: system.witness.taken.keys() >= set(quiet), "what was accepted without a ring is sent")
    rung = max(system.witness.taken_at(number) for number in quiet) - back
    system.wait_until_settled()
    return Seen(
        system.books(),
        [
            at_least("waiting when it was emptied", left, 1),
            at_most("lanes rung again after", rung, 5, " s"),
            exactly("sent", system.states()["sent"], len(system.client.accepted)),
        ],
        recovery=rung,
    )


ROWS = (
    Row(6, "broker killed, down 60 s", "still 202, p99 ≤ 500 ms; flowing ≤ 30 s after return", away, (90, 40)),
    Row(7, "broker emptied", "all sent; lanes rung again ≤ 5 s; 0 duplicates", emptied, (30, 20)),
)
