"""What is let through to SMS providers, and how much of it is too much: the limits against toll fraud.

Whoever finds a form that sends SMS can earn by it: with thousands of messages to numbers whose operator shares the
price with him, mostly in one block of numbers. So it is counted, for each project, how many SMS go to a number, how
many to a block of numbers, and what a day's cost. The database's clock and a lock per project make that hold over all
workers. A delivery is counted once, however often it is tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.sms_limits import Excess, Limit, Limits, Rate, Seen, Sms, gates

_COUNTED = "counted"


def uncounted(stopped: str) -> str:
    """A CTE that forgets what was let through and has never been sent: the gate or a cap has put it off or ended it.

    What it would have cost stays in the day's account.

    Parameters:
        stopped: the CTE with the deliveries after their change; has the columns of `endings.returned`.
    """
    return f"""uncounted AS (
        DELETE FROM sms_usage u USING {stopped} s WHERE u.delivery_id = s.id AND s.provider IS NULL)"""


# By itself, before anything is read: a statement sees what was committed when it began, not what it waited for.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtext('crier.sms_usage'), project_id)
    FROM (SELECT DISTINCT project_id FROM unnest(CAST(:projects AS int[])) AS project_id ORDER BY 1) AS each
""")
_RECENT = """
    SELECT '{column}', each.project_id, each.{column}, ARRAY(
        SELECT extract(epoch FROM statement_timestamp() - u.admitted_at)::float FROM sms_usage u
        WHERE u.project_id = each.project_id AND u.{column} = each.{column}
          AND u.admitted_at > statement_timestamp() - make_interval(secs => :{column}_seconds)
        ORDER BY u.admitted_at DESC LIMIT :{column}_count)
    FROM (SELECT DISTINCT * FROM unnest(CAST(:projects AS int[]), CAST(:{column}s AS text[])))
      AS each (project_id, {column})
    WHERE each.{column} IS NOT NULL AND :{column}_count > 0
"""
# In one statement, as it is asked for every batch: rows of four kinds, told apart by the first column.
_SEEN = text(f"""
    SELECT '{_COUNTED}' AS kind, project_id, delivery_id::text AS key, NULL::float[] AS ages
    FROM sms_usage WHERE delivery_id = ANY(CAST(:ids AS uuid[]))
    UNION ALL {_RECENT.format(column="number")}
    UNION ALL {_RECENT.format(column="block")}
    UNION ALL
    SELECT 'spend', each.project_id, coalesce(s.amount, 0)::text,
           ARRAY[86400 - extract(epoch FROM (statement_timestamp() AT TIME ZONE 'UTC')::time)::float]
    FROM (SELECT DISTINCT unnest(CAST(:projects AS int[]))) each (project_id)
    LEFT JOIN sms_spend s
      ON s.project_id = each.project_id AND s.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
""")
_COUNT = text("""
    WITH counted AS (
        INSERT INTO sms_usage (delivery_id, project_id, number, block)
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:projects AS int[]), CAST(:numbers AS text[]), CAST(:blocks AS text[]))
        ON CONFLICT (delivery_id) DO NOTHING)
    INSERT INTO sms_spend (project_id, day, amount)
    SELECT project_id, (statement_timestamp() AT TIME ZONE 'UTC')::date, sum(cost)
    FROM unnest(CAST(:projects AS int[]), CAST(:costs AS numeric[])) each (project_id, cost)
    WHERE cost > 0 GROUP BY project_id
    ON CONFLICT (project_id, day) DO UPDATE SET amount = sms_spend.amount + excluded.amount
""")


@dataclass(frozen=True)
class SmsUsage:
    """The account of what was let through."""

    database: Database

    def admit(self, asked: Sequence[Sms], limits: Limits) -> Mapping[UUID, Excess]:
        """Count those for which there is room; the others, by delivery, with the limit that keeps them longest.

        What was counted before passes. Other workers wait meanwhile, if they ask about the same projects.
        """
        if not (asked and limits.any):
            return {}
        excesses: dict[UUID, Excess] = {}
        admitted: list[Sms] = []
        with self.database.transaction() as connection:
            connection.execute(_LOCK, {"projects": [sms.project_id for sms in asked]})
            rows = connection.execute(_SEEN, _parameters(asked) | _asked_of(limits)).all()
            counted = {row.key for row in rows if row.kind == _COUNTED}
            seen = [Seen(Limit(row.kind), row.project_id, row.key, row.ages) for row in rows if row.kind != _COUNTED]
            limiting = gates(limits, seen)
            for sms in asked:
                if str(sms.delivery_id) in counted:
                    continue
                wait, gate = max(((gate.wait(sms), gate) for gate in limiting), key=itemgetter(0))
                if wait > 0:
                    excesses[sms.delivery_id] = Excess(gate.limit, wait)
                    gate.defer(sms, wait)
                else:
                    admitted.append(sms)
                    for passed in limiting:
                        passed.take(sms)
            if admitted:
                connection.execute(_COUNT, _parameters(admitted))
        return excesses


def _parameters(batch: Sequence[Sms]) -> dict[str, Any]:
    return {
        "ids": [sms.delivery_id for sms in batch],
        "projects": [sms.project_id for sms in batch],
        "numbers": [sms.number for sms in batch],
        "blocks": [sms.block for sms in batch],
        "costs": [sms.cost for sms in batch],
    }


def _asked_of(limits: Limits) -> dict[str, float]:
    off = Rate(0, 0)
    number, block = limits.number or off, limits.block or off
    return {
        "number_count": number.count,
        "number_seconds": number.seconds,
        "block_count": block.count,
        "block_seconds": block.seconds,
    }
