"""What `crier dead` and `crier unknown` do it to: these ids, or all that match, once somebody has seen how many."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import click
from rich.console import Console
from rich.text import Text

from crier.cli.printable import one_line
from crier.cli.progress import working
from crier.cli.screen import screen
from crier.triage import Total, Triage, Where

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Any], Any]
_SHOWN = 10

HOW: tuple[Option, ...] = (
    click.option("--all", "everything", is_flag=True, help="Every one there is."),
    click.option("--dry-run", is_flag=True, help="Only say how many that would be."),
    click.option("--yes", is_flag=True, help="Do not ask."),
    click.option("--json", "as_json", is_flag=True, help="For programs."),
)


def takes(*options: Option) -> Callable[[Command], Command]:
    """Options for a command, in this order in its help."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def given(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that were given."""
    return {name: value for name, value in filters.items() if value is not None}


@dataclass(frozen=True)
class Deed:
    """What is to be done.

    Parameters:
        where, verb: the gateway's address for it. asked: what the request says besides whom.
        question: asked before it is done to all that match, with `{count}`. past: said when it was done.
    """

    where: Where
    verb: str
    asked: Mapping[str, Any]
    question: str
    past: str

    def do(self, ids: Sequence[UUID], options: Mapping[str, Any]) -> None:
        """Do it, and say what came of it.

        Parameters:
            options: those of HOW, and filters.

        Raises:
            UsageError: it is not clear which ones are meant, or nobody can be asked.
        """
        how = {name: options[name] for name in ("everything", "dry_run", "yes", "as_json")}
        filters = given({name: value for name, value in options.items() if name not in how})
        _check(ids, filters, everything=how["everything"], dry_run=how["dry_run"])
        triage, console, asked = Triage(), screen(), {**self.asked, "filter": filters}
        if ids:
            meant = list(dict.fromkeys(one for named in ids for one in triage.found(self.where, str(named))))
            total = triage.act_on(self.where, self.verb, self.asked, meant)
        else:
            count = triage.count(self.where, self.verb, asked)
            if how["dry_run"] or not count:
                _print_count(count, as_json=how["as_json"], console=console)
                return
            if not how["yes"]:
                _confirm(self.question.format(count=f"{count:,}"))
            with working(self.past, count, console) as progress:
                total = triage.act_on_matching(self.where, self.verb, asked, count, progress)
        _print(total, self.past, as_json=how["as_json"], console=console)


def _check(ids: Sequence[UUID], filters: Mapping[str, Any], *, everything: bool, dry_run: bool) -> None:
    if ids and (filters or everything or dry_run):
        raise click.UsageError("Give either ids or options that say which: not both.")
    if not ids and not filters and not everything:
        raise click.UsageError("Which? Give ids, options such as --channel or --after, or --all.")
    if filters and everything:
        raise click.UsageError("--all is for every one: leave out the options that say which.")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can answer here: give --yes; --dry-run shows the number.")
    click.confirm(question, abort=True, err=True)


def _print_count(count: int, *, as_json: bool, console: Console) -> None:
    if as_json:
        click.echo(json.dumps({"matching": count}))
    else:
        console.print(f"{count:,} match." if count else "None match: nothing to do.")


def _print(total: Total, past: str, *, as_json: bool, console: Console) -> None:
    if as_json:
        click.echo(json.dumps(total.to_json(), indent=2))
    else:
        console.print(f"{past}: {total.done:,}.")
        if total.skipped:
            console.print(f"Skipped: {total.skipped:,}. They stay as they are:", style="yellow")
            for identifier, problem in list(total.refusals.items())[:_SHOWN]:
                console.print(Text(f"  {identifier}  {one_line(problem)}"))
            if total.skipped > _SHOWN:
                console.print("  …", style="dim")
    if total.skipped and not total.done:
        raise SystemExit(1)
