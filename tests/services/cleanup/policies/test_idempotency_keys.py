"""A key is remembered as long as it was promised, and not much longer."""

from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.idempotency_keys import forget

HOURS = 72 * 3600.0


def test_old_keys_go_in_batches_and_young_ones_stay(database, ledger):
    database.execute(
        text("""
            INSERT INTO idempotency_keys (project_id, key, request_hash, response, created_at)
            SELECT n % 3, 'key-' || n, '', '{}', now() - make_interval(hours => n) FROM generate_series(1, 100) n
        """)
    )
    assert forget(ledger, Pace(size=10, pause=0, limit=inf), HOURS) == {"rows": 29, "complete": True}
    left = {row.key for row in database.rows(text("SELECT key FROM idempotency_keys"))}
    assert left == {f"key-{hours}" for hours in range(1, 72)}
    assert forget(ledger, Pace(size=10, pause=0, limit=inf), HOURS) == {"rows": 0, "complete": True}
