"""Dead letters: found, explained, replayed and purged; and never more of them than somebody meant."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.errors import Conflict, InvalidInput, NotFound
from shared.ledger.actions import Actions
from shared.ledger.audit import deeds
from shared.ledger.chosen import Ids, Matching
from shared.ledger.dead_letters import DeadLetters, Filters, Kind, Why
from shared.ledger.dead_tasks import DeadTask, Graves, letter_id, run_of
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.post_mortem import PostMortem
from shared.ledger.replay import Replay
from shared.ledger.states import State
from shared.ledger.ticks import TRIES, Ticks
from shared.ledger.work import Settlement, Starting

WHO = "key abc"
ALL = Matching(Filters(), expected=None)
TICK = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
MESSAGE = {
    "queue_name": "cleanup", "actor_name": "cleanup.empty_outbox", "args": [], "options": {},
    "kwargs": {"tick": {"v": 1, "job": "outbox", "tick": TICK.isoformat()}}, "message_id": str(new_id()),
}  # fmt: skip


@pytest.fixture
def letters(database):
    return DeadLetters(database)


@pytest.fixture
def enqueued():
    """Messages of tasks that were sent again."""
    return []


@pytest.fixture
def replay(database, enqueued):
    return Replay(database, enqueued.append)


@pytest.fixture
def die(acceptance, project_id, drafts, work):
    """Kill deliveries; their ids."""

    def kill(count=1, *, outcome="rejected", why=None, provider="twilio", code="21211", **changes):
        queue = f"{changes.get('channel', 'sms')}.{changes.get('lane', 'normal')}"
        acceptance.accept(project_id, drafts(count, **changes))
        claimed = work.claim(queue, count, 30.0)
        work.start([Starting(item, provider) for item in claimed])
        work.settle(
            [
                Settlement(
                    item.id, item.fence, State.FAILED, outcome, provider, code=code, detail="No such number.", why=why
                )
                for item in claimed
            ]
        )
        return [item.id for item in claimed]

    return kill


@pytest.fixture
def bury(database):
    """A run of a periodic job that is out of tries; its letter's id."""

    def dead(tick=TICK):
        ticks = Ticks(database)
        message = MESSAGE | {"kwargs": {"tick": {"v": 1, "job": "outbox", "tick": tick.isoformat()}}}
        for _ in range(TRIES):
            assert ticks.claim("outbox", tick)
            ticks.fail("outbox", tick, "DiskFull: no room")
        task = DeadTask("m-1", "cleanup", "cleanup.empty_outbox", Why.EXHAUSTED, "DiskFull", message, run_of(message))
        assert Graves(database).bury(task)
        return letter_id(task)

    return dead


def state_of(database, *ids):
    rows = database.rows(text("SELECT state FROM deliveries WHERE id = ANY(:ids)"), {"ids": list(ids)})
    return {row.state for row in rows}


def test_letters_are_found_by_what_is_known_of_them(letters, project_id, die):
    (refused,) = die()
    (exhausted,) = die(outcome="unavailable", code="503", provider="vonage", lane="bulk")
    (broken,) = die(outcome="rejected", why="not-composed", code=None, channel="email", targets=("ada@example.com",))

    def found(**given):
        return [letter.id for letter in letters.page(project_id, Filters(**given)).items]

    assert found() == [broken, exhausted, refused], "newest first"
    assert found(why=Why.REFUSED) == found(code="21211") == found(queue="sms.normal") == [refused]
    assert found(why=Why.EXHAUSTED) == found(name="vonage") == [exhausted]
    assert found(channel="email") == found(why=Why.NOT_COMPOSED) == [broken]
    assert found(template="welcome") == found(died_before=datetime(2020, 1, 1, tzinfo=UTC)) == []
    assert letters.count(project_id, Filters(channel="sms")) == 2


def test_pages_are_walked_by_their_cursors(letters, project_id, die):
    ids = die(5)
    first = letters.page(project_id, Filters(), limit=3)
    second = letters.page(project_id, Filters(), limit=3, cursor=first.next)
    assert sorted(letter.id for letter in (*first.items, *second.items)) == sorted(ids)
    assert second.next is None
    with pytest.raises(InvalidInput, match="Not a cursor"):
        letters.page(project_id, Filters(), cursor="bm9uZQ")


def test_one_is_told_with_its_attempts_and_what_replaying_would_do(database, project_id, die):
    (one,) = die()
    found = PostMortem(database).of(project_id, one)
    (attempt,) = found.attempts
    assert (found.why, found.name, found.code, found.detail) == ("refused", "twilio", "21211", "No such number.")
    assert (attempt.provider, attempt.outcome, attempt.code) == ("twilio", "rejected", "21211")
    assert (found.replayable, "sms.normal" in found.replay) == (True, True)
    assert found.recipient == {"phone": "+447700900123"}


