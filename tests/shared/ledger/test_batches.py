"""Batches: opened once, closed once, counted without looking at what is not theirs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from shared.errors import NotFound
from shared.ledger.acceptance import Acceptance, Draft, IdempotencyKey
from shared.ledger.batches import Batch, Batches, RowError, id_range
from shared.ledger.database import Database
from shared.ledger.ids import derived_id, new_id
from shared.ledger.states import State

Drafts = Callable[..., list[Draft]]


@pytest.fixture
def batches(database: Database) -> Batches:
    return Batches(database)


def rows_of(batch: Batch, drafts: list[Draft]) -> list[Draft]:
    return [replace(draft, id=derived_id(batch.id, row), row=row) for row, draft in enumerate(drafts, start=1)]


def test_opened_refused_and_closed(batches: Batches, project_id: int) -> None:
    batch = Batch(new_id(), {"channel": "sms"})
    errors = [RowError(row, field, "Bad.") for row, field in ((2, "to.phone"), (2, "data.x"), (5, "(row)"))]
    for _ in range(2):
        batches.open(project_id, batch)
        batches.refuse(batch.id, errors)
    progress = batches.progress(project_id, batch.id)
    assert (progress.accepted, progress.refused, progress.closed_at, progress.finished) == (0, 2, None, False)
    batches.close(batch.id, {"upload": {"rows": 5}})
    assert batches.progress(project_id, batch.id).finished
    assert batches.request(project_id, batch.id) == {"channel": "sms", "upload": {"rows": 5}}


def test_progress_counts_its_own_rows_alone_even_of_the_same_millisecond(
    batches: Batches, acceptance: Acceptance, project_id: int, drafts: Drafts
) -> None:
    first, second = Batch(new_id(), {}), Batch(new_id(), {})
    second = replace(second, id=derived_id(first.id, 50))  # another id of the same millisecond
    acceptance.accept_batch(project_id, first, rows_of(first, drafts(3)), [])
    acceptance.accept_batch(project_id, second, rows_of(second, drafts(5)), [])
    acceptance.accept(project_id, [replace(draft, id=derived_id(first.id, 100)) for draft in drafts(1)])
    assert batches.progress(project_id, first.id).states == {State.QUEUED: 3}
    assert batches.progress(project_id, second.id).states == {State.QUEUED: 5}


def test_progress_survives_the_end_of_its_stream(
    batches: Batches, acceptance: Acceptance, project_id: int, drafts: Drafts, database: Database
) -> None:
    batch = Batch(new_id(), {})
    acceptance.accept_batch(project_id, batch, rows_of(batch, drafts(3)), [])
    database.execute(text("UPDATE deliveries SET state = 'sent', due_at = NULL"))
    database.execute(text("DELETE FROM streams"))
    progress = batches.progress(project_id, batch.id)
    assert (progress.states, progress.finished) == ({State.SENT: 3}, True)


def test_a_whole_batch_is_all_or_nothing(
    acceptance: Acceptance, project_id: int, drafts: Drafts, database: Database
) -> None:
    batch = Batch(new_id(), {})
    rows = rows_of(batch, drafts(1500))
    rows[-1] = replace(rows[-1], channel=None)  # type: ignore[arg-type]  # breaks the second statement of the two
    with pytest.raises(Exception, match="null value"):
        acceptance.accept_batch(project_id, batch, rows, [], key=IdempotencyKey("k", b"h", {}))
    for table in ("notifications", "deliveries", "batches", "streams", "idempotency_keys"):
        assert database.rows(text(f"SELECT FROM {table}")) == []


def test_what_is_not_there(batches: Batches, project_id: int) -> None:
    batches.open(project_id, batch := Batch(new_id(), {}))
    for project, identifier in ((project_id, new_id()), (project_id + 1, batch.id)):
        with pytest.raises(NotFound):
            batches.progress(project, identifier)
        with pytest.raises(NotFound):
            batches.errors(project, identifier)
        assert batches.request(project, identifier) is None


def test_children_lie_in_their_parents_range() -> None:
    for _ in range(1000):
        parent = new_id()
        low, high = id_range(parent)
        assert all(low <= derived_id(parent, index) < high for index in (0, 1, 10**9))
