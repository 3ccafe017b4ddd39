"""Every call of a provider, on either side, in a file: who was called and when. Exactness is judged by it alone."""

import os
import struct
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path


class Inexact(Exception):
    """A message was lost, doubled or late beyond the time a run has: its figures mean nothing."""


_RECORD = struct.Struct("<qd")


class Tally:
    """Writes calls down. Any number of threads and processes may have the same file: appends this short are whole."""

    def __init__(self, path: Path | str) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def add(self, phone: str) -> None:
        """A provider is called for `phone` (E.164), now."""
        os.write(self._file, _RECORD.pack(int(phone), time.time()))


def called(path: Path) -> int:
    """How many calls there were so far."""
    return path.stat().st_size // _RECORD.size if path.exists() else 0


def calls(path: Path) -> list[tuple[str, float]]:
    """Every call: the phone number and the moment (Unix time, seconds)."""
    written = path.read_bytes() if path.exists() else b""
    return [(f"+{number}", moment) for number, moment in _RECORD.iter_unpack(written)]


def waited(accepted: Mapping[str, float], path: Path, phones: Iterable[str]) -> list[float]:
    """Milliseconds from acceptance (Unix time, seconds, by phone number) to the call, for each of `phones`."""
    called_at = dict(calls(path))
    return [(called_at[phone] - accepted[phone]) * 1000 for phone in phones]


def check_once(expected: Iterable[str], found: Iterable[str], what: str) -> None:
    """Raise `Inexact` unless everything expected was found once, and nothing else."""
    wanted, counted = set(expected), Counter(found)
    faults = {
        "missing": len(wanted - counted.keys()),
        "doubled": sum(1 for count in counted.values() if count > 1),
        "unasked for": len(counted.keys() - wanted),
    }
    if any(faults.values()):
        said = ", ".join(f"{count} {fault}" for fault, count in faults.items() if count)
        raise Inexact(f"{what}: {said}, of {len(wanted)}")
