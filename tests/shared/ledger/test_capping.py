"""Caps at the gate: who is started, who is dropped, who waits, and what is counted."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.actions import Actions
from shared.ledger.caps import Cap, Caps
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.recovery import Recovery
from shared.ledger.settlement import Settlement
from shared.ledger.states import State
from shared.ledger.suppressions import Suppressions
from shared.ledger.work import Claimed, Starting, Work

AGED = text("UPDATE contacts SET at = at - make_interval(secs => :seconds)")
WEEK = Cap("promotions-a-week", 3, "7d", 604_800, "promotion", None, (), "drop")
WAITING = WEEK._replace(name="calm", most=2, per="1h", seconds=3600, kind=None, over="wait")


class Scene:
    """A project with caps, and short ways to send and look."""

    def __init__(self, database: Database, project_id: int, make: Callable[..., list[Draft]]) -> None:
        self.database, self.project_id, self.make = database, project_id, make
        self.work, self.acceptance = Work(database), Acceptance(database)

    def cap(self, *caps: Cap) -> None:
        for cap in caps:
            Caps(self.database).put(self.project_id, cap, who="test")
        self.work = Work(self.database)

    def accept(self, count: int = 1, *, kind: str = "promotion", **changes: Any) -> list[UUID]:
        drafts = self.make(count, kind=kind, **changes)
        self.acceptance.accept(self.project_id, drafts)
        return [draft.id for draft in drafts]

    def claim(self, queue: str = "sms.normal") -> list[Claimed]:
        return self.work.claim(queue, 100, 30)

    def start(self, items: Sequence[Claimed] | None = None) -> set[UUID]:
        claimed = self.claim() if items is None else items
        return set(self.work.start([Starting(item, "twilio") for item in claimed]))

    def settle(self, items: Sequence[Claimed], state: State = State.SENT, outcome: str = "sent") -> None:
        self.work.settle([Settlement(item.id, item.fence, state, outcome, "twilio") for item in items])

    def row(self, identifier: UUID) -> Any:
        [row] = self.database.rows(
            text("SELECT *, due_at - now() AS wait FROM deliveries WHERE id = :id"), {"id": identifier}
        )
        return row

    def states(self) -> dict[str, int]:
        rows = self.database.rows(text("SELECT state, count(*) AS many FROM deliveries GROUP BY state"))
        return {row.state: row.many for row in rows}

    def age(self, seconds: float) -> None:
        self.database.execute(AGED, {"seconds": seconds})

    def contacts(self) -> int:
        return int(self.database.rows(text("SELECT count(*) FROM contacts"))[0][0])

    def make_due(self) -> None:
        self.database.execute(text("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL"))


@pytest.fixture
def scene(database: Database, project_id: int, drafts: Callable[..., list[Draft]]) -> Scene:
    return Scene(database, project_id, drafts)


def test_what_is_over_the_cap_is_dropped_and_says_why(scene: Scene) -> None:
    scene.cap(WEEK)
    sent = [scene.accept()[0] for _ in range(4)]
    assert scene.start() == set(sent[:3])
    row = scene.row(sent[3])
    assert (row.state, row.reason) == ("suppressed", "Over the cap promotions-a-week: 3 in 7 days.")
    assert row.due_at is None and row.lease_until is None and row.settled_at is not None
    scene.age(604_801)
    assert len(scene.start(scene.claim() if scene.accept() else [])) == 1, "a week later there is room again"


def test_without_caps_nothing_is_counted(scene: Scene) -> None:
    scene.accept(3)
    assert len(scene.start()) == 3
    assert scene.contacts() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "transactional"},
        {"kind": "code"},
        {"channel": "email"},
        {"category": "newsletter"},
        {"lane": "critical"},
        {"recipient": {"user_id": "u_2"}},
        {"targets": ("+447700900999",)},
    ],
    ids="-".join,
)
def test_what_a_cap_does_not_concern_passes(scene: Scene, changes: dict[str, Any]) -> None:
    scene.cap(WEEK._replace(most=1, category="offers", channels=("sms",)))
    first = {"category": "offers"}
    scene.accept(**first)
    assert len(scene.start()) == 1
    [other] = scene.accept(**{**first, **changes})
    queue = f"{changes.get('channel', 'sms')}.{changes.get('lane', 'normal')}"
    assert scene.start(scene.claim(queue)) == {other}
    [over] = scene.accept(**first)
    assert scene.start() == set()
    assert scene.row(over).state == "suppressed"


@pytest.mark.parametrize(
    ("kind", "lane"), [("code", "normal"), ("transactional", "critical"), ("promotion", "critical")]
)
def test_codes_and_what_is_critical_are_never_kept_back(scene: Scene, kind: str, lane: str) -> None:
    scene.cap(WAITING._replace(most=1), WEEK._replace(most=1, kind=None))
    scene.accept(3, kind=kind, lane=lane)
    assert len(scene.start(scene.claim(f"sms.{lane}"))) == 3
    assert scene.contacts() == 0


def test_a_person_is_the_same_over_all_channels_and_spellings(scene: Scene) -> None:
    scene.cap(WEEK._replace(most=1))
    scene.accept(recipient={"user_id": "u_1"})
    assert len(scene.start()) == 1
    scene.accept(recipient={"user_id": "u_1"}, channel="email", targets=("ada@example.com",))
    assert scene.start(scene.claim("email.normal")) == set()
    scene.accept(recipient={}, channel="email", targets=("Ada@Example.com",))
    scene.accept(recipient={}, channel="email", targets=("ada@example.com",))
    assert len(scene.start(scene.claim("email.normal"))) == 1, "without an id a person is an address"


def test_a_message_to_several_devices_counts_once(scene: Scene) -> None:
    scene.cap(WEEK._replace(most=2))
    to = {"channel": "push", "recipient": {"user_id": "u_1"}}
    first = scene.accept(targets=("one", "two", "three"), **to)
    assert len(scene.start(scene.claim("push.normal"))) == 3
    scene.accept(targets=("one", "two", "three"), **to)
    assert len(scene.start(scene.claim("push.normal"))) == 3
    scene.accept(targets=("one", "two", "three"), **to)
    assert scene.start(scene.claim("push.normal")) == set()
    assert scene.states() == {"started": 6, "suppressed": 3}
    assert first


def test_what_waits_is_told_until_when_and_goes_then(scene: Scene) -> None:
    scene.cap(WAITING)
    sent = [scene.accept(kind="transactional")[0] for _ in range(5)]
    assert scene.start() == set(sent[:2])
    rows = [scene.row(one) for one in sent[2:]]
    assert {row.state for row in rows} == {"scheduled"}
    assert rows[0].reason.startswith("Over the cap calm: 2 in 1 hour. It waits until 20")
    waits = [round(row.wait.total_seconds() / 3600, 2) for row in rows]
    assert waits == [1.0, 1.0, 2.0], "those who wait do not all come back at once"
    scene.age(3601)
    scene.make_due()
    assert len(scene.start()) == 2
    assert scene.states() == {"started": 4, "scheduled": 1}


def test_waiting_ends_at_the_expiry(scene: Scene, database: Database) -> None:
    scene.cap(WAITING._replace(most=1))
    scene.accept()
    [other] = scene.accept()
    database.execute(text("UPDATE deliveries SET expires_at = now() + interval '1 min' WHERE id = :id"), {"id": other})
    scene.start()
    assert scene.row(other).state == "scheduled"
    database.execute(text("UPDATE deliveries SET expires_at = now() WHERE id = :id"), {"id": other})
    assert Recovery(database).expire() == 1
    assert scene.row(other).state == "expired"


def test_of_two_caps_the_one_that_drops_decides(scene: Scene) -> None:
    scene.cap(WAITING._replace(most=1), WEEK._replace(most=1))
    scene.accept()
    [over] = scene.accept()
    scene.start()
    assert scene.row(over).state == "suppressed"
    [waits] = scene.accept(kind="transactional")
    scene.start()
    assert scene.row(waits).state == "scheduled"


def test_a_retry_counts_once_and_takes_its_own_place(scene: Scene) -> None:
    scene.cap(WEEK._replace(most=1))
    scene.accept()
    for _ in range(3):
        [item] = scene.claim()
        assert scene.start([item]) == {item.id}
        scene.settle([item], State.QUEUED, "unavailable")
    assert scene.contacts() == 1
    [over] = scene.accept()
    items = scene.claim()
    assert scene.start([one for one in items if one.id == over]) == set()


def test_a_retry_is_judged_by_the_cap_as_it_is_now(scene: Scene) -> None:
    scene.cap(WEEK._replace(most=2))
    scene.accept(2)
    one, other = scene.claim()
    scene.start([one, other])
    scene.settle([one], State.QUEUED, "unavailable")
    scene.cap(WEEK._replace(most=1))
    scene.make_due()
    assert scene.start() == set()
    assert scene.row(one.id).state == "suppressed"


def test_a_retry_after_the_window_needs_room_anew(scene: Scene) -> None:
    scene.cap(WEEK._replace(most=1))
    [late] = scene.accept()
    [item] = scene.claim()
    scene.start([item])
    scene.settle([item], State.QUEUED, "waiting")
    scene.age(604_801)
    database_row = scene.accept()
    items = {one.id: one for one in scene.claim()}
    assert scene.start([items[database_row[0]]]) == {database_row[0]}
    assert scene.start([items[late]]) == set()
    assert scene.row(late).state == "suppressed"


@pytest.mark.parametrize("outcome", ["rejected", "cancelled"])
def test_what_ends_unsent_counts_no_more(scene: Scene, database: Database, outcome: str) -> None:
    scene.cap(WEEK._replace(most=1))
    [first] = scene.accept()
    [item] = scene.claim()
    scene.start([item])
    if outcome == "rejected":
        scene.settle([item], State.FAILED, "rejected")
    else:
        scene.settle([item], State.QUEUED, "unavailable")
        Actions(database).cancel(scene.project_id, first, "test")
    [second] = scene.accept()
    assert scene.start() == {second}


@pytest.mark.parametrize("state", ["undelivered", "unknown"])
def test_what_bounced_or_may_have_been_sent_counts(scene: Scene, database: Database, state: str) -> None:
    scene.cap(WEEK._replace(most=1))
    [first] = scene.accept()
    scene.start()
    database.execute(
        text("UPDATE deliveries SET state = :state, lease_until = NULL, held_at = now() WHERE id = :id"),
        {"state": state, "id": first},
    )
    [second] = scene.accept()
    assert scene.start() == set()
    assert scene.row(second).state == "suppressed"


def test_what_a_worker_died_with_keeps_its_place(scene: Scene, database: Database) -> None:
    scene.cap(WEEK._replace(most=1))
    [first] = scene.accept(on_unknown="resend")
    scene.start()
    database.execute(text("UPDATE deliveries SET lease_until = now() - interval '1 s'"))
    [reaped] = Recovery(database).reap(patience=0)
    assert reaped.state == "unknown"
    [second] = scene.accept()
    items = {item.id: item for item in [*scene.claim(), *scene.claim()]}
    assert scene.start([items[second]]) == set()
    assert scene.start([items[first]]) == {first}
    assert scene.contacts() == 1


def test_what_was_stopped_at_the_gate_leaves_its_room_to_the_next(scene: Scene, database: Database) -> None:
    scene.cap(WEEK._replace(most=1))
    to = {"user_id": "u_1"}
    [stopped] = scene.accept(recipient=to, targets=("+447700900001",))
    [goes] = scene.accept(recipient=to, targets=("+447700900002",))
    [over] = scene.accept(recipient=to, targets=("+447700900003",))
    items = sorted(scene.claim(), key=lambda item: item.target)
    Suppressions(database).add(
        scene.project_id, "sms", "+447700900001", scope="everything", reason="manual", source="t"
    )
    assert scene.start(items) == {goes}
    assert scene.row(stopped).reason.startswith("The recipient is suppressed")
    assert scene.row(over).reason.startswith("Over the cap")
    assert scene.contacts() == 1


def test_nobody_is_started_whose_claim_is_over(scene: Scene, database: Database) -> None:
    scene.cap(WEEK._replace(most=1))
    [first] = scene.accept()
    [second] = scene.accept()
    items = {item.id: item for item in scene.claim()}
    database.execute(text("UPDATE deliveries SET fence = fence + 1 WHERE id = :id"), {"id": first})
    assert scene.start([items[first], items[second]]) == {second}
    database.execute(text("UPDATE deliveries SET lease_until = now() WHERE id = :id"), {"id": first})
    stale = replace_fence(items[first])
    assert scene.start([stale]) == set()
    assert scene.row(first).state == "claimed", "nothing is written by who holds it no more"


def replace_fence(item: Claimed) -> Claimed:
    return item._replace(fence=item.fence + 1)


def test_nobody_is_started_whose_claim_ends_while_others_are_waited_for(scene: Scene, database: Database) -> None:
    scene.cap(WEEK)
    [late] = scene.accept()
    items = scene.claim()
    waiting = text("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as other:
            lock = "SELECT pg_advisory_xact_lock(hashtext('crier.caps'), bucket) FROM generate_series(0, 511) AS bucket"
            other.execute(text(lock))
            starting = pool.submit(scene.start, items)
            while not database.rows(waiting):
                assert not starting.done()
            database.execute(text("UPDATE deliveries SET lease_until = clock_timestamp()"))
        assert starting.result() == set()
    assert scene.row(late).state == "claimed"
    assert scene.contacts() == 0


@pytest.mark.parametrize(("cleared", "state", "held"), [(False, "unknown", True), (True, "suppressed", False)])
def test_what_is_in_doubt_is_held_instead_of_dropped(
    scene: Scene, database: Database, cleared: bool, state: str, held: bool
) -> None:
    scene.cap(WEEK._replace(most=1))
    [doubtful] = scene.accept()
    database.execute(text("UPDATE deliveries SET doubt = true, state = 'unknown' WHERE id = :id"), {"id": doubtful})
    items = scene.claim()
    scene.accept()
    assert len(scene.start()) == 1
    assert scene.work.start([Starting(items[0], "twilio", cleared=cleared)]) == frozenset()
    row = scene.row(doubtful)
    assert (row.state, row.held_at is not None, row.doubt) == (state, held, held)
    assert "Over the cap" in row.reason


def test_what_is_in_doubt_and_waits_stays_in_doubt(scene: Scene, database: Database) -> None:
    scene.cap(WAITING._replace(most=1))
    [doubtful] = scene.accept()
    database.execute(text("UPDATE deliveries SET doubt = true, state = 'unknown' WHERE id = :id"), {"id": doubtful})
    items = scene.claim()
    scene.accept()
    scene.start()
    assert scene.start(items) == set()
    row = scene.row(doubtful)
    assert (row.state, row.doubt, row.held_at, row.due_at is not None) == ("unknown", True, None, True)


def test_who_waits_for_his_turn_has_it_when_the_first_is_dropped(scene: Scene) -> None:
    scene.cap(WEEK._replace(most=1))
    scene.accept()
    scene.start()
    first, second = scene.accept(2, ordering_key="k", kind="promotion")
    assert scene.start() == set()
    assert scene.row(first).state == "suppressed"
    assert scene.row(second).state == "queued"


def test_who_is_first_in_line_and_waits_keeps_his_place(scene: Scene) -> None:
    scene.cap(WAITING._replace(most=1))
    scene.accept()
    scene.start()
    first, second = scene.accept(2, ordering_key="k")
    assert scene.start() == set()
    assert scene.row(first).due_at is not None
    assert scene.row(second).due_at is None
    scene.age(3601)
    scene.make_due()
    assert scene.start() == {first}


def test_others_of_the_batch_are_started_as_ever(scene: Scene, database: Database) -> None:
    scene.cap(WEEK._replace(most=1))
    mine = scene.accept(2) + scene.accept(2, kind="transactional")
    other = Keys(database).project("other")
    theirs = scene.make(3, kind="promotion")
    scene.acceptance.accept(other, theirs)
    started = scene.start()
    assert started >= {draft.id for draft in theirs} | set(mine[2:])
    assert len(started & set(mine[:2])) == 1


def test_eight_workers_never_start_more_than_a_person_may_have(scene: Scene) -> None:
    people, most = 10, 3
    scene.cap(WEEK._replace(most=most), WAITING._replace(most=5))
    for person in range(people):
        plain = scene.make(12, kind="promotion", recipient={"user_id": f"u_{person}"})
        scene.acceptance.accept(
            scene.project_id,
            [replace(draft, id=new_id(), targets=(f"+4477009{n:05d}",)) for n, draft in enumerate(plain)],
        )
    together = threading.Barrier(8)

    def worker(_: int) -> list[tuple[UUID, str]]:
        work, done = Work(scene.database), []
        together.wait()
        while items := work.claim("sms.normal", 7, 30):
            started = work.start([Starting(item, "twilio") for item in items])
            done += [(item.id, item.recipient["user_id"]) for item in items if item.id in started]
            work.settle([Settlement(i.id, i.fence, State.SENT, "sent", "t") for i in items if i.id in started])
        return done

    with ThreadPoolExecutor(8) as pool:
        went = [one for each in pool.map(worker, range(8)) for one in each]
    by_person = {f"u_{person}": 0 for person in range(people)}
    for _, person in went:
        by_person[person] += 1
    assert by_person == dict.fromkeys(by_person, most)
    assert scene.states() == {"sent": people * most, "suppressed": people * (12 - most)}


def test_a_doubt_that_is_settled_stays_so_while_it_waits(scene: Scene, database: Database) -> None:
    scene.cap(WAITING)
    scene.accept(WAITING.most)
    scene.settle([item for item in scene.claim() if scene.start([item])])
    [identifier] = scene.accept(expires_at=None)
    database.execute(text("UPDATE deliveries SET doubt = true WHERE id = :id"), {"id": identifier})
    [item] = scene.claim()
    assert scene.work.start([Starting(item, "twilio", cleared=True)]) == frozenset()
    row = scene.row(identifier)
    assert (row.state, row.doubt, row.due_at is None) == ("scheduled", False, False)
