"""Claim, start, settle, under many hands."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.ledger.actions import Actions
from shared.ledger.devices import Devices
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting

QUEUE = "sms.normal"
LEASE = 30.0


def sent(item, state=State.SENT, **changes):
    return Settlement(item.id, item.fence, state, str(state), "test", **changes)


def states(database):
    return Counter(row.state for row in database.rows(text("SELECT state FROM deliveries")))


def end_leases(database):
    database.execute(
        text("UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
    )


def test_many_claimers_never_share_and_never_skip(acceptance, database, project_id, drafts, work):
    for lane_share in range(5):
        acceptance.accept(project_id, drafts(400), batch_id=UUID(int=lane_share) if lane_share else None)
    seen: Counter[UUID] = Counter()
    guard = threading.Lock()

    def drain(_):
        while claimed := work.claim(QUEUE, 37, LEASE):
            started = work.start([Starting(item, "test") for item in claimed])
            with guard:
                seen.update(item.id for item in claimed if item.id in started)
            work.settle([sent(item) for item in claimed])

    with ThreadPoolExecutor(8) as pool:
        # A claimer that meets only locked rows sees an empty lane: go round until nothing is left.
        while states(database)["queued"]:
            list(pool.map(drain, range(8)))
    assert len(seen) == 2000
    assert set(seen.values()) == {1}
    assert states(database) == {"sent": 2000}


def test_a_claim_of_one_queue_leaves_the_others(acceptance, project_id, drafts, work):
    acceptance.accept(project_id, [*drafts(1, lane="bulk"), *drafts(1, lane="critical"), *drafts(1)])
    assert [item.lane for item in work.claim("sms.critical", 10, LEASE)] == ["critical"]


def test_streams_share_a_lane(acceptance, project_id, drafts, work):
    """A single send is found within a few claims although 2,000 rows of a batch were there before it."""
    acceptance.accept(project_id, drafts(2000), batch_id=UUID(int=1))
    [single] = drafts(1)
    acceptance.accept(project_id, [single])
    found = next(
        number for number in range(20) if single.id in {item.notification_id for item in work.claim(QUEUE, 100, LEASE)}
    )
    assert found < 19


def test_a_paused_stream_is_passed_over(acceptance, database, project_id, drafts, work):
    acceptance.accept(project_id, drafts(3), batch_id=UUID(int=1))
    database.execute(text("UPDATE streams SET paused_at = now()"))
    assert work.claim(QUEUE, 10, LEASE) == []
    database.execute(text("UPDATE streams SET paused_at = NULL"))
    assert len(work.claim(QUEUE, 10, LEASE)) == 3


def test_only_the_holder_of_the_fence_may_start(acceptance, database, project_id, drafts, work, recovery):
    acceptance.accept(project_id, drafts(1))
    stale = work.claim(QUEUE, 1, LEASE)
    end_leases(database)
    recovery.reap(patience=0)
    fresh = work.claim(QUEUE, 1, LEASE)
    assert work.start([Starting(item, "test") for item in stale]) == frozenset()
    assert work.start([Starting(item, "test") for item in fresh]) == {fresh[0].id}


def test_a_lease_that_ended_does_not_start(acceptance, database, project_id, drafts, work):
    acceptance.accept(project_id, drafts(1))
    claimed = work.claim(QUEUE, 1, LEASE)
    end_leases(database)
    assert work.start([Starting(item, "test") for item in claimed]) == frozenset()


def test_what_was_cancelled_after_the_claim_does_not_start(acceptance, database, project_id, drafts, work):
    [draft] = drafts(1)
    acceptance.accept(project_id, [draft])
    claimed = work.claim(QUEUE, 1, LEASE)
    Actions(database).cancel(project_id, draft.id, "key abc")
    assert work.start([Starting(item, "test") for item in claimed]) == frozenset()
    assert states(database) == {"cancelled": 1}


def test_what_expired_after_the_claim_does_not_start(acceptance, database, project_id, drafts, work, sealer):
    soon = datetime.now(UTC) + timedelta(hours=1)
    acceptance.accept(project_id, drafts(1, expires_at=soon, secret=sealer.seal({"code": "1"})))
    claimed = work.claim(QUEUE, 1, LEASE)
    database.execute(text("UPDATE deliveries SET expires_at = now()"))
    assert work.start([Starting(item, "test") for item in claimed]) == frozenset()
    assert states(database) == {"expired": 1}
    assert database.rows(text("SELECT FROM sealed")) == []


def test_settling_writes_the_attempt_and_counts_it(acceptance, database, project_id, drafts, work):
    acceptance.accept(project_id, drafts(1))
    [item] = work.claim(QUEUE, 1, LEASE)
    work.start([Starting(item, "twilio")])
    work.settle(
        [Settlement(item.id, item.fence, State.QUEUED, "unavailable", "twilio", delay=60, code="20429", detail="busy")]
    )
    [row] = database.rows(text("SELECT attempts, state, extract(epoch FROM due_at - now()) AS wait FROM deliveries"))
    assert (row.attempts, row.state) == (1, "queued")
    assert 55 < row.wait <= 60
    [attempt] = database.rows(text("SELECT provider, outcome, code, detail FROM attempts"))
    assert tuple(attempt) == ("twilio", "unavailable", "20429", "busy")


def test_waiting_because_it_was_asked_costs_no_attempt(acceptance, database, project_id, drafts, work):
    acceptance.accept(project_id, drafts(1))
    [item] = work.claim(QUEUE, 1, LEASE)
    work.start([Starting(item, "twilio")])
    work.settle([Settlement(item.id, item.fence, State.QUEUED, "waiting", "twilio", delay=30, counts=False)])
    assert database.rows(text("SELECT attempts FROM deliveries"))[0].attempts == 0


def test_settling_twice_changes_nothing_more(acceptance, database, project_id, drafts, work):
    acceptance.accept(project_id, drafts(1))
    [item] = work.claim(QUEUE, 1, LEASE)
    work.start([Starting(item, "test")])
    later = Settlement(item.id, item.fence, State.QUEUED, "unavailable", "test", delay=60)
    work.settle([later])
    work.settle([later])
    assert database.rows(text("SELECT attempts FROM deliveries"))[0].attempts == 1


def test_release_gives_back_at_once_and_counts_nothing(acceptance, project_id, drafts, work):
    acceptance.accept(project_id, drafts(1))
    first = work.claim(QUEUE, 1, LEASE)
    work.release(first)
    [second] = work.claim(QUEUE, 1, LEASE)
    assert (second.id, second.attempts, second.deaths) == (first[0].id, 0, 0)


def test_a_secret_opens_for_the_worker_and_is_wiped_at_the_end(acceptance, database, project_id, drafts, work, sealer):
    acceptance.accept(
        project_id, drafts(1, secret=sealer.seal({"code": "481516"}), targets=("+447700900001", "+447700900002"))
    )
    first, second = work.claim(QUEUE, 2, LEASE)
    assert sealer.open(first.sealed) == {"code": "481516"}
    work.start([Starting(first, "test"), Starting(second, "test")])
    work.settle([sent(first)])
    assert len(database.rows(text("SELECT FROM sealed"))) == 1, "another delivery still needs it"
    work.settle([sent(second)])
    assert database.rows(text("SELECT FROM sealed")) == []


def test_a_dead_device_is_forgotten(acceptance, database, project_id, drafts, work):
    devices = Devices(database)
    devices.register(project_id, "u_1", "token-1", "ios")
    devices.register(project_id, "u_1", "token-2", "ios")
    acceptance.accept(project_id, drafts(1, channel="push", targets=("token-1", "token-2")))
    claimed = work.claim("push.normal", 2, LEASE)
    work.start([Starting(item, "fcm") for item in claimed])
    work.settle([sent(item, State.FAILED, target_is_dead=item.target == "token-1") for item in claimed])
    assert [device.token for device in devices.of(project_id, "u_1")] == ["token-2"]


class TestFound:
    """A look-up found a message, by its words, its recipient and its time."""

    @pytest.fixture
    def two(self, acceptance, project_id, drafts, work):
        acceptance.accept(project_id, drafts(2))
        items = work.claim(QUEUE, 2, LEASE)
        work.start([Starting(item, "twilio") for item in items])
        return items

    def found(self, item, reference="SM1"):
        return Settlement(item.id, item.fence, State.SENT, "found", "twilio", reference=reference)

    def states(self, database):
        return sorted(row.state for row in database.rows(text("SELECT state FROM deliveries")))

    def test_each_its_own(self, work, two, database):
        work.settle([self.found(two[0], "SM1"), self.found(two[1], "SM2")])
        assert self.states(database) == ["sent", "sent"]

    def test_one_message_is_not_found_for_two(self, work, two, database):
        work.settle([self.found(item) for item in two])
        assert self.states(database) == ["sent", "unknown"]
        [held] = database.rows(text("SELECT reason FROM deliveries WHERE held_at IS NOT NULL"))
        assert "same words" in held.reason

    def test_nor_is_one_that_is_known_to_be_anothers(self, work, two, database):
        work.settle([Settlement(two[0].id, two[0].fence, State.SENT, "sent", "twilio", reference="SM1")])
        work.settle([self.found(two[1])])
        assert self.states(database) == ["sent", "unknown"]
