"""What a scenario is: the same work by both sides, and the figures that come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from bench.run import Run

Figures = Mapping[str, float]
Side = Callable[[Run, "Scale"], Figures]
OURS = "crier"


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
        more_is_better: a rate; otherwise a time or a cost.
        ratio: how many times better than the peer it is meant to be.
        ours: what it is meant to be whatever the peer does: at least (or at most, see `more_is_better`).
    """

    key: str
    label: str
    more_is_better: bool = True
    ratio: float | None = None
    ours: float | None = None

    def times_better(self, ours: float, peer: float) -> float:
        """How many times better `ours` is; 0 when that cannot be said."""
        better, worse = (ours, peer) if self.more_is_better else (peer, ours)
        return better / worse if worse else 0.0

    def target(self) -> str:
        """The target in words; empty when there is none."""
        sign = "≥" if self.more_is_better else "≤"
        return f"≥ {self.ratio:g}×" if self.ratio else f"{sign} {self.ours:,g}" if self.ours else ""

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
        figures: what comes of it; the first decides which of the peer's ways is its best.
    """

    name: str
    what: str
    sides: Mapping[str, Side]
    figures: tuple[Figure, ...]
