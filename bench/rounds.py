"""Rounds: every side of every scenario, one after the other, in an order that turns, within a time."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.run import Ground
from bench.scenario import Figures, Scale, Scenario, is_ours
from bench.tally import Inexact

NEAR = 1.25
"""How many times better than a way the best one may be for that way to be tried again."""


@dataclass(frozen=True)
class Outcome:
    """A run that was made.

    Parameters:
        load: the machine's load average (1 minute) when it began.
        seconds: it took, with starting and stopping.
        failure: why its figures mean nothing; then there are none.
    """

    scenario: str
    side: str
    round: int
    load: float
    seconds: float
    figures: Figures
    failure: str | None = None


def run_once(ground: Ground, scenario: Scenario, side: str, scale: Scale, number: int = 1) -> Outcome:
    """One run of one side."""
    load, began = os.getloadavg()[0], time.monotonic()
    figures, failure = {}, None
    try:
        with ground.run("crier" if is_ours(side) else "peer") as run:
            figures = dict(scenario.sides[side](run, scale))
    except Inexact as error:
        failure = str(error)
    return Outcome(scenario.name, side, number, load, time.monotonic() - began, figures, failure)


def run_rounds(
    ground: Ground, scenarios: Sequence[Scenario], scale: Scale, *, rounds: int, seconds: float,
    tell: Callable[[Outcome], None], begin: Callable[[str, str, int], None] = lambda *_: None,
) -> list[Outcome]:  # fmt: skip
    """Every side of every scenario, `rounds` times (or as often as the scenario says), the sides interleaved.

    Ways of the peer that were far behind its best in the first round are left out of the next ones, and so are peers
    that no target is about.

    Parameters:
        seconds: after which no scenario is begun that would, going by what it took before, end later.
        tell: is given each outcome as it comes.
        begin: is told the scenario, the side and the round of a run that begins.
    """
    began, outcomes = time.monotonic(), list[Outcome]()
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            earlier = [one for one in outcomes if one.scenario == scenario.name]
            sides = [side for side in scenario.sides if number == 1 or _is_worth_it(scenario, side, earlier)]
            # What a side took last, as a later round has fewer of them.
            expected = sum({one.side: one.seconds for one in earlier if one.side in sides}.values())
            if number > (scenario.rounds or rounds) or time.monotonic() - began + expected > seconds:
                continue
            turn = (number - 1) % len(sides)
            for side in sides[turn:] + sides[:turn]:
                begin(scenario.name, side, number)
                outcome = run_once(ground, scenario, side, scale, number)
                outcomes.append(outcome)
                tell(outcome)
    return outcomes


def _is_worth_it(scenario: Scenario, side: str, earlier: Sequence[Outcome]) -> bool:
    """Ours, and what may be the peer's best."""
    figure = scenario.figures[0]
    peers = {one.side: one.figures[figure.key] for one in earlier if one.figures and figure.is_against(one.side)}
    if is_ours(side) or not peers:
        return True
    best = (max if figure.more_is_better else min)(peers.values())
    return side in peers and figure.times_better(best, peers[side]) <= NEAR
