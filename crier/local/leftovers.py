"""What a killed supervisor left running."""

import json
from contextlib import suppress

from crier.local.home import Home
from crier.local.launch import end_family

GRACE = 10.0  # seconds to end in order, before SIGKILL


def end_leftovers(home: Home) -> list[str]:
    """End every program noted in `run/programs/` that still runs; returns their names.

    On Linux there are hardly any, as programs are told when their supervisor dies; this is for those that
    ignore it, and for other systems.
    """
    names = []
    # The services before the servers they use.
    for record in sorted(home.records.glob("*.json"), key=lambda path: path.stem in ("postgres", "redis")):
        with suppress(OSError, ValueError):
            if end_family(json.loads(record.read_text()), GRACE):
                names.append(record.stem)
        record.unlink(missing_ok=True)
    return names
