"""A machine that accepts, claims, starts, settles, expires, cancels and crashes in any order, beside a model."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from shared.errors import Conflict
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.actions import Actions
from shared.ledger.ids import derived_id, new_id
from shared.ledger.keys import Keys
from shared.ledger.recovery import Recovery
from shared.ledger.states import FINAL, LIVE, State
from shared.ledger.work import Settlement, Starting, Work

ROWS = text("SELECT id, state, due_at, lease_until, fence, attempts, hold FROM deliveries WHERE project_id = :project")
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

        @rule(count=st.integers(1, 4), hold=st.booleans(), addresses=st.integers(1, 2))
        def accept(self, count, hold, addresses):
            drafts = [
                Draft(
                    id=new_id(), channel=self.channel, lane="normal", kind="transactional", recipient={},
                    targets=[f"t{n}" for n in range(addresses)], on_unknown="hold" if hold else "resend",
                    expires_at=datetime.now(UTC) + timedelta(hours=1), content={},
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
            passed = self.work.start([Starting(item, "test") for item in batch])
            called = [item for item in batch if item.id in passed]
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
                "unknown": ("unknown", lambda item: State.UNKNOWN if item.hold else State.QUEUED),
            }[answer]
            before = self.rows()
            self.work.settle([Settlement(item.id, item.fence, state(item), word, "test", delay=0) for item in batch])
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
                        row.state in (State.QUEUED, State.SCHEDULED, State.CLAIMED)
                        for key, row in self.rows().items()
                        if self.accepted[key] == notification
                    )

        @rule(data=st.data())
        def time_passes(self, data):
            if self.accepted:
                database.execute(PASS_TIME, {"ids": [data.draw(st.sampled_from(sorted(self.accepted)))]})
                self.recovery.expire()

        @invariant()
        def every_accepted_delivery_is_somewhere(self):
            database.execute(DUE_NOW, {"project": self.project})
            rows = self.rows()
            assert set(rows) == set(self.accepted)
            for key, row in rows.items():
                state = State(row.state)
                assert (row.due_at is not None) == (state in {State.SCHEDULED, State.QUEUED})
                assert (row.lease_until is not None) == (state in {State.CLAIMED, State.STARTED})
                if key in self.final and self.final[key] != State.UNKNOWN:
                    assert row.state == self.final[key], "a final state changed"
                if state in FINAL:
                    self.final[key] = row.state
                else:
                    self.final.pop(key, None)

        @invariant()
        def duplicates_come_only_from_doubt(self):
            for key, calls in self.calls.items():
                assert calls <= 1 + self.doubts[key] + self.retries[key]

        def teardown(self):
            """Whatever happened, an honest worker can finish the rest."""
            database.execute(END_LEASES, {"ids": list(self.accepted)})
            self.recovery.reap(patience=0)
            for _ in range(len(self.accepted) + 1):
                claimed = self.work.claim(self.queue, 100, 30)
                passed = self.work.start([Starting(item, "test") for item in claimed])
                self.work.settle(
                    [Settlement(i.id, i.fence, State.SENT, "sent", "test") for i in claimed if i.id in passed]
                )
            assert not [row for row in self.rows().values() if row.state in LIVE]

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