def test_another_projects_letters_are_not_there(database, letters, replay, project_id, die):
    (one,) = die()
    stranger = Keys(database).project("stranger")
    assert letters.page(stranger, Filters()).items == []
    for ask in (
        lambda: PostMortem(database).of(stranger, one),
        lambda: replay.replay(stranger, Kind.DELIVERY, Ids([one]), WHO),
        lambda: replay.purge(stranger, Kind.DELIVERY, Ids([one]), WHO),
    ):
        with pytest.raises(NotFound, match="no dead letter"):
            ask()
    replay.purge(stranger, Kind.DELIVERY, ALL, WHO)
    assert letters.count(project_id, Filters()) == 1


def test_a_replayed_delivery_is_sent_again_from_the_beginning(database, letters, replay, project_id, die, work):
    (one,) = die()
    done = replay.replay(project_id, Kind.DELIVERY, Ids([one]), WHO)
    assert (done.done, done.skipped, done.queues) == (1, 0, {"sms.normal"})
    assert letters.page(project_id, Filters()).items == []
    (claimed,) = work.claim("sms.normal", 5, 30.0)
    assert (claimed.id, claimed.attempts, claimed.deaths) == (one, 0, 0)
    (deed,) = deeds(database, project_id)
    assert (deed.who, deed.what, deed.subject) == (WHO, "dead-letters.replayed", str(one))


def test_one_with_an_ordering_key_goes_to_the_end_of_its_line(replay, project_id, acceptance, drafts, work):
    acceptance.accept(project_id, drafts(3, ordering_key="order-7"))
    (first,) = work.claim("sms.normal", 5, 30.0)
    work.start([Starting(first, "twilio")])
    work.settle([Settlement(first.id, first.fence, State.FAILED, "rejected", "twilio")])
    assert replay.replay(project_id, Kind.DELIVERY, Ids([first.id]), WHO).done == 1
    sent = []
    for _ in range(3):
        (head,) = work.claim("sms.normal", 5, 30.0)
        work.start([Starting(head, "twilio")])
        work.settle([Settlement(head.id, head.fence, State.SENT, "sent", "twilio")])
        sent.append(head.id)
    assert (sent[-1], len(set(sent))) == (first.id, 3)


def test_what_is_not_dead_is_not_replayed(replay, project_id, die):
    one, two = die(2)
    replay.replay(project_id, Kind.DELIVERY, Ids([one]), WHO)
    with pytest.raises(Conflict, match="not dead: it is queued"):
        replay.replay(project_id, Kind.DELIVERY, Ids([one]), WHO)
    with pytest.raises(NotFound, match="no dead letter"):
        replay.replay(project_id, Kind.DELIVERY, Ids([new_id()]), WHO)
    done = replay.replay(project_id, Kind.DELIVERY, Ids([one, two]), WHO)
    assert (done.done, done.skipped, list(done.refusals)) == (1, 1, [one])


def test_the_expired_and_the_wiped_are_skipped_and_not_lost(database, replay, letters, project_id, die, sealer):
    (expired,) = die(expires_at=datetime.now(UTC) + timedelta(hours=1))
    (wiped,) = die(secret=sealer.seal({"code": "481516"}))
    database.execute(text("UPDATE deliveries SET expires_at = now() WHERE id = :id"), {"id": expired})
    (good,) = die()
    done = replay.replay(project_id, Kind.DELIVERY, ALL, WHO)
    assert (done.done, done.skipped) == (1, 2)
    assert "expired" in done.refusals[expired]
    assert "wiped" in done.refusals[wiped]
    assert state_of(database, expired, wiped) == {"failed"}
    assert state_of(database, good) == {"queued"}
    assert {letter.id for letter in letters.page(project_id, Filters()).items} == {expired, wiped}
    assert not PostMortem(database).of(project_id, wiped).replayable
    with pytest.raises(Conflict, match="new code"):
        replay.replay(project_id, Kind.DELIVERY, Ids([wiped]), WHO)


def test_a_filter_does_nothing_when_other_than_expected_match(database, replay, letters, project_id, die):
    ids = die(3)
    with pytest.raises(Conflict, match="3 match now, not 2"):
        replay.purge(project_id, Kind.DELIVERY, Matching(Filters(), expected=2), WHO)
    assert letters.count(project_id, Filters()) == 3
    assert replay.replay(project_id, Kind.DELIVERY, Matching(Filters(), expected=3), WHO).done == 3
    assert state_of(database, *ids) == {"queued"}


def test_many_are_done_in_chunks_and_calls_that_meet_at_a_cursor(database, letters, project_id, die):
    replay = Replay(database, print, chunk=2, most=4)
    die(7)
    first = replay.replay(project_id, Kind.DELIVERY, Matching(Filters(), expected=7), WHO)
    assert (first.done, letters.count(project_id, Filters())) == (4, 3)
    (late,) = die()
    second = replay.replay(project_id, Kind.DELIVERY, Matching(Filters(), None, cursor=first.next), WHO)
    assert (second.done, second.next) == (3, None)
    assert [letter.id for letter in letters.page(project_id, Filters()).items] == [late], "it died since"


