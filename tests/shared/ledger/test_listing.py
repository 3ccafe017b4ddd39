"""Pages of notifications: by key, by filter, and never by reading more than a bounded part."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from shared.errors import InvalidInput
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.batches import Batch
from shared.ledger.database import Database
from shared.ledger.ids import derived_id, new_id
from shared.ledger.keys import Keys
from shared.ledger.listing import SCANNED, Filters, Listing, Page
from shared.ledger.states import State

Drafts = Callable[..., list[Draft]]


@pytest.fixture
def listing(database: Database) -> Listing:
    return Listing(database)


def every_page(listing: Listing, project_id: int, filters: Filters, limit: int = 50) -> list[Page]:
    pages, cursor = [], None
    while True:
        pages.append(listing.page(project_id, filters, limit=limit, cursor=cursor))
        cursor = pages[-1].next
        if cursor is None:
            return pages


def test_each_is_on_one_page_newest_first(
    listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts
) -> None:
    made = drafts(25)
    acceptance.accept(project_id, made)
    pages = every_page(listing, project_id, Filters(), limit=10)
    assert [len(page.items) for page in pages] == [10, 10, 5]
    assert [item.id for page in pages for item in page.items] == sorted((d.id for d in made), reverse=True)


def test_a_full_last_page_has_no_next(
    listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts
) -> None:
    acceptance.accept(project_id, drafts(10))
    assert [len(page.items) for page in every_page(listing, project_id, Filters(), limit=5)] == [5, 5]
    assert listing.page(project_id, Filters(), limit=10).next is None


def test_a_rare_kind_is_found_page_after_bounded_page(
    listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts
) -> None:
    rare = drafts(1, channel="push")
    acceptance.accept(project_id, rare)
    acceptance.accept(project_id, drafts(SCANNED + 10))
    pages = every_page(listing, project_id, Filters(channel="push"))
    assert len(pages) > 1
    assert [item.id for page in pages for item in page.items] == [rare[0].id]


def test_a_state_is_a_fold_over_targets(
    listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts, database: Database
) -> None:
    (two,) = drafts(1, targets=("a", "b"))
    acceptance.accept(project_id, [two])
    database.execute(text("UPDATE deliveries SET state = 'failed' WHERE target = 'a'"))
    database.execute(text("UPDATE deliveries SET state = 'sent' WHERE target = 'b'"))
    assert [item.id for item in listing.page(project_id, Filters(state=State.SENT)).items] == [two.id]
    assert listing.page(project_id, Filters(state=State.FAILED)).items == []


def test_by_target_each_notification_once(
    listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts
) -> None:
    to_two = drafts(3, targets=("a", "b")) + drafts(2, targets=("b",))
    acceptance.accept(project_id, to_two)
    pages = every_page(listing, project_id, Filters(target="b"), limit=2)
    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert len(listing.page(project_id, Filters(target="a")).items) == 3


def test_by_batch(listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts) -> None:
    batch = Batch(new_id(), {})
    rows = [replace(draft, id=derived_id(batch.id, row), row=row) for row, draft in enumerate(drafts(7), start=1)]
    acceptance.accept_batch(project_id, batch, rows, [])
    acceptance.accept(project_id, drafts(3))
    assert len(listing.page(project_id, Filters(batch_id=batch.id)).items) == 7


def test_projects_do_not_see_each_other(
    listing: Listing, acceptance: Acceptance, project_id: int, drafts: Drafts, database: Database
) -> None:
    acceptance.accept(project_id, drafts(3))
    other = Keys(database).project("other")
    assert listing.page(other, Filters()).items == []
    assert listing.page(other, Filters(target="+447700900000")).items == []


@pytest.mark.parametrize("cursor", ["x", "é", "AAAA", "A" * 23, "A" * 500])
def test_a_cursor_is_what_a_page_gave(listing: Listing, project_id: int, cursor: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        listing.page(project_id, Filters(), cursor=cursor)
    assert list(refusal.value.fields) == ["cursor"]
