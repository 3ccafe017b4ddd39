"""Rounds: the sides take turns, a failed run counts for nothing, and the time is kept."""

from dataclasses import replace

import pytest
from rich.console import Console

from bench.load import generate
from bench.report import summarise
from bench.rounds import run_rounds
from bench.scenario import OURS, Figure, Scale, Scenario
from bench.tables import tables
from bench.tally import Inexact, check_once


def scenario(**sides):
    figures = (
        Figure("rate", "messages/s", "P1", ratio=10),
        Figure("p50", "p50, ms", "P7", more_is_better=False, ours=5),
    )
    return Scenario(
        "one", "some work", {OURS if name == "ours" else name: side for name, side in sides.items()}, figures
    )


def measured(*rates):
    """A side that does no work and gives these rates, one a run; None is a message lost."""
    waiting = iter(rates)

    def side(run, scale):
        rate = next(waiting)
        check_once(["a"], ["a"] if rate else [], "calls")
        return {"rate": rate, "p50": 1000 / rate}

    return side


def rounds(ground, made, count=3, seconds=600.0):
    told = []
    outcomes = run_rounds(ground, [made], Scale.TINY, rounds=count, seconds=seconds, tell=told.append)
    assert told == outcomes
    return outcomes


def test_the_sides_take_turns_and_medians_are_compared(ground):
    made = scenario(ours=measured(1000, 3000, 2000), slow=measured(90, 60, 70), best=measured(100, 100, 400))
    outcomes = rounds(ground, made)
    assert [one.side for one in outcomes] == [OURS, "slow", "best", "slow", "best", OURS, OURS, "best"]
    rate, p50 = summarise([made], outcomes)
    assert (rate.ours.median, rate.ours.least, rate.ours.most, rate.runs) == (2000, 1000, 3000, 3)
    assert (rate.best, rate.peer.median) == ("best", 100)
    assert (rate.ratio.median, rate.ratio.least, rate.ratio.most) == (10, 5, 30), "round by round"
    assert (rate.target, rate.met) == ("≥ 10×", True)
    assert p50.ratio.median == pytest.approx(10), "less is better"
    assert (p50.target, p50.met, p50.ours.median) == ("≤ 5", True, 0.5)


def test_a_run_that_lost_a_message_is_told_and_never_averaged_in(ground):
    made = scenario(ours=measured(1000, None, 1200), peer=measured(1000, 1000, None))
    outcomes = rounds(ground, made)
    failed = [outcome for outcome in outcomes if outcome.failure]
    assert [(one.side, one.round, one.figures) for one in failed] == [(OURS, 2, {}), ("peer", 3, {})]
    assert failed[0].failure == "calls: 1 missing, of 1"
    rate, _ = summarise([made], outcomes)
    assert (rate.ours.median, rate.runs) == (1100, 2)
    assert (rate.ratio.median, rate.ratio.most) == (1, 1), "only the round where both were exact"


def test_a_side_that_never_was_exact_leaves_a_gap(ground):
    made = scenario(ours=measured(None), peer=measured(100))
    rate, _ = lines = summarise([made], rounds(ground, made, count=1))
    assert (rate.ours, rate.ratio, rate.met, rate.runs, rate.failed) == (None, None, False, 0, 1)
    console = Console(width=200, record=True)
    for shown in tables(lines, every=False):
        console.print(shown)
    assert "inexact" in console.export_text()


def test_a_target_is_not_met_when_a_run_of_ours_was_inexact(ground):
    made = scenario(ours=measured(1000, None), peer=measured(10, 10))
    rate, _ = summarise([made], rounds(ground, made, count=2))
    assert (rate.ratio.median, rate.met) == (100, False)


def test_a_peer_that_was_inexact_takes_nothing_from_ours(ground):
    made = scenario(ours=measured(1000, 1000), peer=measured(10, None))
    rate, _ = summarise([made], rounds(ground, made, count=2))
    assert (rate.ratio.median, rate.met) == (100, True)


def test_a_way_that_is_far_behind_is_tried_once(ground):
    made = scenario(
        ours=measured(1, 1, 1), hopeless=measured(50), near=measured(90, 90, 90), best=measured(100, 100, 100)
    )
    assert [one.round for one in rounds(ground, made) if one.side == "hopeless"] == [1]
    assert [one.round for one in rounds(ground, scenario(ours=measured(1, 1), near=measured(9, 9)), count=2)] == [
        1,
        1,
        2,
        2,
    ]


def test_what_takes_long_says_how_often_it_runs(ground):
    made = replace(scenario(ours=measured(1, 1), peer=measured(1, 1)), rounds=2)
    assert {one.round for one in rounds(ground, made)} == {1, 2}


def test_no_round_is_begun_that_would_end_too_late(ground):
    made = scenario(ours=measured(1, 1, 1), peer=measured(1, 1, 1))
    assert {one.round for one in rounds(ground, made, seconds=0.01)} == {1}


def test_an_answer_that_is_not_202_makes_the_run_inexact(tmp_path):
    with pytest.raises(Inexact, match=r"http://127.0.0.1:9/"):
        generate(tmp_path, "http://127.0.0.1:9/", [{}])


def test_a_figure_is_compared_with_the_peers_it_is_about(ground):
    sides = {
        "ours": measured(1000, 1000),
        "Celery one": measured(100, 100),
        "Celery two": measured(50),
        "RQ": measured(500),
    }
    figures = (Figure("rate", "messages/s", "P1", ratio=10, against="Celery"), Figure("rate", "peer: RQ", against="RQ"))
    made = replace(scenario(**sides), figures=figures)
    outcomes = rounds(ground, made, count=2)
    assert [one.side for one in outcomes if one.round == 2] == ["Celery one", OURS], (
        "who decides about nothing is tried once"
    )
    rate, beside = summarise([made], outcomes)
    assert (rate.best, rate.ratio.median, beside.best, beside.ratio.median) == ("Celery one", 10, "RQ", 2)
