"""What the relay does about the dead, the late and the waiting."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.errors import Conflict, NotFound
from shared.ledger.actions import Actions
from shared.ledger.batches import Batch, Batches
from shared.ledger.ids import new_id
from shared.ledger.recovery import SOLO_DEATHS
from shared.ledger.states import State
from shared.ledger.work import FEW, Settlement, Starting

QUEUE = "sms.normal"
LEASE = 30.0
END_LEASES = text("UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def state(database):
    return database.rows(text("SELECT state FROM deliveries"))[0].state


def die_holding(database, work, *, started):
    claimed = work.claim(QUEUE, 100, LEASE)
    if started:
        work.start([Starting(item, "test") for item in claimed])
    database.execute(END_LEASES)
    return claimed


def test_claimed_and_not_started_is_queued_again(acceptance, database, project_id, drafts, work, recovery):
    acceptance.accept(project_id, drafts(1))
    die_holding(database, work, started=False)
    [reaped] = recovery.reap(patience=0)
    assert (reaped.was, reaped.state, reaped.queue) == (State.CLAIMED, State.QUEUED, QUEUE)
    assert database.rows(text("SELECT FROM attempts")) == []


@pytest.mark.parametrize("policy", ["resend", "hold"])
def test_started_is_unknown_and_a_worker_looks_into_it(
    acceptance, database, project_id, drafts, work, recovery, policy
):
    """Whatever its policy: the provider may be able to tell, and only a worker can ask it."""
    acceptance.accept(project_id, drafts(1, on_unknown=policy))
    die_holding(database, work, started=True)
    [reaped] = recovery.reap(patience=0)
    assert (reaped.was, reaped.state) == (State.STARTED, State.UNKNOWN)
    [attempt] = database.rows(text("SELECT outcome, provider FROM attempts"))
    assert tuple(attempt) == ("unknown", "test")
    [item] = work.claim(QUEUE, 1, LEASE)
    assert (item.doubt, item.provider, item.hold) == (True, "test", policy == "hold")
    assert item.started_at is not None


@pytest.mark.parametrize("policy", ["resend", "hold"])
def test_a_late_known_answer_wins_over_unknown(acceptance, database, project_id, drafts, work, recovery, policy):
    acceptance.accept(project_id, drafts(1, on_unknown=policy))
    [item] = die_holding(database, work, started=True)
    recovery.reap(patience=0)
    work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "test", reference="SM1")])
    assert state(database) == "sent"
    assert work.claim(QUEUE, 1, LEASE) == []
    [attempt] = database.rows(text("SELECT outcome, reference FROM attempts"))
    assert tuple(attempt) == ("sent", "SM1")


def test_a_late_answer_loses_to_a_newer_claim(acceptance, database, project_id, drafts, work, recovery):
    acceptance.accept(project_id, drafts(1))
    [stale] = die_holding(database, work, started=True)
    recovery.reap(patience=0)
    work.claim(QUEUE, 1, LEASE)
    work.settle([Settlement(stale.id, stale.fence, State.SENT, "sent", "test")])
    assert state(database) == "claimed"


def test_leases_are_kept_while_postgres_has_just_come_back(acceptance, database, project_id, drafts, work, recovery):
    acceptance.accept(project_id, drafts(1))
    die_holding(database, work, started=True)
    assert recovery.reap(patience=1e6) == []
    assert state(database) == "started"


def test_poison_ends_alone_after_three_solo_deaths(acceptance, database, project_id, drafts, work, recovery):
    """First it dies with its batch, then with a few, then three times alone; its neighbours are sent."""
    acceptance.accept(project_id, drafts(30))
    poison = die_holding(database, work, started=False)[0].id
    recovery.reap(patience=0)
    assert len(work.claim(QUEUE, 100, LEASE)) == FEW
    database.execute(END_LEASES)
    recovery.reap(patience=0)
    deaths = 0
    for _ in range(60):
        claimed = work.claim(QUEUE, 100, LEASE)
        if poison in {item.id for item in claimed}:
            deaths += claimed[0].deaths > 1
            database.execute(END_LEASES)
            recovery.reap(patience=0)
        else:
            work.start([Starting(item, "test") for item in claimed])
            work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "test") for item in claimed])
    assert deaths == SOLO_DEATHS
    rows = database.rows(text("SELECT id, state FROM deliveries WHERE state <> 'sent'"))
    assert [(row.id, row.state) for row in rows] == [(poison, "failed")]


def test_suspects_are_held_one_at_a_time(acceptance, database, project_id, drafts, work, recovery):
    """However many workers ask, and whatever else they are given meanwhile."""
    acceptance.accept(project_id, drafts(5))
    for _ in range(2):
        die_holding(database, work, started=False)
        recovery.reap(patience=0)
    [first] = work.claim(QUEUE, 100, LEASE)
    assert first.deaths == 2
    assert work.claim(QUEUE, 100, LEASE) == []
    work.start([Starting(first, "test")])
    work.settle([Settlement(first.id, first.fence, State.SENT, "sent", "test")])
    assert len(work.claim(QUEUE, 100, LEASE)) == 1


def test_expired_rows_end_without_a_worker(acceptance, database, project_id, drafts, recovery, sealer):
    soon = datetime.now(UTC) + timedelta(hours=1)
    acceptance.accept(project_id, drafts(2, expires_at=soon, secret=sealer.seal({"code": "1"})))
    assert recovery.expire() == 0
    database.execute(text("UPDATE deliveries SET expires_at = now() - interval '1 second'"))
    assert recovery.expire() == 2
    assert state(database) == "expired"
    assert database.rows(text("SELECT FROM sealed")) == []


def test_due_queues_and_lanes(acceptance, project_id, drafts, recovery, database):
    later = datetime.now(UTC) + timedelta(hours=1)
    acceptance.accept(project_id, [*drafts(3), *drafts(1, lane="bulk", send_at=later)])
    assert recovery.due_queues() == [QUEUE]
    assert {lane.queue: lane.depth for lane in recovery.lanes()} == {"sms.normal": 3, "sms.bulk": 0}


def test_retry_sends_again_what_failed_and_only_that(acceptance, database, project_id, drafts, work):
    actions = Actions(database)
    [draft] = drafts(1)
    acceptance.accept(project_id, [draft])
    with pytest.raises(Conflict, match="Nothing to retry"):
        actions.retry(project_id, draft.id, "me")
    [item] = work.claim(QUEUE, 1, LEASE)
    work.start([Starting(item, "test")])
    work.settle([Settlement(item.id, item.fence, State.FAILED, "rejected", "test")])
    assert actions.retry(project_id, draft.id, "me") == [QUEUE]
    assert len(work.claim(QUEUE, 1, LEASE)) == 1


def test_a_wiped_code_cannot_be_sent_again(acceptance, database, project_id, drafts, work, sealer):
    [draft] = drafts(1, secret=sealer.seal({"code": "1"}))
    acceptance.accept(project_id, [draft])
    [item] = work.claim(QUEUE, 1, LEASE)
    work.start([Starting(item, "test")])
    work.settle([Settlement(item.id, item.fence, State.FAILED, "rejected", "test")])
    with pytest.raises(Conflict, match="wiped"):
        Actions(database).retry(project_id, draft.id, "me")


def test_actions_stay_within_a_project(acceptance, database, project_id, drafts):
    [draft] = drafts(1)
    acceptance.accept(project_id, [draft])
    with pytest.raises(NotFound):
        Actions(database).cancel(project_id + 1, draft.id, "me")
    with pytest.raises(NotFound):
        Actions(database).cancel(project_id, new_id(), "me")
    assert state(database) == "queued"


class TestStreamsOfUploads:
    """The stream of a finished upload stays as long as anything may come back to it."""

    @pytest.fixture
    def upload(self, acceptance, database, project_id, drafts):
        """Two rows of an upload that was closed two hours ago; `finish(**changes)` makes them so."""
        batch = Batch(new_id(), {})
        Batches(database).open(project_id, batch)
        database.execute(text("UPDATE batches SET closed_at = now() - interval '2 hours'"))
        return lambda **changes: acceptance.accept(
            project_id, drafts(1, **changes) + drafts(1, **changes), batch_id=batch.id
        )

    def streams(self, database):
        return len(database.rows(text("SELECT FROM streams WHERE batch_id IS NOT NULL")))

    @pytest.mark.parametrize("started", [False, True])
    def test_what_a_worker_holds_comes_back(self, upload, database, work, recovery, started):
        upload()
        die_holding(database, work, started=started)
        assert recovery.close_streams() == 0
        recovery.reap(patience=0)
        assert recovery.close_streams() == 0, "suspects, too, return to their stream"
        assert recovery.due_queues() == [QUEUE]

    def test_what_waits_for_its_turn_comes_back(self, upload, database, work, recovery):
        upload(ordering_key="k")
        [first] = work.claim(QUEUE, 100, LEASE)
        work.start([Starting(first, "test")])
        work.settle([Settlement(first.id, first.fence, State.UNKNOWN, "unknown", "test", held=True)])
        assert recovery.close_streams() == 0

    def test_it_goes_when_all_have_ended(self, upload, database, work, recovery):
        upload()
        items = work.claim(QUEUE, 100, LEASE)
        work.start([Starting(item, "test") for item in items])
        work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "test") for item in items])
        assert recovery.close_streams() == 1
        assert self.streams(database) == 0


def test_poison_that_may_have_been_sent_is_held_under_hold(acceptance, database, project_id, drafts, work, recovery):
    acceptance.accept(project_id, drafts(1, on_unknown="hold"))
    for _ in range(SOLO_DEATHS + 2):
        assert recovery.due_queues() == [QUEUE]
        die_holding(database, work, started=True)
        recovery.reap(patience=0)
    [row] = database.rows(text("SELECT state, held_at IS NOT NULL AS held, due_at FROM deliveries"))
    assert tuple(row) == ("unknown", True, None)


@pytest.mark.parametrize("before", [False, True])
def test_a_late_not_processed_settles_the_doubt_about_itself(
    acceptance, database, project_id, drafts, work, recovery, before
):
    """And about no earlier call."""
    acceptance.accept(project_id, drafts(1, on_unknown="hold"))
    if before:
        die_holding(database, work, started=True)
        recovery.reap(patience=0)
    [item] = die_holding(database, work, started=True)
    recovery.reap(patience=0)
    work.settle([Settlement(item.id, item.fence, State.QUEUED, "unavailable", "test")])
    [row] = database.rows(text("SELECT state, doubt FROM deliveries"))
    assert tuple(row) == ("queued", before)


def test_what_waits_behind_a_held_one_expires(acceptance, database, project_id, drafts, work, recovery):
    soon = datetime.now(UTC) + timedelta(hours=1)
    first, second = drafts(1, ordering_key="k")[0], drafts(1, ordering_key="k", expires_at=soon)[0]
    acceptance.accept(project_id, [first])
    acceptance.accept(project_id, [second])
    [item] = work.claim(QUEUE, 100, LEASE)
    work.start([Starting(item, "test")])
    work.settle([Settlement(item.id, item.fence, State.UNKNOWN, "unknown", "test", held=True)])
    database.execute(text("UPDATE deliveries SET expires_at = now() - interval '1 s' WHERE expires_at IS NOT NULL"))
    assert recovery.expire_in_line() == 1
    assert {row.state for row in database.rows(text("SELECT state FROM deliveries"))} == {"unknown", "expired"}
    assert len(database.rows(text("SELECT FROM ordered"))) == 1


def test_what_was_cancelled_in_doubt_stays_so_whatever_answer_comes_late(
    acceptance, database, project_id, drafts, work, recovery
):
    [draft] = drafts(1)
    acceptance.accept(project_id, [draft])
    [item] = die_holding(database, work, started=True)
    recovery.reap(patience=0)
    Actions(database).cancel(project_id, draft.id, "test")
    work.settle([Settlement(item.id, item.fence, State.QUEUED, "unavailable", "test")])
    [row] = database.rows(text("SELECT state, held_at IS NOT NULL AS held, due_at FROM deliveries"))
    assert tuple(row) == ("unknown", True, None)
    work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "test")])
    assert state(database) == "sent", "what is known is told all the same"
