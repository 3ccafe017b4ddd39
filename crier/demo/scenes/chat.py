"""Alerts arrive in every chat service there is a stand-in of, and ping nobody; one that is refused says why."""

import json
from typing import Any

from crier.demo.singles import WAITING, Script, Singles
from crier.sandbox import Entry
from crier.sandbox.chat import Discord, Slack, Teams, Telegram, discord, telegram

PROMISE = "chat"
DESTINATIONS = {
    "slack": (Slack.url("BOPS"), "BOPS"),
    "discord": (Discord.url("ops"), str(discord.number_of("ops"))),
    "telegram": (Telegram.url("ops"), str(telegram.number_of("ops"))),
    "teams": (Teams.url("0" * 32), "0" * 32),
}
"""Addresses in each service, and what the stand-in calls the recipient."""
STRANGER = "@everyone, see [this](https://evil.example)"
ENDED = ("sent", "delivered", "failed")


def chat(send: Singles) -> Script:
    """A project of its own with a destination in each service, and one whose channel was archived."""
    client = send.stage.project("operations")
    send.sandbox.behave("slack", recipient="BOLD", error="channel_is_archived")
    for name, (url, _) in DESTINATIONS.items():
        client.chats.create(name, url)
    client.chats.create("archived", Slack.url("BOLD"))
    sample = send.rendering.templates["system_alert"].sample
    alert: dict[str, Any] = {**sample, "facts": [{"name": "A comment", "value": STRANGER}]}
    ids = {
        name: client.send(template="system_alert", channel="chat", to={"chat": name}, data=alert)["id"]
        for name in (*DESTINATIONS, "archived")
    }
    while any(client.get(one)["state"] not in ENDED for one in ids.values()):
        yield WAITING
    states = {name: client.get(one)["state"] for name, one in ids.items()}
    # What a workflow of Teams does comes after its answer.
    wanted = {name: "sent" if name == "teams" else "delivered" for name in DESTINATIONS} | {"archived": "failed"}
    send.promise(states == wanted, PROMISE, f"they ended as {states}")
    for name, (_, recipient) in DESTINATIONS.items():
        taken = [entry for entry in send.sandbox.calls(name, recipient=recipient) if entry.accepted]
        send.promise(len(taken) == 1, PROMISE, f"{name} took it {len(taken)} times")
        for entry in taken:
            _look(send, name, entry, str(sample["title"]))
    [refused] = [one for one in client.get(ids["archived"])["timeline"] if one.get("code")]
    send.promise(refused["code"] == "channel_is_archived", PROMISE, f"the refusal was {refused['code']}")
    send.tell(PROMISE, f"an alert by {', '.join(DESTINATIONS)}, which pings nobody; an archived channel is told of")


def _look(send: Singles, name: str, entry: Entry, title: str) -> None:
    """The alert is there, and what a stranger wrote is words and nothing else."""
    preview = send.sandbox.preview(entry)
    send.promise(title in preview.title + preview.text, PROMISE, f"{name} got another title")
    said = str(json.loads(entry.received["body"]))
    link = "<https://evil" if name == "slack" else "[this](https://evil"
    does = [sign for sign in ("@everyone", "<!", link) if sign in said]
    send.promise(not does, PROMISE, f"{name} would do what a stranger wrote: {does}")
