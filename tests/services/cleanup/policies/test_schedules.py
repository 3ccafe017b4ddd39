"""Old times of schedules go, and schedules that ended long ago; those that go on stay, and what is promised."""

from math import inf

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.schedules import forget
from shared.ledger.keys import Keys

PACE = Pace(size=3, pause=0, limit=inf)
MAKE = text("""
    WITH made AS (
        INSERT INTO schedules (id, project_id, name, trigger, request, misfire, misfire_grace, state, ended_at)
        VALUES (gen_random_uuid(), :project, :name, '{}', '{}', 'once', 60, :state,
                CASE :state WHEN 'ended' THEN now() - make_interval(days => :days) END)
        RETURNING id)
    INSERT INTO schedule_fires (schedule_id, fire_time, state, lease_until)
    SELECT id, now() - make_interval(days => day), CASE day WHEN 100 THEN 'promised' ELSE 'fired' END,
           CASE day WHEN 100 THEN now() END
    FROM made, generate_series(:days, 100) day
""")
LEFT = text("""
    SELECT name, count(*) AS n FROM schedules s JOIN schedule_fires f ON f.schedule_id = s.id
    GROUP BY name ORDER BY name
""")


def test_what_is_old_goes_and_what_is_not_stays(database, ledger):
    project = Keys(database).project("acme")
    for name, state, days in (("daily", "active", 80), ("stopped", "paused", 95), ("once", "ended", 91)):
        database.execute(MAKE, {"project": project, "name": name, "state": state, "days": days})
    database.execute(text("UPDATE schedules SET ended_at = now() - interval '91 days' WHERE ended_at IS NOT NULL"))
    assert forget(ledger, PACE, 90) == {"times": 10 + 5 + 9, "schedules": 1, "complete": True}
    assert [(row.name, row.n) for row in database.rows(LEFT)] == [("daily", 11), ("stopped", 1)]
    assert forget(ledger, PACE, 90) == {"times": 0, "schedules": 0, "complete": True}
