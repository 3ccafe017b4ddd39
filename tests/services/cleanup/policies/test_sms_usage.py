"""What was counted for the limits of SMS goes when it limits nothing any more."""

from math import inf
from uuid import uuid4

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.sms_usage import forget

PACE = Pace(size=3, pause=0, limit=inf)
COUNT = text("""
    INSERT INTO sms_usage (delivery_id, project_id, number, admitted_at)
    VALUES (:id, 1, '+447400123456', now() - make_interval(hours => :hours))
""")
SPEND = text("INSERT INTO sms_spend VALUES (1, (now() AT TIME ZONE 'UTC')::date - :days, 1)")


def test_what_is_older_than_a_day_goes_and_the_rest_stays(database, ledger):
    for hours in (0, 1, 23, *range(25, 32)):
        database.execute(COUNT, {"id": uuid4(), "hours": hours})
    for days in range(5):
        database.execute(SPEND, {"days": days})
    assert forget(ledger, PACE) == {"rows": 7 + 3, "complete": True}
    assert len(database.rows(text("SELECT FROM sms_usage"))) == 3
    assert len(database.rows(text("SELECT FROM sms_spend"))) == 2
    assert forget(ledger, PACE) == {"rows": 0, "complete": True}
