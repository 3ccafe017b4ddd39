"""Accepted = final + waiting + held, and what breaks it is named."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.relay.bookkeeping import Bookkeeper
from shared.ledger.actions import Actions
from shared.ledger.conservation import Conservation
from shared.ledger.ids import minute_of, new_id
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting
from shared.telemetry.metrics import AMISS, MISSING

QUEUE, LEASE = "sms.normal", 30.0


@pytest.fixture
def conservation(database):
    return Conservation(database)


@pytest.fixture
def minute(acceptance, project_id, drafts):
    """The minute of four notifications: one of them to two targets."""
    made = [*drafts(3), *drafts(1, targets=("+447700900001", "+447700900002"))]
    acceptance.accept(project_id, made)
    return minute_of(made[0].id)


def test_python_and_postgresql_agree_on_the_minute(database):
    ids = [new_id() for _ in range(5)]
    rows = database.rows(text("SELECT minute_of(id) AS minute FROM unnest(CAST(:ids AS uuid[])) AS id"), {"ids": ids})
    assert [row.minute for row in rows] == [minute_of(one) for one in ids]


def test_each_is_counted_where_it_is(conservation, minute, work):
    claimed = work.claim(QUEUE, 3, LEASE)
    work.start([Starting(item, "test") for item in claimed])
    work.settle([
        Settlement(claimed[0].id, claimed[0].fence, State.SENT, "sent", "test"),
        Settlement(claimed[1].id, claimed[1].fence, State.UNKNOWN, "unknown", "test", held=True),
        Settlement(claimed[2].id, claimed[2].fence, State.UNKNOWN, "unknown", "test", delay=60),
    ])  # fmt: skip
    account = conservation.check(minute, minute + 1)
    [balance] = account.balances
    assert (balance.project, balance.queue) == ("test", QUEUE)
    assert (balance.accepted, balance.final, balance.waiting, balance.held, balance.missing) == (5, 1, 3, 1, 0)
    assert account.is_even


def test_a_lost_delivery_is_missed_and_its_notification_named(conservation, minute, database):
    [lost] = database.rows(
        text("DELETE FROM deliveries WHERE target = '+447700900123' AND id = (SELECT min(id::text)::uuid FROM"
             " deliveries WHERE target = '+447700900123') RETURNING notification_id AS id")
    )  # fmt: skip
    account = conservation.check(minute, minute + 1)
    assert [balance.missing for balance in account.balances] == [1]
    assert [(amiss.id, amiss.reason) for amiss in account.amiss] == [(lost.id, "is a notification without deliveries")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("due_at = NULL", "waits for nothing"),
        ("state = 'claimed', due_at = NULL", "is held by nobody"),
        ("state = 'sent'", "has ended and is still to be sent"),
        ("state = 'unknown', due_at = NULL", "is unknown and held by nobody"),
        ("state = 'sent', due_at = NULL, lease_until = now()", "is leased, held by nobody"),
        ("stream_id = 0", "waits in no stream"),
    ],
)
def test_a_row_that_contradicts_itself_is_named(conservation, minute, database, change, reason):
    [wrong] = database.rows(
        text(f"UPDATE deliveries SET {change} WHERE id = (SELECT id FROM deliveries LIMIT 1) RETURNING id")
    )
    account = conservation.check(minute, minute + 1)
    assert [(amiss.id, amiss.reason) for amiss in account.amiss] == [(wrong.id, reason)]


def test_what_waits_for_its_turn_is_not_amiss(conservation, acceptance, project_id, drafts):
    made = drafts(3, ordering_key="k")
    acceptance.accept(project_id, made)
    first = minute_of(made[0].id)
    assert conservation.check(first, first + 2).is_even


def test_merged_counts_count_the_same(conservation, acceptance, project_id, drafts, database):
    made = [drafts(1)[0] for _ in range(5)]
    for draft in made:
        acceptance.accept(project_id, [draft])
    first, end = minute_of(made[0].id), minute_of(made[-1].id) + 1
    conservation.merge(first=first, end=end)
    assert database.rows(text("SELECT count(*) AS n FROM tally"))[0].n == end - first
    assert sum(balance.accepted for balance in conservation.check(first, end).balances) == 5


def test_a_notification_that_is_accepted_twice_is_counted_once(conservation, acceptance, project_id, drafts):
    [draft] = drafts(1)
    acceptance.accept(project_id, [draft])
    acceptance.accept(project_id, [draft])
    [account] = conservation.everything()
    assert account.is_even
    assert account.balances[0].accepted == 1


class TestBookkeeper:
    """The relay looks at what has just passed, walks through what is older, and sees it when it is mended."""

    @pytest.fixture
    def old(self, acceptance, project_id, drafts, database):
        """Notifications of minutes ago, one in each of the last five."""
        now = datetime.now(UTC)
        made = []
        for minutes in range(1, 6):
            moment = int((now - timedelta(minutes=minutes)).timestamp() * 1000)
            identifier = type(new_id())(int=(moment << 80) | (new_id().int & ((1 << 80) - 1)))
            made += drafts(1, id=identifier)
        acceptance.accept(project_id, made)
        return made

    def test_even(self, conservation, old):
        Bookkeeper(conservation).check()
        assert (MISSING._value.get(), AMISS._value.get()) == (0, 0)

    def test_uneven_until_it_is_mended(self, conservation, old, database):
        books = Bookkeeper(conservation)
        rows = database.rows(text("UPDATE deliveries SET due_at = NULL WHERE notification_id = :id RETURNING id"),
                             {"id": old[3].id})  # fmt: skip
        books.check()
        assert AMISS._value.get() == 1
        books.check()
        assert AMISS._value.get() == 1
        database.execute(text("UPDATE deliveries SET due_at = now() WHERE id = :id"), {"id": rows[0].id})
        books.check()
        assert AMISS._value.get() == 0

    def test_what_is_lost_later_is_found_on_the_walk(self, conservation, old, database):
        books = Bookkeeper(conservation)
        books.check()
        database.execute(text("DELETE FROM deliveries WHERE notification_id = :id"), {"id": old[-1].id})
        for _ in range(len(old) + 1):
            books.check()
        assert MISSING._value.get() == 1


def test_cancelled_and_expired_are_final(conservation, minute, database, project_id, recovery):
    [one, two] = database.rows(text("SELECT notification_id AS id FROM deliveries GROUP BY 1 ORDER BY 1 LIMIT 2"))
    Actions(database).cancel(project_id, one.id, "test")
    past = text("UPDATE deliveries SET expires_at = now() - interval '1 s' WHERE notification_id = :id")
    database.execute(past, {"id": two.id})
    recovery.expire()
    account = conservation.check(minute, minute + 1)
    assert account.is_even
    assert account.balances[0].final >= 2
