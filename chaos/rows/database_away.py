"""Row 8: the database is killed, or hangs with its connections open, under load.

Bars: callers get 503 with Retry-After within 2 s and never a 2xx; no provider call begins; what providers answered is
settled after the return; nothing is sent twice; new requests are accepted and sent within 15 s of the return.
"""

import time
from collections.abc import Callable
from functools import partial

from chaos.client import Answer, numbers
from chaos.row import PRODUCTION, Row
from chaos.seen import Seen, at_least, at_most, exactly
from chaos.system import System

RATE = 10
GRACE = 1.0
"""Seconds in which calls that were started before the fault still reach the provider."""
_DOUBTED = "SELECT count(*) FROM attempts WHERE outcome = 'unknown'"
_LATER = "+447700800001"


def run(system: System, *, fault: Callable[[System], None], mend: Callable[[System], None], full: int) -> Seen:
    """Take the database away while the provider is being called, and give it back."""
    system.start("relay", "sms", "gateway")
    system.warm_up("+447700800000")
    system.witness.sandbox.behave("twilio", delay=0.5)
    with system.client.load(numbers(50_000), rate=RATE):
        system.wait_until_taken(3 * RATE)
        fault(system)
        down = time.time()
        time.sleep(system.pick(full, 12))
        mending = time.time()
        mend(system)
        back = time.time()
        system.wait_until(lambda: _accepted(system, back), "requests are accepted again", seconds=60)
        system.client.send(_LATER)
        system.wait_until(lambda: system.witness.taken[_LATER], "a new message is sent", seconds=60)
        recovered = system.witness.taken_at(_LATER) - back
    system.wait_until_settled()
    during = [answer for answer in system.client.answers if down <= answer.at and answer.at + answer.seconds <= mending]
    begun = [call for call in system.witness.since(down + GRACE) if call not in system.witness.since(mending)]
    return Seen(
        system.books(),
        [
            at_least("requests while it was away", len(during), 5),
            exactly("answered 2xx", sum(_ok(answer) for answer in during), 0),
            exactly("answered otherwise than 503 with Retry-After", sum(not _told(answer) for answer in during), 0),
            at_most("slowest answer", max(answer.seconds for answer in during), 2, " s"),
            exactly("provider calls begun", len(begun), 0),
            exactly("answers of the provider that were forgotten", system.number(_DOUBTED), 0),
            at_most("a new message sent after its return", recovered, 15, " s"),
        ],
        recovery=recovered,
    )


def _accepted(system: System, since: float) -> bool:
    return any(answer.status == 202 for answer in list(system.client.answers) if answer.at > since)


def _ok(answer: Answer) -> bool:
    return answer.status is not None and answer.status < 300


def _told(answer: Answer) -> bool:
    return answer.status == 503 and answer.retry_after


_BAR = "503 + Retry-After ≤ 2 s, no 2xx, no call begun; answers settled later; 0 duplicates; recovered ≤ 15 s"
_KILLED = partial(run, fault=lambda s: s.postgres.kill(), mend=lambda s: s.postgres.start(), full=60)
_HUNG = partial(run, fault=lambda s: s.postgres.pause(), mend=lambda s: s.postgres.resume(), full=45)
ROWS = (
    Row(8, "database killed, down 60 s", _BAR, _KILLED, (85, 35), PRODUCTION),
    Row(8, "database hung (SIGSTOP) for 45 s", _BAR, _HUNG, (70, 40), PRODUCTION),
)
