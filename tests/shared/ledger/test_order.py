"""What shares an ordering key is sent one at a time, in the order accepted."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.ledger import order
from shared.ledger.actions import Actions
from shared.ledger.draft import IdempotencyKey
from shared.ledger.ids import new_id
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting

QUEUE, LEASE = "sms.normal", 30.0


def take(work):
    """Claim and start what may be sent now, in one go."""
    items = work.claim(QUEUE, 100, LEASE)
    work.start([Starting(item, "test") for item in items])
    return items


def settle(work, items, state=State.SENT, **said):
    return work.settle([Settlement(i.id, i.fence, state, str(state), "test", **said) for i in items])


def notifications(items):
    return [item.notification_id for item in items]


@pytest.fixture
def three(acceptance, project_id, drafts):
    """Three notifications of one key, accepted one after the other; their ids."""
    made = [drafts(1, ordering_key="k")[0] for _ in range(3)]
    for draft in made:
        acceptance.accept(project_id, [draft])
    return [draft.id for draft in made]


def test_one_at_a_time_and_in_order(three, work):
    for expected in three:
        items = take(work)
        assert notifications(items) == [expected]
        assert work.claim(QUEUE, 100, LEASE) == []
        assert settle(work, items) == ([QUEUE] if expected != three[-1] else [])
    assert work.claim(QUEUE, 100, LEASE) == []


def test_other_keys_and_other_projects_do_not_wait(acceptance, drafts, work, database, project_id, three):
    from shared.ledger.keys import Keys

    other = Keys(database).project("other")
    acceptance.accept(project_id, drafts(1, ordering_key="else"))
    acceptance.accept(other, drafts(1, ordering_key="k"))
    acceptance.accept(project_id, drafts(1))
    assert len(work.claim(QUEUE, 100, LEASE)) == 4


@pytest.mark.parametrize("end", [State.SENT, State.DELIVERED, State.FAILED])
def test_whatever_ends_the_first_frees_the_second(three, work, end):
    settle(work, take(work), end)
    assert notifications(take(work)) == [three[1]]


def test_a_retry_keeps_its_place(three, work):
    settle(work, take(work), State.QUEUED, delay=0)
    assert notifications(take(work)) == [three[0]]


def test_what_is_held_as_unknown_keeps_its_place_until_it_is_decided(three, work, database, project_id):
    settle(work, take(work), State.UNKNOWN, held=True)
    assert work.claim(QUEUE, 100, LEASE) == []
    Actions(database).retry(project_id, three[0], "test")
    items = take(work)
    assert notifications(items) == [three[0]], "sent again before those behind it"
    settle(work, items)
    assert notifications(take(work)) == [three[1]]


def test_cancelled_at_the_head_or_in_the_middle(three, work, database, project_id):
    actions = Actions(database)
    actions.cancel(project_id, three[1], "test")
    actions.cancel(project_id, three[0], "test")
    assert notifications(take(work)) == [three[2]]


def test_expired_at_the_head(acceptance, project_id, drafts, work, recovery, database):
    soon = datetime.now(UTC) + timedelta(hours=1)
    first, second = drafts(1, ordering_key="k", expires_at=soon)[0], drafts(1, ordering_key="k")[0]
    acceptance.accept(project_id, [first])
    acceptance.accept(project_id, [second])
    past = "UPDATE deliveries SET expires_at = now() - interval '1 s' WHERE notification_id = :id"
    database.execute(text(past), {"id": first.id})
    assert recovery.expire() == 1
    assert notifications(take(work)) == [second.id]


def test_expired_at_the_gate(acceptance, project_id, drafts, work, database):
    first, second = drafts(1, ordering_key="k")[0], drafts(1, ordering_key="k")[0]
    acceptance.accept(project_id, [first, second])
    items = work.claim(QUEUE, 100, LEASE)
    database.execute(text("UPDATE deliveries SET expires_at = now() - interval '1 s' WHERE lease_until IS NOT NULL"))
    assert work.start([Starting(item, "test") for item in items]) == frozenset()
    assert notifications(take(work)) == [second.id]


def test_a_dead_worker_keeps_the_order(three, work, database, recovery):
    take(work)
    database.execute(text("UPDATE deliveries SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL"))
    recovery.reap(patience=0)
    assert notifications(take(work)) == [three[0]]


def test_the_first_is_for_later(acceptance, project_id, drafts, work, database):
    later = datetime.now(UTC) + timedelta(hours=1)
    acceptance.accept(project_id, drafts(1, ordering_key="k", send_at=later))
    acceptance.accept(project_id, drafts(1, ordering_key="k"))
    assert take(work) == []
    states = database.rows(text("SELECT state, due_at IS NULL AS waits FROM deliveries ORDER BY id"))
    assert [tuple(row) for row in states] == [("scheduled", False), ("scheduled", True)]


def test_sent_again_by_hand_goes_to_the_end(three, work, database, project_id):
    settle(work, take(work), State.FAILED)
    Actions(database).retry(project_id, three[0], "test")
    sent = []
    while items := take(work):
        sent += notifications(items)
        settle(work, items)
    assert sent == [three[1], three[2], three[0]]


def test_those_who_were_passed_over_are_found(three, work, database):
    """As if the second had been accepted while the first ended, seen by neither."""
    items = take(work)
    database.execute(text("UPDATE deliveries SET state = 'sent', lease_until = NULL WHERE state = 'started'"))
    assert take(work) == []
    assert order.sweep(database) == [QUEUE]
    assert notifications(take(work)) == [three[1]]
    assert order.sweep(database) == []
    assert items


def test_under_one_idempotency_key_it_stands_in_line_once(acceptance, project_id, drafts, database):
    key = IdempotencyKey("once", b"hash", {"state": "queued"})
    [draft] = drafts(1, ordering_key="k")
    assert acceptance.accept(project_id, [draft], key=key).ids
    assert acceptance.accept(project_id, [draft], key=key).replayed == {"state": "queued"}
    assert database.rows(text("SELECT count(*) AS n FROM ordered"))[0].n == 1


def test_many_accept_and_many_send_at_once(acceptance, project_id, drafts, work, database):
    """Eight callers, four workers of which one often has to try again: and each caller sees its order kept."""
    keys = [f"k{number}" for number in range(6)]
    sent, accepted = defaultdict(list), defaultdict(list)

    def accept(caller):
        for number in range(12):
            key = keys[(caller + number) % len(keys)]
            [draft] = drafts(1, id=new_id(), ordering_key=key)
            acceptance.accept(project_id, [draft])
            accepted[caller, key].append(draft.id)

    def deliver(worker):
        for round_ in range(400):
            items = take(work)
            if worker == 0 and round_ % 5 == 4:
                work.settle([Settlement(i.id, i.fence, State.QUEUED, "unavailable", "test") for i in items])
                continue
            for item in items:
                sent[item.notification_id].append(item.id)
            settle(work, items)
            if worker == 1:
                order.sweep(database)

    with ThreadPoolExecutor(12) as pool:
        done = [pool.submit(accept, caller) for caller in range(8)]
        done += [pool.submit(deliver, worker) for worker in range(4)]
        for each in done:
            each.result()
    left = take(work)
    while left:
        settle(work, left)
        left = take(work)
    rows = database.rows(text("SELECT notification_id, state FROM deliveries ORDER BY settled_at"))
    assert [row.state for row in rows] == ["sent"] * 96
    assert all(len(calls) == 1 for calls in sent.values())
    place = {row.notification_id: number for number, row in enumerate(rows)}
    for mine in accepted.values():
        assert [place[one] for one in mine] == sorted(place[one] for one in mine)
    assert database.rows(text("SELECT count(*) AS n FROM ordered"))[0].n == 0
