"""Digests in the ledger: what is added is in one message, whoever closes and claims at that moment."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.errors import CrierError
from shared.ledger.acceptance import Acceptance, Draft, IdempotencyKey
from shared.ledger.actions import Actions
from shared.ledger.conservation import Conservation
from shared.ledger.database import Database
from shared.ledger.digests import Digests, Item, Joined
from shared.ledger.ids import new_id
from shared.ledger.recovery import Recovery
from shared.ledger.settlement import Settlement
from shared.ledger.states import State
from shared.ledger.suppressions import Suppressions
from shared.ledger.work import Starting, Work

MOST = 500


class Scene:
    """A project and short ways to add, to let time pass and to look."""

    def __init__(self, database: Database, project_id: int, make: Callable[..., list[Draft]]) -> None:
        self.database, self.project_id, self.make = database, project_id, make
        self.acceptance, self.digests = Acceptance(database), Digests(database)
        self.key = uuid4()

    def add(
        self, name: str, seconds: float = 3600, *, key: UUID | None = None, idempotency: str | None = None
    ) -> Joined:
        [draft] = self.make(1, template_id=1, content=None)
        item = Item(key or self.key, datetime.now(UTC) + timedelta(seconds=seconds), {"name": name}, {"last": name})
        once = IdempotencyKey(idempotency, b"hash", {}) if idempotency else None
        return self.digests.add(
            self.acceptance, self.project_id, draft, item, key=once,
            answer=lambda joined: {"id": str(joined.notification_id), "collected": joined.count},
        )  # fmt: skip

    def names(self, identifier: UUID, most: int = MOST) -> list[str]:
        return [item["name"] for item in self.digests.close(identifier, most).items]

    def let_it_close(self) -> None:
        """Let the window of every digest pass."""
        self.database.execute(text("UPDATE digests SET closes_at = now()"))
        self.database.execute(text("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL"))

    def row(self, identifier: UUID) -> Any:
        [row] = self.database.rows(text("SELECT * FROM deliveries WHERE id = :id"), {"id": identifier})
        return row


@pytest.fixture
def scene(database: Database, project_id: int, drafts: Callable[..., list[Draft]]) -> Scene:
    return Scene(database, project_id, drafts)


def test_what_comes_while_it_is_open_joins_the_first(scene: Scene) -> None:
    first, second, third = scene.add("a"), scene.add("b"), scene.add("c")
    assert {one.notification_id for one in (first, second, third)} == {first.notification_id}
    assert [one.count for one in (first, second, third)] == [1, 2, 3]
    row = scene.row(first.notification_id)
    assert row.state == "scheduled"
    assert abs((row.due_at - first.closes_at).total_seconds()) < 0.001
    assert row.reason == f"It collects until {first.closes_at:%Y-%m-%d %H:%M:%S} UTC."
    assert scene.names(first.notification_id) == ["a", "b", "c"]


def test_others_have_a_digest_of_their_own(scene: Scene) -> None:
    assert scene.add("a").notification_id != scene.add("b", key=uuid4()).notification_id


def test_one_is_accepted_and_the_books_are_even(scene: Scene, database: Database) -> None:
    for name in "abcde":
        scene.add(name)
    [notification] = database.rows(text("SELECT digest, data FROM notifications"))
    assert (notification.digest, notification.data) == (True, None)
    assert all(account.is_even for account in Conservation(database).everything())
    assert database.rows(text("SELECT sum(deliveries) FROM tally"))[0][0] == 1


def test_a_closed_one_collects_no_more_and_stays_as_it_is(scene: Scene) -> None:
    first = scene.add("a").notification_id
    scene.add("b")
    assert scene.names(first) == ["a", "b"]
    second = scene.add("c")
    assert (second.count, second.notification_id != first) == (1, True)
    assert scene.names(first) == ["a", "b"], "whoever tries again finds the same"
    assert scene.names(second.notification_id) == ["c"]


def test_one_whose_window_has_passed_collects_no_more_though_nobody_closed_it(scene: Scene) -> None:
    first = scene.add("a").notification_id
    scene.let_it_close()
    second = scene.add("b").notification_id
    assert second != first
    assert (scene.names(first), scene.names(second)) == (["a"], ["b"])


@pytest.mark.parametrize("end", ["cancelled", "expired", "suppressed"])
def test_after_one_that_ended_the_next_item_opens_another(scene: Scene, database: Database, end: str) -> None:
    first = scene.add("a").notification_id
    if end == "cancelled":
        Actions(database).cancel(scene.project_id, first, "test")
    else:
        database.execute(
            text("UPDATE deliveries SET state = :state, due_at = NULL WHERE id = :id"), {"state": end, "id": first}
        )
    second = scene.add("b")
    assert (second.count, second.notification_id != first) == (1, True)
    assert scene.row(second.notification_id).state == "scheduled"


def test_whoever_must_not_be_written_to_is_told_and_nothing_stays_open(scene: Scene, database: Database) -> None:
    Suppressions(database).add(
        scene.project_id, "sms", "+447700900123", scope="everything", reason="manual", source="test"
    )
    first, second = scene.add("a"), scene.add("b")
    assert first.suppressed and second.suppressed
    assert first.notification_id != second.notification_id
    assert scene.row(first.notification_id).state == "suppressed"


def test_a_repetition_under_the_same_key_adds_nothing(scene: Scene) -> None:
    first = scene.add("a", idempotency="k1")
    scene.add("b", idempotency="k2")
    again = scene.add("a", idempotency="k1")
    assert again.replayed == {"id": str(first.notification_id), "collected": 1}
    assert scene.names(first.notification_id) == ["a", "b"]


def test_of_too_many_the_newest_are_read_and_all_are_counted(scene: Scene) -> None:
    first = scene.add("0").notification_id
    for number in range(1, 12):
        scene.add(str(number))
    found = scene.digests.close(first, 5)
    assert [item["name"] for item in found.items] == ["7", "8", "9", "10", "11"]
    assert (found.count, found.variables) == (12, {"last": "11"})


def test_what_is_gone_is_said_so(scene: Scene) -> None:
    with pytest.raises(CrierError, match="has been removed"):
        scene.digests.close(new_id(), MOST)


def test_an_item_that_is_being_added_is_waited_for(scene: Scene, database: Database) -> None:
    """The worker waits for the row, and then sees what was committed meanwhile."""
    first = scene.add("a").notification_id
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            connection.execute(text("UPDATE digests SET count = 2"))
            connection.execute(text("INSERT INTO digest_items SELECT :id, 2, '{\"name\": \"b\"}', '{}'"), {"id": first})
            closing = pool.submit(scene.names, first)
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            while not database.rows(waiting)[0][0]:
                assert not closing.done()
        assert closing.result() == ["a", "b"]


def test_two_hundred_threads_add_while_windows_close_and_workers_claim(scene: Scene, database: Database) -> None:
    """Every item is in exactly one message, whoever was faster."""
    keys, done = [uuid4(), uuid4(), uuid4()], threading.Event()
    messages: dict[UUID, list[str]] = {}
    seen = threading.Lock()

    def add(number: int) -> None:
        for turn in range(3):
            scene.add(f"{number}.{turn}", seconds=0.05 * (1 + number % 3), key=keys[number % 3])

    def deliver(_: int) -> None:
        work = Work(database)
        while True:
            last = done.is_set()
            items = work.claim("sms.normal", 5, 30)
            for item in items:
                names = scene.names(item.notification_id)
                assert names == scene.names(item.notification_id)
                if item.id in work.start([Starting(item, "twilio")]):
                    with seen:
                        assert item.notification_id not in messages
                        messages[item.notification_id] = names
                    work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "twilio")])
            if last and not items and not waiting():
                return

    def waiting() -> bool:
        return bool(database.rows(text("SELECT FROM deliveries WHERE due_at IS NOT NULL OR lease_until IS NOT NULL")))

    with ThreadPoolExecutor(4) as workers, ThreadPoolExecutor(200) as threads:
        delivering = [workers.submit(deliver, number) for number in range(4)]
        try:
            for adding in [threads.submit(add, number) for number in range(200)]:
                adding.result()
        finally:
            done.set()
        for each in delivering:
            each.result()
    found = Counter(name for names in messages.values() for name in names)
    assert found == Counter(f"{number}.{turn}" for number in range(200) for turn in range(3))
    assert 3 <= len(messages) < 600, "some were sent together, and more than one window closed"


def test_a_worker_that_dies_between_closing_and_sending_loses_nothing(scene: Scene, database: Database) -> None:
    first = scene.add("a").notification_id
    scene.add("b")
    scene.let_it_close()
    work = Work(database)
    [item] = work.claim("sms.normal", 10, 30)
    assert item.digest is True
    assert scene.names(item.notification_id) == ["a", "b"]
    # It dies here; its lease ends, and meanwhile another item comes.
    third = scene.add("c")
    database.execute(text("UPDATE deliveries SET lease_until = now() - interval '1 s' WHERE id = :id"), {"id": first})
    [reaped] = Recovery(database).reap(patience=0)
    assert (reaped.id, reaped.state) == (first, "queued")
    [again] = work.claim("sms.normal", 10, 30)
    assert (again.id, scene.names(again.notification_id)) == (first, ["a", "b"])
    assert scene.names(third.notification_id) == ["c"]
