"""`crier sandbox`: the stand-ins in the foreground, with a line for each call."""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from crier.sandbox.journal import Entry
from crier.sandbox.server import Ports, Sandbox
from crier.sandbox.summary import Outcome, answer, headline, outcome

HTTP_PORT, SMTP_PORT, SMTPS_PORT = 8420, 8425, 8465
_STYLES = {
    Outcome.ACCEPTED: "green",
    Outcome.REFUSED: "red",
    Outcome.BROKEN: "yellow",
    Outcome.ANSWERED: "dim",
}


@click.command(
    epilog="""\b
Examples:
  crier sandbox
  crier sandbox --env > sandbox.env &     then, here or in another shell:  . ./sandbox.env
  crier sandbox --folder ./received       keeps what it receives in ./received/journal.ndjson
  crier sandbox --receipts-to http://127.0.0.1:8025     tells Crier what became of each message

\b
Without being told, the stand-ins answer as their vendors do, magic recipients included:
+15005550001 is no valid number, bounce+550-5.1.1@example.com bounces. To be told otherwise:
  curl -X PUT 127.0.0.1:8420/behaviour/twilio -d '{"error": 20429, "retry_after": 30, "times": 5}'
  curl -X PUT 127.0.0.1:8420/behaviour/smtp -d '{"recipient": "*@example.com", "fault": "close"}'
  curl -X DELETE 127.0.0.1:8420/behaviour

\b
Receipts can come late, twice and in disorder, and people can write STOP:
  curl -X PUT 127.0.0.1:8420/callbacks -d '{"to": "http://127.0.0.1:8025", "repeat": 5, "shuffle": true, "early": true}'
  curl -X POST 127.0.0.1:8420/events/twilio/inbound -d '{"number": "+447700900123", "body": "STOP"}'
"""
)
@click.option("--port", default=HTTP_PORT, show_default=True, help="HTTP: vendors, page and control.")
@click.option("--smtp-port", default=SMTP_PORT, show_default=True, help="SMTP with STARTTLS.")
@click.option("--smtps-port", default=SMTPS_PORT, show_default=True, help="SMTP inside TLS.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where journal, certificates and credentials are kept; a temporary one if not given.",
)
@click.option("--receipts-to", metavar="URL", help="Where Crier's gateway is on this machine: vendors report to it.")
@click.option("--env", "environment", is_flag=True, help="Print the settings as export lines, then serve.")
@click.option("--quiet", is_flag=True, help="Show nothing of what arrives.")
def sandbox(
    *,
    port: int,
    smtp_port: int,
    smtps_port: int,
    folder: Path | None,
    receipts_to: str | None,
    environment: bool,
    quiet: bool,
) -> None:
    """Run a local SMTP server and stand-ins for the vendors, and show what they receive.

    Nothing leaves this machine. A port of 0 takes a free one.
    """
    console = Console(stderr=environment, highlight=False)
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crier-sandbox-")))
        try:
            served = Sandbox(folder, Ports(port, smtp_port, smtps_port), receipts_to=receipts_to)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--receipts-to") from error
        except OSError as error:
            raise click.ClickException(
                f"{error}. Choose other ports with --port, --smtp-port and --smtps-port."
            ) from error
        if not quiet:
            served.journal.listeners.append(lambda entry: _show(console, _line(served, entry)))
        asyncio.run(served.run(lambda: _greet(served, console, environment=environment, quiet=quiet)))


def _greet(served: Sandbox, console: Console, *, environment: bool, quiet: bool) -> None:
    if environment:
        click.echo(served.exports, nl=False)
    if not quiet:
        console.print(f"[bold]Crier sandbox[/] on [link={served.url}]{served.url}[/]", end=" ")
        console.print(f"SMTP {served.ports.smtp} (STARTTLS), {served.ports.smtps} (TLS)", style="dim")
        if not environment:
            console.print("Settings for Crier: that page shows them, --env prints them.", style="dim")


def _show(console: Console, line: Text) -> None:
    """One line, cut to fit a terminal; whole where it goes to a file."""
    if console.is_terminal:
        console.print(line, no_wrap=True, overflow="ellipsis")
    else:
        console.print(line, soft_wrap=True)


def _line(served: Sandbox, entry: Entry) -> Text:
    """A call in a line. `Text`, not markup: what was received must not style the terminal."""
    line = Text()
    line.append(f"{entry.time[11:19]} ", style="dim")
    line.append(f"{entry.vendor:<10}", style="bold")
    line.append(f"{answer(entry)[:24]:<25}", style=_STYLES[outcome(entry)])
    line.append(f"{_printable(entry.recipient or entry.action)}  ")
    line.append(_printable(headline(entry, served.preview(entry))), style="dim")
    return line


def _printable(text: str) -> str:
    """`text` in one line, without what could drive a terminal."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
