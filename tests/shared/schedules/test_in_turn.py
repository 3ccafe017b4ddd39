"""Where many schedules are due, every project has its turn; and what came of them is counted."""

from datetime import timedelta

from prometheus_client import REGISTRY
from sqlalchemy import text

from shared.ledger.keys import Keys
from shared.schedules.book import ScheduleBook
from shared.schedules.firing import TURN, Sweeper, decide
from tests.shared.schedules.conftest import HOUR, MINUTE, NOON, SMS


class TestInTurn:
    def test_a_project_with_thousands_that_are_due_keeps_no_other_waiting(self, database, make, schedules, intake):
        make("many")
        more = text("""
            INSERT INTO schedules (id, project_id, name, trigger, request, misfire, misfire_grace, next_fire_at)
            SELECT gen_random_uuid(), project_id, name || n, trigger, request, misfire, misfire_grace, next_fire_at
            FROM schedules, generate_series(1, 400) n
        """)
        database.execute(more)
        book = ScheduleBook(intake, schedules, now=lambda: NOON - HOUR)
        asked = {"name": "one", "trigger": {"at": NOON.isoformat()}, "request": SMS}
        other, _ = book.create(Keys(database).project("other"), asked, who="test")
        # Time for two batches of 50.
        seconds = iter([0.0, 0.0, 0.0, TURN])
        sweeper = Sweeper(intake, schedules.fires, clock=lambda: next(seconds))
        assert sweeper.sweep(NOON + MINUTE / 2) == 100
        assert [fire.state for fire in schedules.fires.of(other.id)] == ["fired"]

    def test_what_is_due_in_turn_is_each_taken_once_and_no_more(self, database, make, schedules):
        made = {make(f"hourly {number}").id for number in range(7)}
        taken = []
        while True:
            count, promises = schedules.fires.claim(decide, most=3, in_turn=True, now=NOON)
            taken += [promise.schedule_id for promise in promises]
            if not count:
                break
        assert sorted(taken) == sorted(made)

    def test_it_is_counted_with_how_late_it_was(self, make, sweeper):
        def value(name, **labels):
            return REGISTRY.get_sample_value(name, labels) or 0.0

        before = {state: value("crier_schedules_total", state=state) for state in ("fired", "skipped")}
        late = value("crier_schedule_lag_seconds_sum")
        make("skipping", misfire="skip")
        make("hourly")
        sweeper.sweep(NOON + timedelta(minutes=10))
        assert value("crier_schedules_total", state="fired") == before["fired"] + 1
        assert value("crier_schedules_total", state="skipped") == before["skipped"] + 1
        assert value("crier_schedule_lag_seconds_sum") == late + 600
