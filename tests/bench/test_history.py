"""A ledger with a past is one the product could have left."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from bench.history import fill, wait
from shared.ledger.batches import Batches
from shared.ledger.conservation import Conservation
from shared.ledger.keys import Keys
from shared.ledger.listing import Filters, Listing
from shared.ledger.states import State
from shared.ledger.work import Work

ROWS, WAITING = 1_000, 30


@pytest.fixture
def filled(database_url):
    fill(database_url, ROWS)
    return database_url


def test_its_books_are_even_and_no_row_contradicts_itself(filled, database):
    wait(filled, WAITING)
    accounts = list(Conservation(database).everything())
    assert all(account.is_even for account in accounts)
    assert sum(balance.accepted for account in accounts for balance in account.balances) == ROWS + WAITING


def test_every_row_is_in_its_month(filled, database):
    for table in ("notifications", "deliveries", "attempts"):
        assert database.rows(text(f"SELECT count(*) FROM {table}"))[0][0] > ROWS * 0.9
        assert database.rows(text(f"SELECT count(*) FROM {table}_default"))[0][0] == 0


def test_it_can_be_listed(filled, database):
    page = Listing(database).page(Keys(database).project("bench"), replace(Filters(), template="history@1"), limit=5)
    assert len(page.items) == 5


def test_what_waits_can_be_claimed(filled, database):
    batch = wait(filled, WAITING)
    progress = Batches(database).progress(Keys(database).project("bench"), batch)
    assert (progress.accepted, progress.states) == (WAITING, {State.QUEUED: WAITING})
    assert len(Work(database).claim("sms.bulk", 100, 30.0)) == WAITING


def test_only_an_empty_ledger_is_filled(filled):
    with pytest.raises(ValueError, match="empty"):
        fill(filled, ROWS)
