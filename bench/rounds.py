"""Rounds: every side of every scenario, one after the other, in an order that turns, within a time."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.run import Ground
from bench.scenario import OURS, Figures, Scale, Scenario
from bench.tally import Inexact


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
        with ground.run("crier" if side == OURS else "peer") as run:
            figures = dict(scenario.sides[side](run, scale))
    except Inexact as error:
        failure = str(error)
    return Outcome(scenario.name, side, number, load, time.monotonic() - began, figures, failure)


def run_rounds(
    ground: Ground, scenarios: Sequence[Scenario], scale: Scale, *, rounds: int, seconds: float,
    tell: Callable[[Outcome], None],
) -> list[Outcome]:  # fmt: skip
    """Every side of every scenario, `rounds` times, the sides interleaved.

    Parameters:
        seconds: after which no scenario is begun that would, going by what it took before, end later.
        tell: is given each outcome as it comes.
    """
    began, outcomes = time.monotonic(), list[Outcome]()
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            earlier = sum(one.seconds for one in outcomes if one.scenario == scenario.name)
            expected = earlier / (number - 1) if number > 1 else 0.0
            if time.monotonic() - began + expected > seconds:
                continue
            sides = list(scenario.sides)
            turn = (number - 1) % len(sides)
            for side in sides[turn:] + sides[:turn]:
                outcome = run_once(ground, scenario, side, scale, number)
                outcomes.append(outcome)
                tell(outcome)
    return outcomes
