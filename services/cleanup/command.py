"""`python -m services.cleanup`: check, try, run and undo the policies of CRIER_CLEANUP_POLICIES by hand."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cleanup.declared.cleaner import Preview
from services.cleanup.declared.file import near, read
from services.cleanup.declared.policy import Declared, Policy, TablePolicy
from services.cleanup.declared.report import DatabaseReport, as_html, as_json, readable, survey
from services.cleanup.declared.restore import restore as put_back
from services.cleanup.declared.runner import EXPECTED, Runner, cleaner_of, first_line
from services.cleanup.settings import CleanupSettings
from shared.errors import InvalidInput
from shared.ledger.database import Database
from shared.settings import EngineSettings, load
from shared.telemetry.logging import configure_logging

_UNCUT = 200  # columns, where nobody's window limits them


class _Group(click.Group):
    """Errors that people can mend are one message, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise click.ClickException(_listed(error)) from error
        except EXPECTED as error:
            raise click.ClickException(str(error).strip() or type(error).__name__) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def cleanup() -> None:
    """Check, try, run and undo policies of your own: those of the file that CRIER_CLEANUP_POLICIES names.

    The cleanup service runs them by itself, when each one's schedule says so.
    """
    configure_logging(level="WARNING", form="console")


@cleanup.command(
    epilog="""\b
Example:
  python -m services.cleanup check
"""
)
def check() -> None:
    """Say whether every policy can do what it says; touches nothing."""
    settings, declared = _declared()
    problems: dict[str, list[str]] = {}
    for path, policy in declared.each():
        with _collected(path, problems):
            cleaner_of(declared, path, policy, settings).check()
    if problems:
        raise InvalidInput(problems)
    _screen().print(f"{len(declared.each())} policies can do what they say.")


@cleanup.command(
    epilog="""\b
Examples:
  python -m services.cleanup run --dry-run
  python -m services.cleanup run expired-seats
  python -m services.cleanup run --all
"""
)
@click.argument("names", metavar="[POLICY]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every policy of the file.")
@click.option("--dry-run", is_flag=True, help="Show what would go, of every policy unless some are named.")
@click.option("--json", "is_json", is_flag=True, help="For programs.")
def run(names: tuple[str, ...], everything: bool, dry_run: bool, is_json: bool) -> None:
    """Run policies now, whatever their schedules say; or show what they would remove."""
    settings, declared = _declared()
    if not names and not everything and not dry_run:
        raise click.UsageError("Name policies, or say --all; --dry-run shows what they would remove.")
    chosen = _chosen(declared, names)
    if dry_run:
        _preview(settings, declared, chosen, is_json=is_json)
    else:
        _run(settings, declared, chosen, is_json=is_json)


@cleanup.command(
    epilog="""\b
Examples:
  python -m services.cleanup report --out /var/lib/crier/reports
  python -m services.cleanup report --json
"""
)
@click.argument("names", metavar="[DATABASE]...", nargs=-1)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write HTML and JSON into this folder.")
@click.option("--json", "is_json", is_flag=True, help="For programs.")
def report(names: tuple[str, ...], out: Path | None, is_json: bool) -> None:
    """Say how large the databases are, what in them is waste, and what to do about it.

    Growth is told by comparing with the latest earlier report in the folder of --out.
    """
    settings, declared = _declared()
    wanted = names or tuple(declared.databases)
    for name in wanted:
        if name not in declared.databases:
            raise click.UsageError(f"{name!r} is not in [databases].{near(name, list(declared.databases))}")
    before = _earlier(out) if out else {}
    reports = [survey(name, declared.databases[name], before.get(name), settings.lock_timeout) for name in wanted]
    if out:
        for file in _written(out, reports):
            click.echo(str(file))
    elif is_json:
        click.echo(orjson.dumps(as_json(reports), option=orjson.OPT_INDENT_2).decode())
    else:
        for one in reports:
            _show(one)


