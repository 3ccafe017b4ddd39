"""The command says what it can do, refuses rows that are not there, and reports what was seen."""

from collections import Counter

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console

from chaos.books import reconcile
from chaos.command import main
from chaos.report import BEGIN, END, markdown, table, write_json, write_markdown
from chaos.rows import ROWS
from chaos.seen import Books, Outcome, Seen, at_most

MACHINE = {
    "date": "2026-03-01", "processor": "A processor", "usable_cores": 2, "memory_gb": 8.0, "system": "Linux",
    "python": "3.12", "versions": {"PostgreSQL": "18"}, "load_at_begin": 0.5, "load_at_end": 2.0,
}  # fmt: skip


def books(**found):
    usual = {"accepted": 3, "delivered": 3, "lost": [], "duplicated": {}, "doubled": [], "held": 0}
    return Books(**{**usual, **found}, states=Counter(sent=3))


def outcome(number=6, *checks, **found):
    return Outcome(number, f"fault {number}", "the bar", "redis", 12.0, 0.5, Seen(books(**found), checks, recovery=2.5))


def test_it_says_what_it_can_do():
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert "python -m chaos --rows 2,3" in done.output


def test_a_row_that_is_not_there_is_refused_with_those_that_are():
    done = CliRunner().invoke(main, ["--rows", "3,99"])
    assert done.exit_code == 2
    assert "there is no row 99; there are 1, 2, 3," in done.output


def test_every_row_of_the_matrix_is_there_and_says_its_bar():
    assert {row.number for row in ROWS} == {*range(1, 12), *range(13, 18), 19, 20}
    assert all(row.fault and row.bar and row.seconds[0] >= row.seconds[1] for row in ROWS)
    assert len({row.fault for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("found", [{"lost": ["+44"]}, {"duplicated": {"+44": 2}}, {"doubled": ["+44"]}])
def test_what_is_lost_or_twice_misses_every_bar(found):
    assert not outcome(**found).met
    assert outcome().met


def test_table_and_page_name_the_bar_that_was_missed(tmp_path):
    outcomes = [outcome(8, at_most("slowest answer", 2.5, 2, " s")), outcome(6)]
    console = Console(width=250, record=True)
    console.print(table(outcomes))
    shown = console.export_text()
    assert "MISSED: slowest answer: 2.5 s (bar: ≤ 2 s)" in shown
    assert shown.index("fault 6") < shown.index("fault 8")

    page = tmp_path / "page.md"
    page.write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter\n")
    for _ in range(2):
        write_markdown(page, markdown(outcomes, MACHINE, seed=7, quick=False, minutes=12))
    text = page.read_text()
    assert text.startswith("Before\n") and text.endswith("After\n") and "old" not in text
    assert "| 6 | fault 6 | redis | 3 | 3 | 0 | 0 | 0 | 2.5 s | met |" in text
    assert "2 cores" in text and "Seed 7" in text

    write_json(tmp_path / "all.json", outcomes, MACHINE, seed=7)
    assert [row["met"] for row in orjson.loads((tmp_path / "all.json").read_bytes())["rows"]] == [True, False]


def test_what_is_accepted_without_a_row_or_an_end_or_a_call_is_lost(database):
    found = reconcile({"+447700900001": set()}, database, Counter({"+447700900001": 2}))
    assert (found.lost, found.duplicated, found.delivered) == (["+447700900001"], {"+447700900001": 2}, 1)
