"""A process whose time of day is wrong. Its monotonic clock is not: no mistake of a person or of NTP moves that."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import time_machine

SHIFT = "CRIER_CHAOS_CLOCK"
"""Seconds by which this process is ahead."""


def shift(environ: Mapping[str, str]) -> None:
    """Have `time.time`, `datetime.now` and their kin be as far off as the environment says, from now on."""
    if seconds := float(environ.get(SHIFT, 0)):
        time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()
