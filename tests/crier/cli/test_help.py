"""`crier --help` is quick and complete, and every command shows examples."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from crier.cli import COMMANDS, main


def test_help_lists_every_command_and_imports_none() -> None:
    script = (
        "import sys; from crier.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'rich', 'psutil', 'sqlalchemy', 'requests', 'supervisor'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
    assert all(f"  {name} " in shown and summary in shown for name, (_, summary, _) in COMMANDS.items())


def spoken() -> list[str]:
    """Every command as it is typed, but those of a group that are told nothing: `templates list`."""
    context, found = click.Context(main), []
    for name in COMMANDS:
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            found += [f"{name} {part}" for part, inner in command.commands.items() if has_arguments(inner)]
        else:
            found.append(name)
    return found


def has_arguments(command: click.Command) -> bool:
    return any(isinstance(parameter, click.Argument) for parameter in command.params)


@pytest.mark.parametrize("words", spoken())
def test_every_command_shows_an_example(words: str) -> None:
    result = CliRunner().invoke(main, [*words.split(), "--help"])
    assert result.exit_code == 0, result.output
    assert "Example" in result.output
    assert f"crier {words}" in result.output


def test_a_mistyped_command_is_recognised() -> None:
    result = CliRunner().invoke(main, ["stauts"])
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.output


def test_every_command_is_a_click_command_of_its_name() -> None:
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
