"""One notification's story: what was asked for, what was tried, what people did, how it ended."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import NotFound
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.actions import Actions
from shared.ledger.database import Database
from shared.ledger.history import History
from shared.ledger.ids import new_id
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work

Drafts = Callable[..., list[Draft]]
QUEUE = "sms.normal"


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


def attempt(work: Work, state: State, outcome: str, delay: float = 0.0) -> None:
    claimed = work.claim(QUEUE, 10, 30)
    work.start([Starting(item, "twilio") for item in claimed])
    work.settle([Settlement(one.id, one.fence, state, outcome, "twilio", delay=delay, code="20429") for one in claimed])


def test_from_accepted_to_sent(
    history: History, acceptance: Acceptance, work: Work, database: Database, project_id: int, drafts: Drafts
) -> None:
    (draft,) = drafts()
    acceptance.accept(project_id, [draft])
    attempt(work, State.QUEUED, "unavailable")
    attempt(work, State.FAILED, "rejected")
    Actions(database).retry(project_id, draft.id, "ada")
    attempt(work, State.SENT, "sent")
    found = history.one(project_id, draft.id)
    assert [(event.what, event.outcome) for event in found.timeline] == [
        ("accepted", None), ("attempt", "unavailable"), ("attempt", "rejected"), ("retried", None), ("attempt", "sent"),
        ("sent", None),
    ]  # fmt: skip
    assert [event.who for event in found.timeline if event.what == "retried"] == ["ada"]
    assert all(event.started_at for event in found.timeline if event.what == "attempt")
    assert found.state is State.SENT


def test_while_it_waits_it_says_until_when(
    history: History, acceptance: Acceptance, work: Work, project_id: int, drafts: Drafts
) -> None:
    (draft,) = drafts()
    acceptance.accept(project_id, [draft])
    attempt(work, State.QUEUED, "unavailable", delay=600)
    (delivery,) = history.one(project_id, draft.id).deliveries
    assert delivery.next_at
    assert delivery.next_at > datetime.now(UTC) + timedelta(minutes=5)


def test_what_is_for_later_is_scheduled(
    history: History, acceptance: Acceptance, project_id: int, drafts: Drafts
) -> None:
    (draft,) = drafts(send_at=datetime.now(UTC) + timedelta(hours=1))
    acceptance.accept(project_id, [draft])
    found = history.one(project_id, draft.id)
    assert (found.state, [event.what for event in found.timeline]) == (State.SCHEDULED, ["accepted", "scheduled"])


def test_every_target_has_its_own_end(
    history: History, acceptance: Acceptance, work: Work, project_id: int, drafts: Drafts
) -> None:
    (draft,) = drafts(targets=("+447700900001", "+447700900002"))
    acceptance.accept(project_id, [draft])
    attempt(work, State.SENT, "sent")
    found = history.one(project_id, draft.id)
    assert len({event.delivery_id for event in found.timeline if event.what == "sent"}) == 2


def test_what_is_not_there(history: History, acceptance: Acceptance, project_id: int, drafts: Drafts) -> None:
    (draft,) = drafts()
    acceptance.accept(project_id, [draft])
    for project, identifier in ((project_id, new_id()), (project_id + 1, draft.id)):
        with pytest.raises(NotFound):
            history.one(project, identifier)
