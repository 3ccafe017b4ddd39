"""`crier up`, `down`, `restart` and `status`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

import click
from rich.console import Console
from rich.filesize import decimal
from rich.panel import Panel
from rich.table import Table

from crier.cli.interrupts import interrupted_by_every_signal
from crier.cli.log_lines import render
from crier.cli.screen import screen
from crier.cli.steps import steps_on
from crier.local.cluster import DEFAULT_PORT, Cluster
from crier.local.errors import LocalError, NotRunning
from crier.local.home import Home
from crier.local.logs import LogLine, follow
from crier.local.running import Running
from crier.local.states import ProgramState

COLOURS = {"running": "green", "starting": "yellow", "restarting": "red", "stopping": "yellow", "stopped": "red"}


@click.command(
    epilog="""\b
Examples:
  crier up                     everything in this terminal, until Ctrl-C
  crier up --detach            in the background; `crier down` ends it
  crier up --split             a process per channel, as in production
  crier up --port 9000         another port for the gateway

\b
PostgreSQL and Redis are embedded, unless these name others:
  CRIER_DATABASE_URL=postgresql://user:password@host/name
  CRIER_BROKER_URL=redis://… or amqp://…
  CRIER_REDIS_URL=redis://…    for task results beside RabbitMQ
Data, logs and the API key are kept in CRIER_HOME, or ~/.crier.
"""
)
@click.option("--split", is_flag=True, help="One process per channel instead of one for all.")
@click.option("--detach", is_flag=True, help="Return when all is up, and leave it running.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Port of the gateway.  [default: CRIER_GATEWAY_PORT, or {DEFAULT_PORT}]",
)
def up(split: bool, detach: bool, port: int | None) -> None:
    """Start everything on this machine: PostgreSQL, Redis, gateway, relay, scheduler and workers.

    What ends by itself is started again within a second.
    """
    console = screen()
    cluster = Cluster(Home.find())
    step = steps_on(console)
    with interrupted_by_every_signal() as interrupts:
        running = cluster.up(split=split, port=port, foreground=not detach, step=interrupts.between(step))
        names = [state.name for state in cluster.states()]
        lines = follow(cluster.home, names, until=lambda: not running.is_alive())
        console.print(_welcome(cluster.home, running, detach))
        if detach:
            return
        try:
            _show_until_it_ends(console, cluster, lines, width=max(map(len, names)))
        except KeyboardInterrupt:
            console.print("Stopping everything…", style="dim")
            cluster.down(step)


@click.command(
    epilog="""\b
Examples:
  crier down
  CRIER_HOME=/srv/crier crier down
"""
)
def down() -> None:
    """Stop everything in order, and what a killed run left behind. The data stays."""
    console = screen()
    cluster = Cluster(Home.find())
    if cluster.down(steps_on(console)):
        console.print(f"Stopped. The data is kept in {cluster.home.data}.", highlight=False)
    else:
        console.print(f"Nothing was running in {cluster.home.root}.", highlight=False)


@click.command(
    epilog="""\b
Examples:
  crier restart                gateway, relay, scheduler and workers
  crier restart workers        one of them
  crier restart postgres       a server too, when named
"""
)
@click.argument("service", required=False)
def restart(service: str | None) -> None:
    """Restart one program, or all services.

    What is being sent is finished first. The environment stays that of `crier up`.
    """
    Cluster(Home.find()).restart(service, steps_on(screen()))


@click.command(
    epilog="""\b
Examples:
  crier status
  crier status --json | jq '.programs[] | {name, state, restarts}'
"""
)
@click.option("--json", "as_json", is_flag=True, help="For programs: uptime in seconds, memory in bytes.")
def status(as_json: bool) -> None:
    """Show every program: state, pid, uptime, restarts, CPU and memory.

    Ends with 1 when nothing is running.
    """
    cluster = Cluster(Home.find())
    try:
        running = cluster.running()
        states = cluster.states(measure=True)
    except NotRunning:
        if not as_json:
            raise
        click.echo(json.dumps({"running": False, "home": str(cluster.home.root), "programs": []}))
        raise click.exceptions.Exit(1) from None
    if as_json:
        programs = [asdict(state) for state in states]
        report = {"running": True, "home": str(cluster.home.root), "url": running.url, "programs": programs}
        click.echo(json.dumps(report, indent=2))
    else:
        console = screen()
        console.print(_table(states))
        console.print(f"Gateway {running.url}   home {cluster.home.root}", style="dim", highlight=False)


def _show_until_it_ends(console: Console, cluster: Cluster, lines: Iterator[LogLine], width: int) -> None:
    for line in lines:
        console.print(render(line, width), soft_wrap=True)
    if cluster.clear_after_end():
        raise LocalError(f"The supervisor has ended. {cluster.home.log('supervisord')} may say why.")
    console.print("Stopped by `crier down`.", style="dim")


def _welcome(home: Home, running: Running, detached: bool) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_row("Gateway", f"[link={running.url}]{running.url}[/link]")
    table.add_row("Docs", f"[link={running.url}/docs]{running.url}/docs[/link]")
    table.add_row("API key", f"in {home.credentials}")
    where = "" if detached else "   [dim]in another terminal[/]"
    table.add_row("Next", f"[bold]crier status[/], [bold]crier logs -f[/], [bold]crier health[/]{where}")
    table.add_row("End", "[bold]crier down[/]" if detached else "[bold]Ctrl-C[/]")
    return Panel(table, title="Crier is up", title_align="left", expand=False, border_style="green")


def _table(states: list[ProgramState]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("PROGRAM")
    table.add_column("STATE")
    for name in ("PID", "UP", "RESTARTS", "CPU", "MEMORY"):
        table.add_column(name, justify="right")
    for state in states:
        table.add_row(
            state.name,
            f"[{COLOURS.get(state.state, '')}]{state.state}[/]",
            str(state.pid or ""),
            str(timedelta(seconds=int(state.uptime))) if state.uptime is not None else "",
            f"[red]{state.restarts}[/]" if state.restarts else "0",
            f"{state.cpu_percent:.0f}%" if state.cpu_percent is not None else "",
            decimal(state.memory_bytes) if state.memory_bytes is not None else "",
        )
    return table
