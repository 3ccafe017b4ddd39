"""Old receipts go, processed or not; young ones stay."""

from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.receipts import forget
from shared.ledger.receipts import Receipts
from shared.receipts.port import Event

PACE = Pace(size=3, pause=0, limit=inf)
OLD = text("UPDATE receipts SET received_at = now() - interval '91 days', due_at = NULL WHERE event_id < :below")


def test_old_receipts_go_and_young_ones_stay(database, ledger):
    receipts = Receipts(database)
    receipts.store("twilio", [Event(f"e{number}", {}) for number in range(9)])
    database.execute(OLD, {"below": "e7"})
    assert forget(ledger, PACE, 90) == {"rows": 7, "complete": True}
    assert receipts.store("twilio", [Event("e7", {}), Event("e8", {})]) == 0
    assert forget(ledger, PACE, 90) == {"rows": 0, "complete": True}
