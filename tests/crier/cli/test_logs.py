"""`crier logs`: lines in the order of time, JSON as one readable line, and nothing that could steer the terminal."""

import json
from pathlib import Path

import pytest

from crier.cli.log_lines import render
from crier.local.home import Home
from crier.local.logs import BEFORE_ALL, LogLine
from tests.crier.cli.conftest import Terminal


def written(home: Home, program: str, *lines: str) -> Path:
    home.prepare()
    path = home.log(program)
    with path.open("a") as log:
        log.writelines(f"{line}\n" for line in lines)
    return path


def event(second: int, text: str, **fields: object) -> str:
    return json.dumps({"event": text, "level": "info", "timestamp": f"2026-01-02T03:04:{second:02}Z", **fields})


def test_lines_of_all_programs_come_in_the_order_of_time(terminal: Terminal) -> None:
    written(terminal.home, "gateway", event(1, "first"), "its second line", event(7, "seventh"))
    written(terminal.home, "postgres", "2026-01-02 03:04:03.000 UTC [7] LOG:  third")
    written(terminal.home, "workers", "[2026-01-02 03:04:04,000] [PID 7] fourth")
    shown = terminal.run("logs", TZ="UTC").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["gateway", "gateway", "postgres", "workers", "gateway"]
    assert shown[0] == "gateway  03:04:01 info    first"


def test_only_the_last_lines_of_one_program_when_asked(terminal: Terminal) -> None:
    written(terminal.home, "gateway", *(event(second, f"event {second}") for second in range(50)))
    written(terminal.home, "relay", event(0, "elsewhere"))
    shown = terminal.run("logs", "gateway", "-n", "2").stdout
    assert [line.rsplit(maxsplit=1)[1] for line in shown.splitlines()] == ["48", "49"]


def test_what_is_added_is_followed_over_a_rotation_and_a_new_program(terminal: Terminal) -> None:
    log = written(terminal.home, "gateway", event(1, "before"))
    with terminal.spawn("logs", "-f") as logs:
        assert logs.stdout is not None
        assert "before" in logs.stdout.readline()
        with log.open("a") as file:
            file.write(event(2, "added")[:20])
            file.flush()
            file.write(event(2, "added")[20:] + "\n")
        assert "added" in logs.stdout.readline()
        written(terminal.home, "gateway", event(3, "last of the old file"))
        log.rename(log.with_suffix(".log.1"))
        written(terminal.home, "gateway", event(4, "rotated"))
        assert "last of the old file" in logs.stdout.readline()
        assert "rotated" in logs.stdout.readline()
        written(terminal.home, "relay", event(5, "newcomer"))
        assert logs.stdout.readline().startswith("relay")


def test_a_program_without_a_log_is_named_with_those_that_have_one(terminal: Terminal) -> None:
    assert "There are no logs in" in terminal.run("logs", "gateway").stderr
    written(terminal.home, "gateway", event(1, "here"))
    refused = terminal.run("logs", "gatway")
    assert refused.returncode == 1
    assert "Did you mean gateway?" in refused.stderr


def test_an_event_is_one_line_with_its_values_and_a_traceback_below() -> None:
    line = LogLine.parse(
        "gateway", event(1, "accepted", level="error", id="n_1", count=3, exception="Traceback\n  x"), BEFORE_ALL
    )
    shown = render(line).plain
    assert shown.splitlines()[0].endswith("error   accepted  id=n_1  count=3")
    assert shown.splitlines()[1:] == ["Traceback", "  x"]


def test_a_line_break_in_a_value_does_not_make_another_line() -> None:
    line = LogLine.parse("gateway", event(1, "sent\ngateway  03:04:05 info  forged", to="a\nb"), BEFORE_ALL)
    assert len(render(line).plain.splitlines()) == 1


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", json.dumps({"event": "\x1b[2J", "a": "\x9b1m", "\x1bk": "v"})])
def test_escape_sequences_in_a_log_do_not_reach_the_terminal(text: str) -> None:
    shown = render(LogLine.parse("gateway", text, BEFORE_ALL)).plain
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}


def test_markup_in_a_log_is_shown_as_it_is() -> None:
    assert "[bold]x[/bold]" in render(LogLine.parse("gateway", "[bold]x[/bold]", BEFORE_ALL)).plain
