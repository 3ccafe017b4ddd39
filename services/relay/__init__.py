"""The relay: the clock of seconds. Rings lanes with due rows, takes back what dead workers held, ends the expired, lets
receipts take effect.

Any number of copies may run: rows are taken with SKIP LOCKED and ringing twice is harmless.
"""

from services.relay.clock import Clock
from services.relay.receipts import ReceiptDesk
from shared.broker import redis_url
from shared.ledger.receipts import Receipts
from shared.ledger.recovery import Recovery
from shared.receipts.sources import assemble
from shared.runtime import Runtime


def build(runtime: Runtime) -> Clock:
    """The relay of a process. Raises SettingsError for a provider's receipts that are half configured."""
    receipts = Receipts(runtime.database, runtime.settings.retries)
    desk = ReceiptDesk(receipts, assemble(runtime.environ), runtime.bells)
    return Clock(
        Recovery(runtime.database),
        runtime.bells,
        runtime.broker,
        lease=runtime.settings.lease,
        desk=desk,
        permission=runtime.permission if redis_url(runtime.settings) else None,
    )
