"""Paused, nothing goes out; resumed, everybody is reached once; cancelled, nobody any more."""

from collections import Counter

import pytest
from sqlalchemy import text

from services.campaigns.expansion import CHUNK
from shared.errors import Conflict
from shared.ledger.database import Database
from shared.ledger.receipts import Receipts
from shared.ledger.recovery import Recovery
from shared.ledger.states import State
from shared.ledger.work import Claimed, Settlement, Starting
from shared.receipts.port import Event
from tests.postman import Postman, PostmanSettings
from tests.services.campaigns.conftest import QUEUE, WHO, Ground, Hurry

PEOPLE = CHUNK + 100


def pause(ground: Ground, made: object) -> None:
    ground.book.pause(ground.project_id, getattr(made, "id"), who=WHO)  # noqa: B009


def resume(ground: Ground, made: object) -> None:
    ground.book.resume(ground.project_id, getattr(made, "id"), who=WHO)  # noqa: B009


def test_paused_twice_everybody_is_sent_to_once(ground: Ground) -> None:
    ground.people(PEOPLE)
    made = ground.released()
    sent: Counter[str] = Counter()
    for _ in range(2):
        ground.engine.step()
        sent.update(ground.send(ground.claim()))
        held = ground.claim()
        pause(ground, made)
        assert ground.claim() == []
        assert ground.send(held) == []
        assert not ground.engine.step()
        resume(ground, made)
    sent.update(ground.send_all())
    assert len(sent) == PEOPLE
    assert set(sent.values()) == {1}


def test_a_pause_takes_back_what_is_held_and_not_what_is_being_sent(ground: Ground) -> None:
    ground.people(10)
    made = ground.released()
    ground.engine.step()
    claimed = ground.claim(4)
    started = ground.work.start([Starting(one, "twilio") for one in claimed[:1]])
    pause(ground, made)
    assert ground.states() == {"started": 1, "queued": 9}
    assert started == {claimed[0].id}
    assert ground.number("SELECT count(*) FROM attempts") == 0
    assert ground.number("SELECT max(attempts) FROM deliveries") == 0


def test_while_it_is_paused_nobody_is_rung_for_it_and_its_depth_is_none(ground: Ground) -> None:
    ground.people(10)
    made = ground.released()
    ground.engine.step()
    recovery = Recovery(ground.database)
    assert recovery.due_queues() == [QUEUE]
    pause(ground, made)
    assert recovery.due_queues() == []
    assert [(lane.queue, lane.depth) for lane in recovery.lanes()] == [(QUEUE, 0)]
    resume(ground, made)
    assert recovery.due_queues() == [QUEUE]


def test_what_a_worker_died_holding_is_paused_too(ground: Ground, database: Database) -> None:
    ground.people(10)
    made = ground.released()
    ground.engine.step()
    ground.claim(5)
    database.execute(text("UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE state = 'claimed'"))
    assert len(Recovery(database).reap(patience=0)) == 5
    pause(ground, made)
    assert ground.claim() == []
    assert Recovery(database).due_queues() == []
    resume(ground, made)
    assert len(ground.claim()) == 5


def test_what_is_in_doubt_stays_so(ground: Ground, database: Database) -> None:
    ground.people(1)
    made = ground.released()
    ground.engine.step()
    database.execute(text("UPDATE deliveries SET state = 'unknown', doubt = true"))
    ground.claim()
    pause(ground, made)
    assert ground.states() == {"unknown": 1}
    resume(ground, made)
    assert [one.doubt for one in ground.claim()] == [True]


def test_what_expires_meanwhile_expires(ground: Ground, database: Database) -> None:
    ground.people(3)
    made = ground.released()
    ground.engine.step()
    pause(ground, made)
    database.execute(text("UPDATE deliveries SET expires_at = now() - interval '1 second'"))
    assert Recovery(database).expire() == 3
    resume(ground, made)
    assert ground.claim() == []


def test_its_stream_is_not_forgotten_while_it_is_paused(ground: Ground, database: Database, hurry: Hurry) -> None:
    """Made anew for a notification that is sent again by hand, it would not be paused."""
    ground.people(1)
    made = ground.released()
    ground.engine.step()
    hurry()
    ground.engine.step()
    ground.send(ground.claim())
    pause(ground, made)
    database.execute(text("UPDATE batches SET closed_at = now() - interval '2 hours'"))
    assert Recovery(database).close_streams() == 0
    resume(ground, made)
    hurry()
    ground.engine.step()
    assert ground.now(made).state == "done"
    assert Recovery(database).close_streams() == 1


