"""Old events go with their reminders; young ones stay, and those of which something is still to be sent."""

from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.appointments import forget
from shared.ledger.keys import Keys

PACE = Pace(size=3, pause=0, limit=inf)
MAKE = text("""
    WITH made AS (
        INSERT INTO appointments (id, project_id, key, starts_at, wall_time, timezone, offsets, request, state)
        SELECT gen_random_uuid(), :project, :state || n, now() - make_interval(days => :days), now(), 'UTC', '{2h}',
               '{}', :state
        FROM generate_series(1, :count) n RETURNING id, starts_at)
    INSERT INTO reminders (appointment_id, version, before, starts_at, due_at, next_at, state)
    SELECT id, 1, before, starts_at, starts_at, CASE WHEN before = '+1d' AND :waits THEN starts_at END, 'sent'
    FROM made, unnest(CAST(ARRAY['2h', '+1d'] AS text[])) before
""")
LEFT = text("SELECT key FROM appointments ORDER BY key")


def test_old_events_go_with_their_reminders(database, ledger):
    project = Keys(database).project("acme")
    for state, days, count, waits in (
        ("past", 91, 4, False), ("no_show", 91, 1, False), ("cancelled", 91, 2, False), ("scheduled", 91, 1, True),
    ):  # fmt: skip
        given = {"project": project, "state": state, "days": days, "count": count, "waits": waits}
        database.execute(MAKE, given)
    database.execute(text("UPDATE appointments SET starts_at = now() - interval '89 days' WHERE key = 'past2'"))
    assert forget(ledger, PACE, 90) == {"rows": 6, "complete": True}
    assert [row.key for row in database.rows(LEFT)] == ["past2", "scheduled1"]
    assert database.rows(text("SELECT count(*) AS n FROM reminders"))[0].n == 4
    assert forget(ledger, PACE, 90) == {"rows": 0, "complete": True}
