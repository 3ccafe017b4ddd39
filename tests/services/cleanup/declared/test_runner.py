"""Each policy runs when its own schedule says so, once, by one worker."""

import threading
from datetime import timedelta

import pytest

from services.cleanup.declared.file import read
from services.cleanup.declared.runner import Busy, Runner, cleaner_of
from services.cleanup.settings import CleanupSettings
from shared.errors import InvalidInput
from shared.ledger.ticks import Ticks
from shared.periodic.times import latest_tick
from tests.services.cleanup.declared.conftest import ages, tell

FILE = """
[databases]
shop = "SHOP_DATABASE_URL"
[tables.trips]
schedule = "*/5 * * * *"
database = "shop"
table = "trip_locations"
column = "recorded_at"
older_than = "30d"
pause = "0s"
"""
HOUR = 3600.0


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policies.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def runner(database, shop_url, file):
    return Runner(database, CleanupSettings(policies=file), {"SHOP_DATABASE_URL": shop_url})


@pytest.fixture
def due(database, runner):
    """The policy was seen two days ago, and has been due since."""
    ticks = Ticks(database)
    assert ticks.skip("policy:trips", ticks.now() - timedelta(days=2), "seen")
    return ticks


def test_a_policy_that_is_due_runs_once(trips, runner, due):
    assert runner.run_due(HOUR) == {"policies": {"trips": {"rows": 70, "complete": True}}}
    assert len(ages(trips)) == 30
    last = due.last("policy:trips")
    assert last.finished_at and last.result == {"rows": 70, "complete": True}
    again = runner.run_due(HOUR)["policies"]
    # Between the two calls five minutes may have ended.
    assert again in ({}, {"trips": {"rows": 0, "complete": True}})


def test_a_new_policy_waits_for_its_next_time(trips, runner):
    assert runner.run_due(HOUR) == {"policies": {}}
    assert len(ages(trips)) == 100


def test_without_a_file_nothing_is_done(database):
    assert Runner(database, CleanupSettings(), {}).run_due(HOUR) == {"policies": "none declared"}


def test_a_file_that_is_wrong_is_an_error_for_people_to_see(runner, file):
    file.write_text("[tables.trips]\n")
    with pytest.raises(InvalidInput, match=r"tables\.trips\.older_than"):
        runner.run_due(HOUR)


def test_a_policy_that_fails_keeps_no_other_from_running_and_is_tried_again(trips, runner, due, file):
    other = FILE.partition("[tables.trips]")[2].replace("trip_locations", "no_such_table")
    file.write_text(FILE + "[tables.broken]" + other)
    assert due.skip("policy:broken", due.now() - timedelta(days=2), "seen")
    results = runner.run_due(HOUR)["policies"]
    assert results["trips"]["rows"] == 70
    assert "There is no table 'no_such_table'" in results["broken"]["failed"]
    last = due.last("policy:broken")
    assert last.finished_at is None and "no_such_table" in last.result["error"]
    file.write_text(FILE + "[tables.broken]" + other.replace("no_such_table", "trip_locations"))
    assert runner.run_due(HOUR)["policies"]["broken"] == {"rows": 0, "complete": True}


@pytest.mark.parametrize(
    ("error", "says"),
    [(ValueError("secret"), "ValueError"), (OSError(), "OSError: OSError"), (OSError("\n\nx"), "OSError: x")],
)
def test_whatever_a_policy_raises_keeps_no_other_from_running(trips, runner, due, file, monkeypatch, error, says):
    def failing(declared, path, policy, settings):
        if policy.name == "broken":
            raise error
        return cleaner_of(declared, path, policy, settings)

    monkeypatch.setattr("services.cleanup.declared.runner.cleaner_of", failing)
    file.write_text(
        FILE.replace("[tables.trips]", "[tables.broken]") + "[tables.trips]" + FILE.partition("[tables.trips]")[2]
    )
    assert due.skip("policy:broken", due.now() - timedelta(days=2), "seen")
    results = runner.run_due(HOUR)["policies"]
    assert results["trips"]["rows"] == 70
    assert results["broken"] == {"failed": says}
    assert due.last("policy:broken").result["error"] == says


def test_a_policy_whose_time_was_up_goes_on_the_next_time(trips, runner, due, file):
    file.write_text(FILE.replace('pause = "0s"', 'pause = "0s"\nbatch = 60'))
    (path, policy), *_ = read(file, runner.environ).each()
    assert runner._once(read(file, runner.environ), path, policy, latest_tick("*/5 * * * *", due.now()), 0.0) == {
        "rows": 60, "complete": False,
    }  # fmt: skip
    assert due.last("policy:trips").finished_at is None
    assert runner.run_due(HOUR)["policies"]["trips"] == {"rows": 10, "complete": True}


def test_who_has_waited_longest_goes_first_and_leaves_time_for_the_others(runner, due, file, monkeypatch):
    ran = []
    monkeypatch.setattr(Runner, "_once", lambda self, declared, path, policy, tick, limit: ran.append((path, limit)))
    file.write_text(FILE + "".join(f"[tables.{name}]" + FILE.partition("[tables.trips]")[2] for name in ("b", "c")))
    for name in ("c", "b"):
        assert due.skip(f"policy:{name}", due.now() - timedelta(days=2), "seen")
    runner.run_due(HOUR)
    assert [path for path, _ in ran] == ["tables.trips", "tables.c", "tables.b"]
    assert [round(limit, -1) for _, limit in ran] == [HOUR / 3, HOUR / 2, HOUR]
    ran.clear()
    runner.run_due(100.0)
    assert [limit for _, limit in ran[:2]] == [60.0, 60.0]


def test_two_workers_never_run_a_policy_at_once(trips, runner, due):
    with runner._alone("trips") as first, runner._alone("trips") as second, runner._alone("other") as third:
        assert (first, second, third) == (True, False, True)
        (path, policy), *_ = read(runner.settings.policies, runner.environ).each()
        with pytest.raises(Busy, match="by somebody else"):
            runner.run(read(runner.settings.policies, runner.environ), path, policy, HOUR, tell)
        assert "passed_over" in runner.run_due(HOUR)["policies"]["trips"]
    assert len(ages(trips)) == 100


def test_however_many_workers_there_are_it_runs_once(trips, runner, due):
    results = []
    workers = [threading.Thread(target=lambda: results.append(runner.run_due(HOUR)["policies"])) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ran = [result["trips"]["rows"] for result in results if "rows" in result.get("trips", {})]
    assert sum(ran) == 70
    assert ran.count(70) == 1