def test_a_pause_before_its_moment_keeps_it_from_beginning(ground: Ground, hurry: Hurry) -> None:
    ground.people(3)
    made = ground.released()
    pause(ground, made)
    assert not ground.engine.step()
    pause(ground, made)
    resume(ground, made)
    resume(ground, made)
    assert sum(ground.send_all().values()) == 3


@pytest.mark.parametrize("paused", [False, True])
def test_cancelled_what_waits_is_cancelled_and_what_was_sent_stays(
    ground: Ground, hurry: Hurry, paused: bool
) -> None:  # fmt: skip
    ground.people(3 * CHUNK)
    made = ground.released()
    for _ in range(2):
        ground.engine.step()
    ground.send(ground.claim(10))
    held = ground.claim(10)
    if paused:
        pause(ground, made)
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    assert ground.claim() == []
    assert ground.send(held) == []
    while ground.engine.step():
        hurry()
    found = ground.now(made)
    assert (found.state, found.taken) == ("cancelled", 2 * CHUNK)
    assert ground.states() == {"sent": 10, "cancelled": 2 * CHUNK - 10}
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    with pytest.raises(Conflict, match="nothing to resume"):
        resume(ground, made)


def test_what_comes_back_after_a_cancellation_is_cancelled_too(
    ground: Ground, database: Database, hurry: Hurry
) -> None:  # fmt: skip
    ground.people(2)
    made = ground.released()
    ground.engine.step()
    claimed = ground.claim()
    ground.work.start([Starting(one, "twilio") for one in claimed])
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    ground.engine.step()
    hurry()
    ground.engine.step()
    assert ground.now(made).state == "cancelling"
    # The provider was too busy: they are to be tried again.
    database.execute(
        text("UPDATE deliveries SET state = 'queued', due_at = now() + interval '1 hour', lease_until = NULL")
    )
    for _ in range(2):
        hurry()
        ground.engine.step()
    assert ground.states() == {State.CANCELLED: 2}
    assert ground.now(made).state == "cancelled"


def test_a_cancellation_that_is_stuck_may_be_asked_for_again(
    ground: Ground, database: Database, hurry: Hurry
) -> None:  # fmt: skip
    ground.people(2)
    made = ground.released()
    ground.engine.step()
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    database.execute(text("UPDATE campaigns SET next_at = NULL, problem = 'stuck'"))
    assert not ground.engine.step()
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    for _ in range(2):
        ground.engine.step()
        hurry()
    assert (ground.now(made).state, ground.states()) == ("cancelled", {"cancelled": 2})


def test_a_draft_that_is_cancelled_is_over(ground: Ground) -> None:
    ground.people(1)
    made = ground.draft()
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    found = ground.now(made)
    assert (found.state, found.ended_at is not None) == ("cancelled", True)
    assert not ground.engine.step()


def test_what_makes_no_sense_is_refused(ground: Ground, hurry: Hurry) -> None:
    ground.people(1)
    made = ground.draft()
    for act in (pause, resume):
        with pytest.raises(Conflict, match="It is draft"):
            act(ground, made)
    ground.book.release(ground.project_id, made.id, unseen=True, who=WHO)
    with pytest.raises(Conflict, match="already"):
        ground.book.release(ground.project_id, made.id, unseen=True, who=WHO)
    with pytest.raises(Conflict, match="only a draft"):
        ground.book.campaigns.remove(ground.project_id, made.id, who=WHO)
    ground.send_all()
    hurry()
    ground.engine.step()
    with pytest.raises(Conflict, match="too late"):
        ground.book.cancel(ground.project_id, made.id, who=WHO)


def test_what_a_provider_reports_to_be_tried_again_after_a_cancellation_is_not(
    ground: Ground, database: Database, hurry: Hurry
) -> None:  # fmt: skip
    ground.people(2)
    made = ground.released()
    ground.engine.step()
    (one, other) = ground.claim()
    for number, claimed in enumerate((one, other)):
        ground.work.start([Starting(claimed, "postman")])
        settled = Settlement(claimed.id, claimed.fence, State.SENT, "sent", "postman", reference=f"SM{number}")
        ground.work.settle([settled])
    receipts = Receipts(database)

    def report(claimed: Claimed) -> None:
        said = {"kind": "undelivered", "delivery_id": str(claimed.id), "retry_after": 0.0}
        receipts.store("postman", [Event(str(claimed.id), said)])
        receipts.process({"postman": Postman(PostmanSettings("sesame"))})

    report(one)
    assert ground.states() == {"queued": 1, "sent": 1}
    ground.book.cancel(ground.project_id, made.id, who=WHO)
    for _ in range(2):
        ground.engine.step()
        hurry()
    assert ground.now(made).state == "cancelled"
    report(other)
    assert ground.states() == {"cancelled": 1, "undelivered": 1}
