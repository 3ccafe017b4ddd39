"""The relay: the clock of seconds. Rings lanes with due rows, takes back what dead workers held, ends the expired.

Any number of copies may run: rows are taken with SKIP LOCKED and ringing twice is harmless.
"""

from services.relay.clock import Clock
from shared.ledger.recovery import Recovery
from shared.runtime import Runtime


def build(runtime: Runtime) -> Clock:
    """The relay of a process."""
    return Clock(Recovery(runtime.database), runtime.bells, runtime.broker, lease=runtime.settings.lease)