def test_a_purged_delivery_is_still_failed_and_can_be_retried(database, replay, letters, project_id, die):
    (one,) = die()
    assert replay.purge(project_id, Kind.DELIVERY, Ids([one]), WHO).done == 1
    assert state_of(database, one) == {"failed"}
    with pytest.raises(Conflict, match="still failed: `crier retry`"):
        replay.replay(project_id, Kind.DELIVERY, Ids([one]), WHO)
    (notification,) = database.rows(text("SELECT notification_id AS id FROM deliveries"))
    assert Actions(database).retry(project_id, notification.id, WHO) == ["sms.normal"]
    assert [deed.what for deed in deeds(database, project_id)] == ["dead-letters.purged"]


def test_a_retry_takes_the_letter_away(database, letters, project_id, die):
    die()
    (notification,) = database.rows(text("SELECT notification_id AS id FROM deliveries"))
    Actions(database).retry(project_id, notification.id, WHO)
    assert letters.count(project_id, Filters()) == 0


def test_replays_at_once_send_once(database, project_id, die, enqueued):
    die(40)
    replay = Replay(database, enqueued.append)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: replay.replay(project_id, Kind.DELIVERY, ALL, WHO).done, range(4)))
    assert sum(done) == 40


def test_a_run_that_is_out_of_tries_has_one_letter(database, letters, project_id, bury):
    bury()
    (letter,) = letters.page(project_id, Filters(kind=Kind.TASK)).items
    assert (letter.why, letter.name, letter.detail) == ("exhausted", "cleanup.empty_outbox", "DiskFull: no room")
    task = DeadTask("m-2", "cleanup", "cleanup.empty_outbox", Why.EXHAUSTED, None, MESSAGE, run_of(MESSAGE))
    assert not Graves(database).bury(task)
    assert letters.page(project_id, Filters()).items == [], "a project's own are another matter"


def test_a_run_whose_workers_died_is_poison_once_its_lease_is_over(database, letters, project_id):
    ticks, graves = Ticks(database), Graves(database)
    task = DeadTask("m-1", "cleanup", "cleanup.empty_outbox", Why.EXHAUSTED, None, MESSAGE, run_of(MESSAGE))
    for _ in range(TRIES):
        assert not graves.bury(task, lease=60)
        assert ticks.claim("outbox", TICK, lease=0)
    assert graves.spent("outbox") == [TICK]
    assert not graves.bury(task), "somebody may still be at it"
    assert not graves.bury(task, lease=60)
    assert graves.bury(task, lease=0)
    (letter,) = letters.page(project_id, Filters(kind=Kind.TASK)).items
    assert (letter.why, letter.detail) == ("poison", "Every worker that ran it died.")


def test_a_replayed_run_may_begin_again(database, letters, replay, project_id, bury, enqueued):
    one = bury()
    ticks = Ticks(database)
    assert not ticks.claim("outbox", TICK)
    with pytest.raises(NotFound):
        replay.replay(project_id, Kind.DELIVERY, Ids([one]), WHO)
    assert replay.replay(project_id, Kind.TASK, Ids([one]), WHO).done == 1
    assert [message["actor_name"] for message in enqueued] == ["cleanup.empty_outbox"]
    assert ticks.claim("outbox", TICK)
    assert letters.count(project_id, Filters(kind=Kind.TASK)) == 0


def test_a_run_that_a_later_one_has_overtaken_is_not_replayed(database, replay, project_id, bury, enqueued):
    one = bury()
    Ticks(database).claim("outbox", TICK + timedelta(days=1))
    assert not PostMortem(database).of(project_id, one, tasks=True).replayable
    with pytest.raises(Conflict, match="later run"):
        replay.replay(project_id, Kind.TASK, Ids([one]), WHO)
    assert enqueued == []


def test_a_broker_that_is_away_loses_no_letter(database, letters, project_id, bury):
    def away(_):
        raise ConnectionError

    one = bury()
    with pytest.raises(ConnectionError):
        Replay(database, away).replay(project_id, Kind.TASK, Ids([one]), WHO)
    assert letters.count(project_id, Filters(kind=Kind.TASK)) == 1
    assert PostMortem(database).of(project_id, one, tasks=True).replayable


def test_what_was_no_message_is_shown_and_not_run(database, replay, project_id, enqueued):
    task = DeadTask(str(new_id()), "sms.normal", "?", Why.UNREADABLE, "It is not JSON.", {"text": "%!"})
    Graves(database).bury(task)
    with pytest.raises(Conflict, match="no message of Crier"):
        replay.replay(project_id, Kind.TASK, Ids([letter_id(task)]), WHO)
    with pytest.raises(NotFound):
        PostMortem(database).of(project_id, letter_id(task))
    assert PostMortem(database).of(project_id, letter_id(task), tasks=True).message == {"text": "%!"}
    assert replay.purge(project_id, Kind.TASK, ALL, WHO).done == 1
    assert enqueued == []
