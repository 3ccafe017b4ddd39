"""Starting a load generator, and what it brings home."""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import orjson

from bench.run import PATIENCE, ROOT
from bench.tally import Inexact


@dataclass(frozen=True)
class Answers:
    """What came back.

    Parameters:
        bodies: of every request's answer, those of the warm-up first.
        seconds: from the first timed request to the last answer.
        latencies: seconds, of the timed requests.
    """

    bodies: list[dict[str, Any]]
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Timed requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """The latency (seconds) that `percent` of the timed requests did not exceed."""
        return percentile(self.latencies, percent)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of `values` do not exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def generate(
    folder: Path, url: str, bodies: Iterable[Mapping[str, Any]], *, key: str = "", connections: int = 1,
    warm_up: int = 0, pauses: tuple[float, float] = (0.0, 0.0),
) -> Answers:  # fmt: skip
    """POST each of `bodies` once, from another process.

    Parameters:
        folder: where the bodies are put for that process.
        key: the API key; the peer wants none.
        connections: requests under way at once.
        warm_up: how many of the bodies go first, untimed.
        pauses: seconds (least, most) that a connection waits before each request.

    Raises:
        Inexact: an answer was not 202, or did not come.
    """
    lines = folder / "requests.ndjson"
    lines.write_bytes(b"\n".join(orjson.dumps(body) for body in bodies))
    plan = {
        "url": url, "key": key, "lines": str(lines), "connections": connections, "warm_up": warm_up, "pauses": pauses
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT, input=orjson.dumps(plan), capture_output=True, check=False, timeout=PATIENCE * 2,
    )  # fmt: skip
    if done.returncode:
        raise Inexact(f"{url}: {done.stderr.decode().strip().splitlines()[-1]}")
    return Answers(**orjson.loads(done.stdout))