@cleanup.command(
    epilog="""\b
Example:
  python -m services.cleanup restore --policy trip-locations /var/lib/crier/archive/trip-locations/*.jsonl.gz
"""
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--policy", "name", required=True, help="Whose rows they are: says the database and the table.")
def restore(files: tuple[Path, ...], name: str) -> None:
    """Put archived rows back into their table. Each file is called `.restored` afterwards.

    They are as old as they were: take the policy out of the file first, or it archives them again at its next run.
    """
    settings, declared = _declared()
    ((path, policy),) = _chosen(declared, (name,))
    if not isinstance(policy, TablePolicy):
        raise click.UsageError(f"{name} is no policy on a table.")
    url = declared.databases[policy.database]
    with _bar(f"Restoring {policy.table}", len(files)) as tell:
        for number, file in enumerate(files, 1):
            (done,) = put_back(policy, url, path, [file], settings.lock_timeout)
            tell(number)
            there = f"; {done.were_there} had a row with their key, which stays" if done.were_there else ""
            click.echo(f"{done.file.name}: {done.rows} rows put back{there}")


def _declared() -> tuple[CleanupSettings, Declared]:
    settings: CleanupSettings
    (settings,) = load(CleanupSettings)
    if settings.policies is None:
        raise click.ClickException("CRIER_CLEANUP_POLICIES is not set: it names the file with the policies.")
    return settings, read(settings.policies, os.environ)


def _chosen(declared: Declared, names: tuple[str, ...]) -> list[tuple[str, Policy]]:
    known = {policy.name: (path, policy) for path, policy in declared.each()}
    for name in names:
        if name not in known:
            raise click.UsageError(f"There is no policy {name!r}.{near(name, list(known))}")
    return [known[name] for name in names] if names else list(known.values())


def _preview(settings: CleanupSettings, declared: Declared, chosen: list[tuple[str, Policy]], *, is_json: bool) -> None:
    found: dict[str, Preview] = {}
    problems: dict[str, list[str]] = {}
    for path, policy in chosen:
        with _collected(path, problems):
            found[policy.name] = cleaner_of(declared, path, policy, settings).preview()
    if is_json:
        shown = {name: asdict(one) for name, one in found.items()}
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
    else:
        table = Table("POLICY", "WOULD GO", "OLDEST", "NEWEST", "SIZE", "", box=None, pad_edge=False)
        for name, one in found.items():
            ends = (end or "" for end in (one.oldest, one.newest))
            table.add_row(name, f"{one.count:,}", *ends, readable(one.size), one.refusal or "")
        _screen().print(table)
    if problems:
        raise InvalidInput(problems)


def _run(settings: CleanupSettings, declared: Declared, chosen: list[tuple[str, Policy]], *, is_json: bool) -> None:
    (engine,) = load(EngineSettings)
    ledger = Database(engine.database_url, pool_size=2)
    runner = Runner(ledger, settings, os.environ)
    results: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for path, policy in chosen:
        with _collected(path, problems), _bar(policy.name, None) as tell:
            results[policy.name] = runner.run(declared, path, policy, float("inf"), tell)
        if policy.name in results and not is_json:
            said = ", ".join(f"{key} {value}" for key, value in results[policy.name].items() if key != "complete")
            click.echo(f"{policy.name}: {said}")
    ledger.close()
    if is_json:
        click.echo(orjson.dumps(results, option=orjson.OPT_INDENT_2).decode())
    if problems:
        raise InvalidInput(problems)


@contextmanager
def _collected(path: str, problems: dict[str, list[str]]) -> Iterator[None]:
    """What is wrong with one policy keeps no other from being looked at."""
    try:
        yield
    except InvalidInput as error:
        problems.update(error.fields)
    except EXPECTED as error:
        problems[path] = [first_line(error)]


@contextmanager
def _bar(what: str, count: int | None) -> Iterator[Callable[[int], None]]:
    console = _screen(stderr=True)
    # Where nobody looks, only the outcome is written.
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    ) as bars:  # fmt: skip
        task = bars.add_task(what, total=count)
        yield lambda done: bars.update(task, completed=done)


def _earlier(folder: Path) -> dict[str, Any]:
    """The databases of the latest report in a folder."""
    known = sorted(folder.glob("databases-*.json"))
    return {one["name"]: one for one in orjson.loads(known[-1].read_bytes())["databases"]} if known else {}


def _written(folder: Path, reports: list[DatabaseReport]) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"databases-{max(one.taken_at for one in reports):%Y%m%dT%H%M%SZ}"
    for suffix, content in (
        ("json", orjson.dumps(as_json(reports), option=orjson.OPT_INDENT_2)),
        ("html", as_html(reports).encode()),
    ):
        path = folder / f"{stem}.{suffix}"
        path.write_bytes(content)
        yield path


def _show(one: DatabaseReport) -> None:
    console = _screen()
    console.print(f"{one.name}: {one.database}, {readable(one.bytes)}", style="bold")
    table = Table("TABLE", "ROWS", "SIZE", "INDEXES", "EMPTY", "DEAD", "VACUUMED", box=None, pad_edge=False)
    for row in one.tables:
        vacuumed = f"{row['vacuumed_at']:%Y-%m-%d %H:%M}" if row["vacuumed_at"] else "never"
        sizes = [readable(row[key]) for key in ("table_bytes", "index_bytes", "bloat_bytes")]
        table.add_row(row["name"], f"{row['live']:,}", *sizes, f"{row['dead']:,}", vacuumed)
    console.print(table)
    for advice in one.recommendations:
        console.print(f"• {advice.about}: {advice.says} {advice.statement or ''}", markup=False)


def _listed(error: InvalidInput) -> str:
    lines = [f"  - {path}: {problem}" for path, problems in error.fields.items() for problem in problems]
    return "\n".join(("This cannot be done as it is:", *lines))


def _screen(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_UNCUT)
