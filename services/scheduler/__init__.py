"""The scheduler: `periodiq services.scheduler` sends the calendar's ticks to the services that perform them.

Run one, or two for safety: a tick sent twice is claimed once.
"""

import signal
import sys

import pendulum

from services.scheduler.actors import declare
from shared.runtime import host

# periodiq knows no time zone but the process's; the calendar is in UTC.
pendulum.set_local_timezone(pendulum.UTC)
# It does not handle SIGTERM either, and the first process of a container is not ended by what it does not handle.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

broker = host(declare)
