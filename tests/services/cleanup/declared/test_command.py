"""`python -m services.cleanup` on the sample application of examples/cleanup, as docs/cleanup.md says."""

import json
import os
import subprocess
import sys

import pytest
from redis import Redis

from services.cleanup.declared.archive import read
from tests.services.cleanup.declared.conftest import EXAMPLES, ROOT

GOES = {
    "expired-seats": 26, "trip-locations": 280, "notification-records": 10, "expired-tokens": 24, "expired-cache": 10,
    "inactive-sessions": 3, "temporary-files": 2,
}  # fmt: skip


@pytest.fixture
def left_behind(shop, redis_url, tmp_path):
    """What the application left behind, in its database, its Redis and its folder."""
    shop.execute((EXAMPLES / "left_behind.sql").read_text())
    with Redis.from_url(redis_url) as redis:
        redis.set("model", "x")
        for number, idle in enumerate((0, 60, 1900, 4000, 100_000)):
            redis.restore(f"session:{number}", 0, redis.dump("model"), idletime=idle)
    folder = tmp_path.resolve() / "shop"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.tmp", "sub/b.tmp", "c.log"):
        (folder / name).write_text("x")
        os.utime(folder / name, (0, 0))
    (folder / "new.tmp").write_text("x")
    return folder


@pytest.fixture
def run(left_behind, database_url, shop_url, redis_url, tmp_path, archives):
    """Runs the command with the shipped example, on folders of this test."""
    policies = tmp_path / "policies.toml"
    text = (EXAMPLES / "policies.toml").read_text()
    policies.write_text(
        text.replace("/var/lib/crier/archive", str(archives)).replace("/var/tmp/shop", str(left_behind))
    )
    environ = {
        **os.environ, "PYTHONPATH": str(ROOT), "CRIER_DATABASE_URL": database_url, "CRIER_BROKER_URL": redis_url,
        "CRIER_CLEANUP_POLICIES": str(policies), "CRIER_HOME": str(tmp_path / "home"),
        "CRIER_CLEANUP_PAUSE": "0", "SHOP_DATABASE_URL": shop_url,
        "SHOP_REDIS_URL": redis_url,
    }  # fmt: skip

    def invoke(*arguments, status=0, by_crier=False, **variables):
        own = ["-c", "from crier.cli import main; main()", "cleanup"]
        done = subprocess.run(
            [sys.executable, *(own if by_crier else ["-m", "services.cleanup"]), *map(str, arguments)],
            env={**environ, **variables}, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return invoke


def test_the_example_does_what_it_says_and_is_undone(run, shop, archives, left_behind):
    assert "8 policies can do what they say" in run("check")
    locations = shop.execute("SELECT t::text FROM trip_locations t ORDER BY 1").fetchall()

    shown = json.loads(run("run", "--dry-run", "--json"))
    assert {name: one["count"] for name, one in shown.items() if name != "nightly"} == GOES
    assert all(one["refusal"] is None for one in shown.values())
    assert shop.execute("SELECT count(*) FROM trip_locations").fetchone() == (1000,)
    assert "expired-seats" in run("run", "--dry-run")

    results = json.loads(run("run", "--all", "--json"))
    assert {name: one["rows"] for name, one in results.items() if name != "nightly"} == GOES
    assert all(one["complete"] for one in results.values())
    assert sorted(path.name for path in left_behind.rglob("*.*")) == ["c.log", "new.tmp"]
    files = sorted((archives / "trip-locations").iterdir())
    assert sum(len(read(file).rows) for file in files) == 280

    assert "280 rows put back" in run("restore", "--policy", "trip-locations", *files)
    assert shop.execute("SELECT t::text FROM trip_locations t ORDER BY 1").fetchall() == locations


def test_one_policy_runs_when_it_is_named(run, shop):
    assert run("run", "expired-cache").startswith("expired-cache: rows 10")
    assert shop.execute("SELECT count(*) FROM cache_entries").fetchone() == (10,)
    assert shop.execute("SELECT count(*) FROM tokens").fetchone() == (48,)
    assert "Did you mean 'expired-cache'?" in run("run", "expired-cash", status=2)
    assert "--dry-run" in run("run", status=2)


def test_check_names_everything_that_is_wrong(run, shop):
    shop.execute("ALTER TABLE tokens RENAME COLUMN expires_at TO ends_at; DROP TABLE cache_entries")
    said = run("check", status=1)
    assert "tables.expired-tokens.column: tokens has no column 'expires_at'" in said
    assert "tables.expired-cache.table: There is no table 'cache_entries'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SHOP_DATABASE_URL": ""}, "SHOP_DATABASE_URL is not set"),
        ({"CRIER_CLEANUP_POLICIES": ""}, "CRIER_CLEANUP_POLICIES is not set"),
        ({"SHOP_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "connection"),
    ],
)
def test_what_cannot_work_is_a_message_and_no_traceback(run, variables, says):
    said = run("check", status=1, **variables)
    assert says in said
    assert "Traceback" not in said


def test_a_report_is_a_page_and_data_and_compares_with_the_last(run, tmp_path, shop):
    out = tmp_path / "reports"
    first = run("report", "--out", out).split()
    assert [name.rpartition(".")[2] for name in first] == ["json", "html"]
    assert "public.trip_locations" in run("report")
    assert json.loads(run("report", "shop", "--json"))["databases"][0]["since"] is None
    assert "Did you mean 'shop'?" in run("report", "shpo", status=2)


def test_crier_cleanup_is_the_same(run):
    assert "8 policies can do what they say" in run("check", by_crier=True)


@pytest.mark.parametrize("verb", ["check", "run", "report", "restore"])
def test_every_verb_shows_an_example(run, verb):
    assert f"python -m services.cleanup {verb}" in run(verb, "--help")
