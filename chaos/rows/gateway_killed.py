"""Row 1: the gateway is killed around the commit; the caller repeats the request under the same key.

Bar: one notification for each key, and its lane is rung within 5 s of the gateway's restart: the message is taken.
"""

from functools import partial

from chaos.client import numbers
from chaos.row import Row
from chaos.seen import Check, Seen, at_most
from chaos.system import System

STRUCK = 5
"""The request during which it dies: some are under way beside it."""


def run(system: System, *, kill: str) -> Seen:
    """Kill the gateway at a step while requests come in from several callers."""
    first, later = numbers(1), numbers(system.pick(100, 30), start=1)
    system.start("relay", "sms")
    system.warm_up(*first)
    system.start("gateway", kill=f"{kill}:{STRUCK}")
    system.client.send_all(later)
    killed = system.wait_for_kill()
    # The first answer after the kill is the first sign of the gateway's return that a caller has.
    returned = min(answer.at for answer in system.client.answers if answer.status == 202 and answer.at > killed)
    promised = {answer.target for answer in system.client.answers if answer.at < killed}
    system.wait_until_settled()
    taken = max(system.witness.taken_at(target) for target in promised)
    repeated = Check("requests repeated after the kill", str(_repeated(system)), _repeated(system) > 0)
    return Seen(
        system.books(),
        [at_most("struck requests taken after the gateway's return", taken - returned, 5, " s"), repeated],
        recovery=max(0.0, taken - returned),
    )


def _repeated(system: System) -> int:
    tries = [answer.target for answer in system.client.answers]
    return len(tries) - len(set(tries))


_BAR = "one notification for each key; its lane rung ≤ 5 s after the restart"
ROWS = tuple(
    Row(1, f"gateway killed {when}", _BAR, partial(run, kill=kill), (15, 12))
    for when, kill in (
        ("before the commit", "acceptance.accept:before"),
        ("after the commit, before ringing", "acceptance.accept:after"),
        ("after ringing, before the reply", "intake.accept:after"),
    )
)
