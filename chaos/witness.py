"""The witness: the stand-ins of the providers, which sync every call to the disk before they answer it."""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from crier.sandbox import Entry, Sandbox

SENDS = ("send", "message")


class Witness:
    """Stand-ins with a durable journal, and what it says.

    Parameters:
        folder: for the journal; one of each row.
    """

    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox(folder, durable=True)
        self._calls: list[Entry] = []
        # Called in the event loop of the sandbox once an entry is on the disk; for counting while a row runs.
        self.sandbox.journal.listeners.append(self._note)

    def _note(self, entry: Entry) -> None:
        if entry.action in SENDS:
            self._calls.append(entry)

    @property
    def calls(self) -> Sequence[Entry]:
        """Every call so far that asked to send, taken or not."""
        return tuple(self._calls)

    @property
    def taken(self) -> Counter[str]:
        """How many messages were taken for each target so far."""
        return Counter(call.recipient for call in self.calls if call.accepted and call.recipient)

    def journal(self) -> Counter[str]:
        """The same, read from the disk: what the verdict is about."""
        calls = self.sandbox.calls()
        return Counter(call.recipient for call in calls if call.action in SENDS and call.accepted and call.recipient)

    def since(self, moment: float) -> list[Entry]:
        """Calls that came after a moment (Unix time)."""
        return [call for call in self.calls if called_at(call) > moment]

    def taken_at(self, target: str) -> float:
        """When a message for `target` was first taken (Unix time); never, if none was."""
        taken = (called_at(call) for call in self.calls if call.accepted and call.recipient == target)
        return min(taken, default=float("inf"))

    def last(self) -> float:
        """When the last message was taken (Unix time); now, if none was."""
        return max((called_at(call) for call in self.calls if call.accepted), default=time.time())

    def first_since(self, moment: float) -> float | None:
        """When the first message after a moment was taken (Unix time)."""
        return min((called_at(call) for call in self.since(moment) if call.accepted), default=None)


def called_at(call: Entry) -> float:
    """When a call had been received (Unix time)."""
    return datetime.fromisoformat(call.time).timestamp()
