"""The relay: the clock of seconds. Rings lanes with due rows, takes back what dead workers held, ends the expired, lets
receipts take effect, fires schedules, reminds of events, takes chains on.

Any number of copies may run: rows are taken with SKIP LOCKED and ringing twice is harmless.
"""

from services.relay.bookkeeping import Bookkeeper
from services.relay.chains import ChainDesk
from services.relay.clock import Clock
from services.relay.receipts import ReceiptDesk
from services.relay.reminders import ReminderDesk
from shared.broker import redis_url
from shared.intake import Intake
from shared.ledger.chains import Chains
from shared.ledger.conservation import Conservation
from shared.ledger.database import Database
from shared.ledger.receipts import Receipts
from shared.ledger.recovery import Recovery
from shared.ledger.reminders import Reminders
from shared.ledger.schedule_fires import Fires
from shared.receipts.sources import assemble
from shared.runtime import Runtime
from shared.schedules.firing import Sweeper
from shared.unsubscribe import UnsubscribeLinks

BOOKS_DEADLINE = 120.0
"""Seconds one look at a minute may take: a large upload is one minute."""


def build(runtime: Runtime) -> Clock:
    """The relay of a process. Raises SettingsError for a provider's receipts that are half configured."""
    receipts = Receipts(runtime.database, runtime.settings.retries)
    desk = ReceiptDesk(receipts, assemble(runtime.environ), runtime.bells)
    unsubscribes = UnsubscribeLinks.of(runtime.settings.public_url, runtime.sealer) is not None
    intake = Intake(
        runtime.database, runtime.sealer, runtime.bells, unsubscribes=unsubscribes, reporting=desk.sources.keys()
    )
    return Clock(
        Recovery(runtime.database),
        runtime.bells,
        runtime.broker,
        lease=runtime.settings.lease,
        desk=desk,
        sweeper=Sweeper(intake, Fires(runtime.database)),
        reminders=ReminderDesk(Reminders(runtime.database), intake),
        chains=ChainDesk(Chains.of(runtime.database), runtime.bells),
        permission=runtime.permission if redis_url(runtime.settings) else None,
        books=Bookkeeper(Conservation(Database(runtime.settings.database_url, pool_size=1, deadline=BOOKS_DEADLINE))),
    )
