"""Following a notification until it ends."""

import math

from rich.console import Console

from crier.answers import Notification
from crier.cli.timeline import local, state_text, timeline
from crier.client import Client


def follow(client: Client, notification_id: str, console: Console) -> Notification:
    """Show each event as it happens; returns when every delivery has ended.

    Ctrl-C ends the looking, and not the notification: then the process says how to look again.
    """
    shown = 0
    with console.status("") as status:

        def show(found: Notification) -> None:
            nonlocal shown
            if events := found["timeline"][shown:]:
                console.print(timeline(events))
                shown += len(events)
            status.update(_waiting(found))

        try:
            return client.wait(notification_id, timeout=math.inf, watch=show)
        except KeyboardInterrupt:
            console.print(f"It goes on without us. To look again: crier show {notification_id}", style="dim")
            raise SystemExit(130) from None


def _waiting(found: Notification) -> str:
    soonest = min((one["next_at"] for one in found["deliveries"] if one["next_at"]), default=None)
    when = f", next at {local(soonest, '%H:%M:%S')}" if soonest else ""
    return f"{state_text(found['state']).plain}{when}"
