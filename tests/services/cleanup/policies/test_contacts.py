"""What was counted for caps goes when no cap looks that far back."""

from math import inf
from uuid import uuid4

from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies.contacts import forget
from shared.ledger.caps import Cap, Caps
from shared.ledger.keys import Keys

PACE = Pace(size=3, pause=0, limit=inf)
COUNTED = text("""
    INSERT INTO contacts VALUES (:id, :id, 1, :id, 'promotion', NULL, 'email', now() - make_interval(hours => :hours))
""")


def test_what_is_older_than_the_longest_window_goes(database, ledger):
    caps, project = Caps(database), Keys(database).project("test")
    for name, per, seconds in (("short", "1h", 3600), ("long", "24h", 86_400)):
        caps.put(project, Cap(name, 1, per, seconds, None, None, (), "drop"), who="test")
    for hours in (0, 1, 23, *range(25, 32)):
        database.execute(COUNTED, {"id": uuid4(), "hours": hours})
    assert forget(ledger, PACE) == {"rows": 7, "complete": True}
    assert len(database.rows(text("SELECT FROM contacts"))) == 3
    caps.remove(project, "long", who="test")
    assert forget(ledger, PACE)["rows"] == 2
    caps.remove(project, "short", who="test")
    assert forget(ledger, PACE)["rows"] == 1, "without caps nothing is kept"
