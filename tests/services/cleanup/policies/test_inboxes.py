"""Old in-app notifications go, and the count with them."""

import pytest
from sqlalchemy import text

from services.cleanup.pace import Pace
from services.cleanup.policies import inboxes
from shared.ledger.ids import new_id
from shared.ledger.inbox import Inboxes, Mark, Put
from shared.ledger.keys import Keys


@pytest.fixture
def filled(database):
    """The inboxes of Ada and Grace, with old and new; and the project."""
    project_id = Keys(database).project("test")
    kept = Inboxes(database)
    for user in ("ada", "grace"):
        for title, age in (("old, read", 91), ("old", 91), ("old, archived", 200), ("new", 89)):
            one = new_id()
            kept.put([Put(one, project_id, user, {"title": title})])
            if "read" in title:
                kept.mark(project_id, user, one, Mark.READ)
            if "archived" in title:
                kept.mark(project_id, user, one, Mark.ARCHIVE)
            database.execute(
                text("UPDATE inbox SET created_at = now() - make_interval(days => :age) WHERE id = :id"),
                {"age": age, "id": one},
            )
    return kept, project_id


@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_is_old_goes_and_the_count_is_right(database, filled, size):
    kept, project_id = filled
    assert inboxes.empty(database, Pace(size, 0.0, 60.0), 90) == {"rows": 6, "complete": True}
    for user in ("ada", "grace"):
        page = kept.page(project_id, user)
        assert ([item.content["title"] for item in page.items], page.unread) == (["new"], 1)
    assert inboxes.empty(database, Pace(size, 0.0, 60.0), 90) == {"rows": 0, "complete": True}


def test_whoever_follows_the_inbox_is_told_the_new_count(database, filled):
    kept, project_id = filled
    before = kept.open(project_id, "ada")
    inboxes.empty(database, Pace(100, 0.0, 60.0), 90)
    [told] = kept.changes([(before.id, before.changes)], 10)
    assert (told.items, told.unread, told.complete) == ([], 1, True)
    assert told.changes > before.changes


def test_an_inbox_that_somebody_has_now_is_left_for_the_next_time(database, filled):
    kept, project_id = filled
    with database.transaction() as connection:
        connection.execute(text("SELECT FROM inboxes WHERE user_id = 'ada' FOR UPDATE"))
        assert inboxes.empty(database, Pace(100, 0.0, 60.0), 90)["rows"] == 3
    assert inboxes.empty(database, Pace(100, 0.0, 60.0), 90)["rows"] == 3
    assert kept.count(project_id, "ada") == 1
