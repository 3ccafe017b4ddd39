"""`crier logs`."""

import difflib

import click
from rich.console import Console

from crier.cli.log_lines import render
from crier.local.errors import LocalError
from crier.local.home import Home
from crier.local.logs import follow, recent, written_by


@click.command(
    epilog="""\b
Examples:
  crier logs                   the last lines of everything, in the order of time
  crier logs gateway -n 200    more, of one program
  crier logs workers -f        and what it writes from now on, until Ctrl-C
"""
)
@click.argument("service", required=False)
@click.option("-f", "--follow", "goes_on", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--lines", default=20, show_default=True, type=click.IntRange(0), help="Lines of each program.")
def logs(service: str | None, goes_on: bool, lines: int) -> None:
    """Show what the programs write.

    JSON lines are shown in short; the files themselves are in `logs/` of the home folder.
    """
    home = Home.find()
    programs = [_known(home, service)] if service else None
    console = Console(soft_wrap=True)
    width = max((len(name) for name in written_by(home)), default=0)
    # Begun before the last lines are read: one that comes between is shown twice rather than not at all.
    following = follow(home, programs) if goes_on else ()
    for line in recent(home, programs or written_by(home), lines):
        console.print(render(line, width))
    try:
        for line in following:
            console.print(render(line, width))
    except KeyboardInterrupt:
        return


def _known(home: Home, service: str) -> str:
    names = written_by(home)
    if service in names:
        return service
    if not names:
        raise LocalError(f"There are no logs in {home.logs} yet. `crier up` starts what writes them.")
    near = difflib.get_close_matches(service, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise LocalError(f"{service} has no log.{hint} There are: {', '.join(names)}.")
