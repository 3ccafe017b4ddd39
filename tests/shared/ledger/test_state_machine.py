"""A machine that accepts, claims, starts, settles, expires, suppresses, cancels, retries and crashes in any order."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from shared.errors import Conflict
from shared.ledger import order
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.actions import Actions
from shared.ledger.conservation import Conservation
from shared.ledger.ids import derived_id, minute_of, new_id
from shared.ledger.keys import Keys
from shared.ledger.recovery import Recovery
from shared.ledger.states import FINAL, LIVE, State
from shared.ledger.work import Settlement, Starting, Work

ROWS = text("""
    SELECT id, notification_id, state, due_at, lease_until, held_at, doubt, fence, attempts, hold, ordering_key, target
    FROM deliveries WHERE project_id = :project
""")
SUPPRESS = text("""
    INSERT INTO suppressions (project_id, channel, target, scope, reason, source)
    VALUES (:project, :channel, :target, 'everything', 'manual', 'test') ON CONFLICT DO NOTHING
""")
END_LEASES = text(
    "UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE id = ANY(:ids) AND lease_until IS NOT NULL"
)
PASS_TIME = text("UPDATE deliveries SET expires_at = now() - interval '1 second' WHERE id = ANY(:ids)")
DUE_NOW = text("UPDATE deliveries SET due_at = now() WHERE project_id = :project AND due_at IS NOT NULL")


@pytest.fixture
def machine(database_url):
    from shared.ledger.database import Database

    database = Database(database_url)

    class LedgerMachine(RuleBasedStateMachine):
        """`claims` are batches some worker holds; `calls` counts what a provider saw; `doubts` unknown outcomes."""

        claims = Bundle("claims")
        started = Bundle("started")

        def __init__(self) -> None:
            super().__init__()
            self.channel = f"c{new_id().hex}"
            self.queue = f"{self.channel}.normal"
            self.project = Keys(database).project(self.channel)
            self.acceptance, self.work = Acceptance(database), Work(database)
            self.recovery, self.actions = Recovery(database), Actions(database)
            self.accepted: dict[UUID, UUID] = {}
            self.calls: Counter[UUID] = Counter()
            self.doubts: Counter[UUID] = Counter()
            self.retries: Counter[UUID] = Counter()
            self.final: dict[UUID, str] = {}

        def rows(self):
            return {row.id: row for row in database.rows(ROWS, {"project": self.project})}

        @rule(
            count=st.integers(1, 4), hold=st.booleans(), addresses=st.integers(1, 2),
            key=st.sampled_from([None, None, "a", "b"]),
        )  # fmt: skip
        def accept(self, count, hold, addresses, key):
            drafts = [
                Draft(
                    id=new_id(), channel=self.channel, lane="normal", kind="transactional", recipient={},
                    targets=[f"t{n}" for n in range(addresses)], on_unknown="hold" if hold else "resend",
                    expires_at=datetime.now(UTC) + timedelta(hours=1), content={}, ordering_key=key,
                )
                for _ in range(count)
            ]  # fmt: skip
            self.acceptance.accept(self.project, drafts)
            for draft in drafts:
                for index in range(addresses):
                    self.accepted[derived_id(draft.id, index)] = draft.id

        @rule(target=claims, size=st.integers(1, 5))
        def claim(self, size):
            claimed = self.work.claim(self.queue, size, 30)
            assert not {item.id for item in claimed} & set(self.final), "something final was claimed"
            return claimed

        @rule(target=started, batch=consumes(claims))
        def start_and_call(self, batch):
            """A worker with no look-up: what is in doubt and to be held is not called again."""
            again = [item for item in batch if not (item.doubt and item.hold)]
            held = [item for item in batch if item.doubt and item.hold]
            self.work.settle([
                Settlement(item.id, item.fence, State.UNKNOWN, "unknown", "test", held=True) for item in held
            ])  # fmt: skip
            passed = self.work.start([Starting(item, "test") for item in again])
            called = [item for item in again if item.id in passed]
            self.calls.update(item.id for item in called)
            return called

        @rule(batch=consumes(claims))
        def release(self, batch):
            self.work.release(batch)

        @rule(batch=consumes(started), answer=st.sampled_from(["sent", "failed", "again", "unknown"]))
        def settle(self, batch, answer):
            word, state = {
                "sent": ("sent", lambda item: State.SENT),
                "failed": ("rejected", lambda item: State.FAILED),
                "again": ("unavailable", lambda item: State.QUEUED),
                "unknown": ("unknown", lambda item: State.UNKNOWN),
            }[answer]
            before = self.rows()
            self.work.settle([
                Settlement(item.id, item.fence, state(item), word, "test", delay=0, held=item.hold) for item in batch
            ])  # fmt: skip
            for item in batch:
                if before[item.id].state == "started" and before[item.id].fence == item.fence:
                    self.retries[item.id] += answer == "again"
                    self.doubts[item.id] += answer == "unknown"

        @rule(batch=consumes(claims))
        def crash_after_claim(self, batch):
            self.crash(batch)

        @rule(target=started, batch=consumes(started))
        def crash_after_start(self, batch):
            """The worker stalls past its lease: it is reaped, yet may still come back with its answer."""
            self.crash(batch)
            return batch

        def crash(self, batch):
            before = self.rows()
            mine = [item.id for item in batch if before[item.id].fence == item.fence]
            database.execute(END_LEASES, {"ids": mine})
            self.recovery.reap(patience=0)
            self.doubts.update(key for key in mine if before[key].state == "started")

        @rule(data=st.data())
        def cancel(self, data):
            if self.accepted:
                notification = data.draw(st.sampled_from(sorted(set(self.accepted.values()))))
                try:
                    self.actions.cancel(self.project, notification, "test")
                except Conflict:
                    assert not any(
                        row.due_at or row.state in (State.QUEUED, State.SCHEDULED, State.CLAIMED)
                        for key, row in self.rows().items()
                        if self.accepted[key] == notification
                    )

        @rule(data=st.data())
        def time_passes(self, data):
            if self.accepted:
                database.execute(PASS_TIME, {"ids": [data.draw(st.sampled_from(sorted(self.accepted)))]})
                self.recovery.expire()

        @rule(data=st.data())
        def suppress(self, data):
            target = data.draw(st.sampled_from(["t0", "t1"]))
            database.execute(SUPPRESS, {"project": self.project, "channel": self.channel, "target": target})

        @rule(data=st.data())
        def retry(self, data):
            if self.accepted:
                notification = data.draw(st.sampled_from(sorted(set(self.accepted.values()))))
                before = self.rows()
                try:
                    self.actions.retry(self.project, notification, "test")
                except Conflict:
                    return
                for key, row in self.rows().items():
                    if row.notification_id == notification and before[key].state != row.state:
                        self.final.pop(key, None)
                        self.retries[key] += 1

        @rule()
        def sweep(self):
            order.sweep(database)

        @invariant()
        def every_accepted_delivery_is_somewhere(self):
            database.execute(DUE_NOW, {"project": self.project})
            rows = self.rows()
            assert set(rows) == set(self.accepted)
            for key, row in rows.items():
                state = State(row.state)
                assert (row.lease_until is not None) == (state in {State.CLAIMED, State.STARTED})
                assert (row.held_at is not None) <= (state is State.UNKNOWN)
                if state in {State.SCHEDULED, State.QUEUED}:
                    assert row.due_at is not None or row.ordering_key is not None
                elif state is State.UNKNOWN:
                    assert (row.due_at is None) == (row.held_at is not None), "held, or still looked into"
                else:
                    assert row.due_at is None
                if key in self.final and self.final[key] != State.UNKNOWN:
                    assert row.state == self.final[key], "a final state changed"
                if state in FINAL and (state is not State.UNKNOWN or row.held_at):
                    self.final[key] = row.state
                else:
                    self.final.pop(key, None)

        @invariant()
        def one_of_an_ordering_key_at_a_time(self):
            going = Counter(
                row.ordering_key for row in self.rows().values()
                if row.ordering_key and (row.due_at or row.lease_until or row.held_at)
            )  # fmt: skip
            assert set(going.values()) <= {1}

        @rule()
        def the_books_are_even(self):
            minutes = [minute_of(key) for key in self.accepted]
            if minutes:
                account = Conservation(database).check(min(minutes), max(minutes) + 1)
                mine = [balance for balance in account.balances if balance.project_id == self.project]
                assert [balance.missing for balance in mine] == [0]
                assert sum(balance.accepted for balance in mine) == len(self.accepted)
                assert not account.amiss

        @invariant()
        def duplicates_come_only_from_doubt(self):
            for key, calls in self.calls.items():
                assert calls <= 1 + self.doubts[key] + self.retries[key]

        def teardown(self):
            """Whatever happened, an honest worker can finish the rest."""
            database.execute(END_LEASES, {"ids": list(self.accepted)})
            self.recovery.reap(patience=0)
            for _ in range(2 * len(self.accepted) + 1):
                order.sweep(database)
                claimed = self.work.claim(self.queue, 100, 30)
                passed = self.work.start([Starting(item, "test") for item in claimed])
                self.work.settle(
                    [Settlement(i.id, i.fence, State.SENT, "sent", "test") for i in claimed if i.id in passed]
                )
            self.the_books_are_even()
            held = {row.ordering_key for row in self.rows().values() if row.held_at}
            assert not [row for row in self.rows().values() if row.state in LIVE and row.ordering_key not in held]

    yield LedgerMachine
    database.close()


def test_the_ledger_keeps_its_promises_in_any_order(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
