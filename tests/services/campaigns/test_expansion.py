"""Members become notifications, each once, whatever dies and however often it is paused."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from services.campaigns.expansion import CHUNK
from shared.errors import LedgerUnavailable
from shared.ledger.campaign_turns import MOST_DEATHS, Turn
from shared.ledger.database import Database
from shared.ledger.recovery import Recovery
from tests.services.campaigns.conftest import QUEUE, WHO, Ground, Hurry, make_ground


def numbers(count: int) -> Counter[str]:
    return Counter(f"+4477009{number:05d}" for number in range(count))


def test_everybody_is_sent_to_once(ground: Ground) -> None:
    ground.people(2 * CHUNK + 1)
    made = ground.released()
    assert ground.send_all() == numbers(2 * CHUNK + 1)
    assert QUEUE in ground.rung.queues
    found = ground.now(made)
    assert (found.taken, found.refused, found.state) == (2 * CHUNK + 1, 0, "running")


def test_it_is_done_once_nothing_waits_any_more(ground: Ground, hurry: Hurry) -> None:
    ground.people(3)
    made = ground.released()
    ground.engine.step()
    hurry()
    ground.engine.step()
    assert ground.now(made).state == "running"
    ground.send(ground.claim())
    hurry()
    ground.engine.step()
    found = ground.now(made)
    assert (found.state, found.next_at, found.ended_at is not None) == ("done", None, True)
    progress = ground.book.show(ground.project_id, made.id)["progress"]
    assert (progress["states"], progress["share"], progress["left"]) == ({"sent": 3}, 1.0, 0)
    assert not ground.engine.step()


def test_a_turn_that_dies_is_as_if_it_had_not_been(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows and the place are written together, whichever of them the process dies after."""
    ground.people(CHUNK + 10)
    made = ground.released()
    taken = Turn.taken

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for step in (Turn.refuse, Turn.move, taken):
        with monkeypatch.context() as broken:
            broken.setattr(Turn, step.__name__, die)
            with pytest.raises(KeyboardInterrupt):
                ground.engine.step()
        assert (ground.now(made).taken, ground.states()) == (0, Counter())
    assert ground.send_all() == numbers(CHUNK + 10)


def test_two_services_at_once_take_turns(ground: Ground, database: Database) -> None:
    ground.people(10)
    made = ground.released()
    other = make_ground(database)
    with ground.engine.turns.take() as turn:
        assert turn is not None
        assert turn.campaign.id == made.id
        with other.engine.turns.take() as second:
            assert second is None
    assert other.engine.step()
    assert ground.send_all() == numbers(10)


def test_one_that_fails_keeps_no_other_from_going_on(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.people(5, "broken")
    ground.load("phone\n+447700900999\n", "whole")
    broken, whole = ground.released("broken"), ground.released("whole")
    find = ground.engine.expansion.preparer.of

    def fail(campaign: object) -> object:
        if getattr(campaign, "id", None) == broken.id:
            raise RuntimeError("no such thing")
        return find(campaign)  # type: ignore[arg-type]

    monkeypatch.setattr(ground.engine.expansion.preparer, "of", fail)
    assert ground.send_all() == Counter({"+447700900999": 1})
    assert "RuntimeError" in (ground.now(broken).problem or "")
    assert ground.now(whole).problem is None


def test_what_kills_its_service_every_time_waits_for_a_person(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.people(1)
    made = ground.released()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Turn, "wave", die)
        for _ in range(MOST_DEATHS):
            with pytest.raises(KeyboardInterrupt):
                ground.engine.step()
        assert not ground.engine.step()
    found = ground.now(made)
    assert (found.state, found.next_at) == ("paused", None)
    assert "died" in (found.problem or "")
    ground.book.resume(ground.project_id, made.id, who=WHO)
    assert ground.send_all() == numbers(1)


def test_campaigns_that_are_due_share_the_turns(ground: Ground) -> None:
    ground.people(3 * CHUNK, "large")
    ground.load("phone\n+447700900999\n", "small")
    ground.released("large")
    small = ground.released("small")
    for _ in range(2):
        ground.engine.step()
    assert ground.now(small).taken == 1


def test_no_more_is_in_the_ledger_than_workers_have_room_for(database: Database, hurry: Hurry) -> None:
    ground = make_ground(database, window=1500)
    ground.people(4 * CHUNK)
    made = ground.released()
    for _ in range(4):
        ground.engine.step()
        hurry()
    assert ground.states() == {"queued": 2 * CHUNK}
    while len(ground.send(ground.claim(1000))):
        pass
    hurry()
    ground.engine.step()
    assert ground.now(made).taken == 3 * CHUNK


def test_a_member_to_whom_nothing_can_be_sent_is_told_and_passed_over(ground: Ground) -> None:
    ground.load("email,phone\nada@example.com,\n,+447700900001\n")
    made = ground.released()
    assert ground.send_all() == Counter({"+447700900001": 1})
    found = ground.now(made)
    assert (found.taken, found.refused) == (2, 1)
    assert found.batch_id is not None
    [error] = ground.book.batches.errors(ground.project_id, found.batch_id)
    assert (error.row, error.field) == (2, "to.phone")


def test_a_scheduled_one_waits_for_its_moment(ground: Ground) -> None:
    ground.people(1)
    later = datetime.now().astimezone() + timedelta(hours=1)
    made = ground.released(send_at=later.isoformat())
    assert ground.now(made).state == "scheduled"
    assert not ground.engine.step()
    assert ground.engine.step(now=later)
    assert ground.now(made).state == "running"


def test_ids_are_of_the_time_it_began_and_not_of_its_making(ground: Ground, database: Database) -> None:
    ground.people(1)
    made = ground.released(send_at=(datetime.now().astimezone() + timedelta(days=40)).isoformat())
    assert ground.now(made).batch_id is None
    database.execute(text("UPDATE campaigns SET next_at = now()"))
    database.execute(text("UPDATE campaign_waves SET starts_at = now()"))
    ground.engine.step()
    assert ground.now(made).batch_id is not None


def test_the_relay_rings_for_what_is_due_and_for_nothing_else(ground: Ground) -> None:
    turns = ground.engine.turns
    assert not turns.due()
    ground.people(1)
    made = ground.released()
    assert turns.due()
    ground.book.pause(ground.project_id, made.id, who=WHO)
    assert not turns.due()
    assert Recovery(ground.database).due_queues() == []


def test_outages_of_the_ledger_are_not_held_against_it(
    ground: Ground, hurry: Hurry, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    ground.people(3)
    made = ground.released()

    def lost(_: object, __: object) -> None:
        raise LedgerUnavailable("The ledger is not available: gone")

    with monkeypatch.context() as outage:
        outage.setattr(Turn, "begin", lost)
        for _ in range(MOST_DEATHS + 1):
            with pytest.raises(LedgerUnavailable):
                ground.engine.step()
            hurry()
    assert ground.send_all() == numbers(3)
    assert ground.now(made).problem is None
