"""What a run begins with: nothing, a copy of what was made once, or the very thing."""

import psycopg
import pytest

from bench.ours.system import crier
from bench.tally import Inexact, Tally
from bench.waiting import have_wait


def rows(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM projects ORDER BY name")]


def add(database_url, name):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO projects (name) VALUES (%s)", [name])


def test_what_takes_long_to_make_is_made_once_and_copied_for_each_run(ground):
    made = []

    def fill(database_url):
        made.append(database_url)
        add(database_url, "made")

    for _ in range(2):
        with ground.run("crier") as run:
            assert rows(run.database_url) == []
            run.begin_with("one", fill)
            assert rows(run.database_url) == ["made"]
            add(run.database_url, "of this run")
    assert len(made) == 1


def test_what_is_too_large_to_copy_is_used_as_it_is(ground):
    for expected in (["made"], ["made", "of the first"]):
        with ground.run("crier") as run:
            run.begin_in("large", lambda database_url: add(database_url, "made"))
            assert rows(run.database_url) == expected
            if len(expected) == 1:
                add(run.database_url, "of the first")
            else:
                run.have_done_with("large")
                run.begin_in("large", lambda _: None)
                assert rows(run.database_url) == [], "it was made anew"


def test_a_campaign_is_of_the_run_that_says_so(ground):
    with ground.run("crier") as run:
        have_wait(run.database_url, 20)
        with crier(run, campaign=True) as side, pytest.raises(Inexact, match="20 were called, 0 are sent"):
            side.check_settled(20)
        with crier(run) as side:
            assert side.targets() == []


def test_calls_of_before_are_forgotten(ground):
    with ground.run("crier") as run, crier(run) as side:
        Tally(run.tally).add("+447400000000")
        side.forget()
        with pytest.raises(Inexact, match="1 missing"):
            side.check_sent(["+447400000000"])


def test_a_run_says_what_ended_and_what_it_said(ground):
    with ground.run("peer") as run:
        run.start("lost", "bench.nowhere", environment={})
        with pytest.raises(Inexact, match=r"(?s)1 calls of the provider: lost ended.*No module named bench.nowhere"):
            run.wait_for_calls(1)
