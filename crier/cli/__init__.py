"""The `crier` command. Commands are imported when they are used, so that `crier --help` is quick."""

import difflib
import importlib
from typing import Any

import click

from crier.local.errors import LocalError
from shared.errors import CrierError

# name: (where, one line for `crier --help`, the extra it needs)
COMMANDS = {
    "up": ("crier.cli.cluster:up", "Start everything on this machine.", "local"),
    "down": ("crier.cli.cluster:down", "Stop everything; the data stays.", "local"),
    "restart": ("crier.cli.cluster:restart", "Restart one program, or all services.", "local"),
    "status": ("crier.cli.cluster:status", "Show every program: state, uptime, CPU, memory.", "local"),
    "logs": ("crier.cli.logs:logs", "Show what the programs write.", "local"),
    "health": ("crier.cli.health:health", "Say whether everything works, and what to do when not.", "local"),
    "doctor": ("crier.cli.health:doctor", "Say whether this machine can run Crier.", "local"),
    "send": ("crier.cli.send:send", "Send one notification.", "cli"),
    "bulk": ("crier.cli.bulk:bulk", "Send to everybody in a CSV or NDJSON file.", "cli"),
    "show": ("crier.cli.notifications:show", "Show a notification and what became of it.", "cli"),
    "list": ("crier.cli.notifications:list_notifications", "List notifications, newest first.", "cli"),
    "cancel": ("crier.cli.notifications:cancel", "Stop what has not been sent yet.", "cli"),
    "retry": ("crier.cli.notifications:retry", "Send again what failed or is unknown.", "cli"),
    "dead": ("crier.cli.dead:dead", "Look at what was given up; replay or purge it.", "cli"),
    "unknown": ("crier.cli.unknown:unknown", "Decide what nobody knows: sent, or not?", "cli"),
    "templates": ("crier.cli.templates:templates", "List, show, preview and add templates.", "cli"),
    "devices": ("crier.cli.devices:devices", "List, register and remove a user's devices.", "cli"),
    "outbox": ("crier.cli.outbox:outbox", "Look at what was kept while a channel has no provider.", "cli"),
    "inbox": ("crier.cli.inbox:inbox", "Look at a person's in-app notifications; watch them arrive.", "cli"),
    "webhooks": ("crier.cli.webhooks:webhooks", "Say where webhooks go, and what is told there.", "cli"),
    "chats": ("crier.cli.chats:chats", "Say where chat messages go: Slack, Telegram, …", "cli"),
    "suppressions": ("crier.cli.suppressions:suppressions", "See whom not to write to; add or remove somebody.", "cli"),
    "recipients": ("crier.cli.recipients:recipients", "Store people; say what they want, and when they rest.", "cli"),
    "categories": ("crier.cli.categories:categories", "Say what messages are about, for people to choose.", "cli"),
    "quiet-hours": ("crier.cli.quiet_hours:quiet_hours", "Say when people are left in peace.", "cli"),
    "caps": ("crier.cli.caps:caps", "Say how often to write to one person, at most.", "cli"),
    "calendar": ("crier.cli.calendar:calendar", "Show the periodic jobs, and what came of them.", "cli"),
    "schedules": ("crier.cli.schedules:schedules", "Send later, at intervals or by cron.", "cli"),
    "audiences": ("crier.cli.audiences:audiences", "Upload lists of people, for campaigns.", "cli"),
    "campaigns": ("crier.cli.campaigns:campaigns", "Send to everybody on a list; try, pause and watch it.", "cli"),
    "events": ("crier.cli.events:events", "Say what to remind people of; move and cancel it.", "cli"),
    "keys": ("crier.cli.keys:keys", "Make, list and end API keys.", "cli"),
    "cleanup": ("crier.cli.cleanup:cleanup", "Check, try, run and undo cleanup policies of your own.", "local"),
    "identity": ("crier.cli.identity:identity", "Say who messages come from, and how templates look.", "cli"),
    "demo": ("crier.cli.demo:demo", "Show everything on this machine, and account for every call.", "local"),
    "sandbox": ("crier.cli.sandbox:sandbox", "Run stand-ins for the vendors, and show what they receive.", "sandbox"),
}


class LazyGroup(click.Group):
    """A group whose commands are in COMMANDS. Errors that people can mend are one message, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        where, _, extra = COMMANDS[name]
        module, _, attribute = where.partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`crier {name}` needs a package that is not installed ({error.name}): pip install 'crier[{extra}]'"
            ) from error
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary, _) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (LocalError, CrierError) as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
To begin:
  crier demo                   shows it all, on this machine alone, in a minute or two
  crier up                     starts everything; Ctrl-C stops it
  crier status                 in another terminal
  crier COMMAND --help         says more, with examples
""",
)
@click.version_option(package_name="crier", prog_name="crier")
def main() -> None:
    """Delivers notifications by email, SMS, WhatsApp, push, in-app, chat, webhook; nothing accepted is ever lost."""
