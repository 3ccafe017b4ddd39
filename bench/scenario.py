"""What a scenario is: the same work by both sides, and the figures that come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from bench.run import Run

Figures = Mapping[str, float]
Side = Callable[[Run, "Scale"], Figures]
OURS = "crier"
"""Our side; where it runs in several ways, their names begin so."""


TARGETS: Mapping[str, str] = {
    "P1": "bulk drain, provider in process",
    "P2": "bulk drain, provider answers after 100 ms",
    "P3": "single sends, drained",
    "P4": "accept one, 64 connections",
    "P5": "accept in bulk",
    "P6": "critical, accept to call, while a campaign drains",
    "P7": "idle, accept to call",
    "P8": "broker memory, a million waiting",
    "P9": "worker memory, a million drained",
    "P10": "cost a row as work grows",
    "P11": "lists and status with 10 million rows",
    "P12": "local cluster at rest, packed",
}


class Scale(Enum):
    """How much work a run has: what a measurement needs, what a look needs, what a test of the bench needs."""

    FULL = 0
    QUICK = 1
    TINY = 2

    def pick(self, full: int, quick: int, tiny: int) -> int:
        """The number for this scale."""
        return (full, quick, tiny)[self.value]


@dataclass(frozen=True)
class Figure:
    """One thing that is measured.

    Parameters:
        key: its name in what a side returns, and in the JSON file.
        label: what the table calls it, with its unit.
        id: of the target in `TARGETS` it decides about; empty when it decides about none.
        more_is_better: a rate; otherwise a time or a cost.
        ratio: how many times better than the peer it is meant to be.
        ours: what it is meant to be whatever the peer does: at least (or at most, see `more_is_better`).
        side: which way of ours it is measured at.
        against: how the names of the peers begin that it is compared with; empty means all.
    """

    key: str
    label: str
    id: str = ""
    more_is_better: bool = True
    ratio: float | None = None
    ours: float | None = None
    side: str = OURS
    against: str = ""

    def times_better(self, ours: float, peer: float) -> float:
        """How many times better `ours` is; 0 when that cannot be said."""
        better, worse = (ours, peer) if self.more_is_better else (peer, ours)
        return better / worse if worse else 0.0

    def is_against(self, side: str) -> bool:
        """Whether a side is a peer that this is compared with."""
        return not is_ours(side) and side.startswith(self.against)

    def target(self) -> str:
        """The target in words; empty when there is none."""
        if self.ratio:
            return f"≥ {self.ratio:g}×" if self.more_is_better else f"≤ 1/{self.ratio:g}"
        return f"{'≥' if self.more_is_better else '≤'} {self.ours:,g}" if self.ours else ""

    def met(self, ours: float, ratio: float | None) -> bool | None:
        """Whether the target is reached; None where there is none, or nothing to compare with."""
        if self.ratio:
            return None if ratio is None else ratio >= self.ratio
        if self.ours is None:
            return None
        return ours >= self.ours if self.more_is_better else ours <= self.ours


@dataclass(frozen=True)
class Scenario:
    """The same work by both sides.

    Parameters:
        name: for `--only`.
        what: the work, in a few words, for the table.
        sides: how each side does it, ours under `OURS`; the others are the peer in its ways of doing it.
        figures: what comes of it; the first decides which of a peer's ways is its best.
        rounds: at most, for what takes long; None does not restrict.
        quick: the sides that a quick look takes; none means that it leaves this out.
    """

    name: str
    what: str
    sides: Mapping[str, Side]
    figures: tuple[Figure, ...]
    rounds: int | None = None
    quick: tuple[str, ...] = ()

    def in_small(self) -> "Scenario":
        """What a quick look takes of it."""
        return replace(self, sides={side: self.sides[side] for side in self.quick})


def is_ours(side: str) -> bool:
    """Whether a side is a way of ours."""
    return side.startswith(OURS)


def at(key: str, x: float | str) -> str:
    """The key of a figure that is measured at several points: of a plot, mostly."""
    return f"{key}@{x}"
