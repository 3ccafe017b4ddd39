"""What hung on notifications that are gone: what people did to them, the chains they were steps of, what digests
collected, and the uploads they came with."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.ids import lowest_id

_ACTIONS = text("""
    WITH old AS (
        SELECT id FROM actions a
        WHERE notification_id < :bound AND NOT EXISTS (SELECT FROM notifications n WHERE n.id = a.notification_id)
          AND NOT EXISTS (SELECT FROM chains c WHERE c.id = a.notification_id)
        LIMIT :size)
    DELETE FROM actions a USING old WHERE a.id = old.id
""")
# Items by themselves: a digest may have any number.
_ITEMS = text("""
    WITH old AS (
        SELECT notification_id, number FROM digest_items i
        WHERE notification_id < :bound AND NOT EXISTS (SELECT FROM notifications n WHERE n.id = i.notification_id)
        LIMIT :size)
    DELETE FROM digest_items i USING old WHERE i.notification_id = old.notification_id AND i.number = old.number
""")
_DIGESTS = text("""
    WITH old AS (
        SELECT notification_id FROM digests g
        WHERE notification_id < :bound AND NOT EXISTS (SELECT FROM notifications n WHERE n.id = g.notification_id)
        LIMIT :size)
    DELETE FROM digests g USING old WHERE g.notification_id = old.notification_id
""")
_EMPTY_BATCHES = """
    SELECT b.id FROM batches b
    WHERE b.closed_at < :cutoff AND NOT EXISTS (SELECT FROM notifications n WHERE n.batch_id = b.id)
      AND NOT EXISTS (SELECT FROM streams s WHERE s.batch_id = b.id)
"""
# By themselves, and not by the batch's cascade: an upload may have had any number of bad rows.
_ERRORS = text(f"""
    WITH old AS (
        SELECT batch_id, row_number, field FROM batch_errors WHERE batch_id IN ({_EMPTY_BATCHES}) LIMIT :size)
    DELETE FROM batch_errors e USING old
    WHERE e.batch_id = old.batch_id AND e.row_number = old.row_number AND e.field = old.field
""")
_CHAINS = text("""
    DELETE FROM chains WHERE id IN (
        SELECT c.id FROM chains c
        WHERE c.ended_at < :cutoff AND NOT EXISTS (
            SELECT FROM chain_steps s JOIN notifications n ON n.id = s.notification_id WHERE s.chain_id = c.id)
        ORDER BY c.ended_at LIMIT :size)
""")
_BATCHES = text(f"DELETE FROM batches WHERE id IN ({_EMPTY_BATCHES} LIMIT :size)")


def batches(database: Database, cutoff: datetime, size: int) -> Iterator[int]:
    """Remove what hung on notifications accepted before `cutoff` that exist no more, a batch of rows at a time."""
    parameters = {"bound": lowest_id(cutoff), "cutoff": cutoff, "size": size}
    for statement in (_ACTIONS, _CHAINS, _ITEMS, _DIGESTS, _ERRORS, _BATCHES):
        while count := database.execute(statement, parameters):
            yield count
