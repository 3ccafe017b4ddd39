"""The outbox keeps what it was given for so many days."""

from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.outbox import empty


def test_old_messages_go_in_batches_and_young_ones_stay(database, ledger):
    database.execute(
        text("""
            INSERT INTO outbox (delivery_id, channel, target, key_id, ciphertext, kept_at)
            SELECT gen_random_uuid(), 'sms', n::text, 'k', '', now() - make_interval(days => n)
            FROM generate_series(0, 40) n
        """)
    )
    assert empty(ledger, Pace(size=3, pause=0, limit=inf), 30) == {"rows": 11, "complete": True}
    assert {int(row.target) for row in database.rows(text("SELECT target FROM outbox"))} == set(range(30))
