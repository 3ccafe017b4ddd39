"""Single sends: each writes down what has to come of it."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from crier.answers import Notification, Receipt
from crier.cli.timeline import ENDED
from crier.client import Client
from crier.demo.asked import Asked, Finding, Seen
from crier.demo.files import on_the_envelope
from crier.demo.rendering import Rendering
from crier.demo.routes import vendors
from crier.demo.stage import Stage
from crier.sandbox import Sandbox
from crier.sandbox.twilio.message import WHATSAPP
from shared.ledger.ids import derived_id
from shared.messages.content import load_content

BUSY, WAITING = True, False
Script = Generator[bool, None, None]
"""A part of the demo, which lets others go on between its steps: BUSY it can go on at once, WAITING in a while."""


@dataclass
class Singles:
    """Sends one by one, and keeps account.

    Parameters:
        asked: what was asked for so far.
        states, providers: how each delivery was when it was last looked at, and who was called for it.
        findings: promises that were broken on the way.
        seen: what was seen of those that were kept.
        secrets: what must not be found anywhere.
    """

    stage: Stage
    rendering: Rendering
    asked: list[Asked] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    providers: dict[str, str | None] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    _clients: dict[str, Client] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        """Of the demo's own project."""
        return self.stage.client

    @property
    def sandbox(self) -> Sandbox:
        """The stand-ins."""
        return self.stage.sandbox

    def send(
        self, group: str, what: str, *, channel: str, to: Mapping[str, Any], template: str | None = None,
        data: Mapping[str, Any] | None = None, content: Mapping[str, Any] | None = None,
        ends: Mapping[str, str] | None = None, arrives: bool | None = None, state: str = "sent",
        refused: int | None = 0, times: int = 1, not_before: datetime | None = None, client: Client | None = None,
        **fields: Any,
    ) -> Receipt:  # fmt: skip
        """Send one.

        Parameters:
            arrives: whether a vendor takes it in the end; None: what ends as sent does.
            state: how it has to end; `ends` says it by target, where they differ.
            refused, times: how many calls the vendors have to refuse, and to take, of each delivery.
            client: of another project.
        """
        asked: Any = {"channel": channel, "to": to, "template": template, "data": data, "content": content}
        receipt = (client or self.client).send(**asked, **fields)
        if client:
            self._clients[receipt["id"]] = client
        return self.expect(
            receipt, group, what, channel=channel, to=to, template=template, data=data, content=content, ends=ends,
            arrives=arrives, state=state, refused=refused, times=times, not_before=not_before,
        )  # fmt: skip

    def expect(
        self, receipt: Receipt, group: str, what: str, *, channel: str, to: Mapping[str, Any],
        template: str | None = None, data: Mapping[str, Any] | None = None, content: Mapping[str, Any] | None = None,
        ends: Mapping[str, str] | None = None, arrives: bool | None = None, state: str = "sent",
        refused: int | None = 0, times: int = 1, not_before: datetime | None = None,
    ) -> Receipt:  # fmt: skip
        """Write down what has to come of one that was accepted; as for `send`."""
        expected = (
            self.rendering.content(template, channel, data or {}, to)
            if template
            else load_content(channel, content or {})
        )
        for delivery, target in self._deliveries(receipt, to):
            ending = (ends or {}).get(target, state)
            comes = ending == "sent" if arrives is None else arrives
            self.asked.append(
                Asked(
                    group=group,
                    what=what,
                    notification=receipt["id"],
                    delivery=delivery,
                    channel=channel,
                    vendors=vendors(channel, receipt["lane"]),
                    target=_as_sent(channel, target),
                    content=expected if comes else None,
                    name=to.get("name") if channel == "email" else None,
                    state=ending,
                    refused=refused if ends is None else 0 if ending == "sent" else 1,
                    times=times,
                    not_before=not_before,
                )
            )
        return receipt

    def look(self, notification: str) -> Notification:
        """How a notification is now."""
        found = self._clients.get(notification, self.client).get(notification)
        for delivery in found["deliveries"]:
            self.states[delivery["id"]] = delivery["state"]
            self.providers[delivery["id"]] = delivery["provider"]
        return found

    def has_ended(self, notification: str, states: Sequence[str] = ENDED) -> bool:
        """Whether it has come to one of these states; of what is unknown, whether it waits for a person."""
        found = self.look(notification)
        return found["state"] in states and not any(
            one["state"] == "unknown" and one["next_at"] for one in found["deliveries"]
        )

    def look_again(self) -> None:
        """Look at everything that had not ended when it was looked at last, or never was."""
        for one in {one.notification for one in self.asked if self.states.get(one.delivery) not in ENDED}:
            self.look(one)

    def ended(self, notifications: Sequence[str], states: Sequence[str] = ENDED) -> Script:
        """Wait until all of them have, looking at one after the other."""
        for one in notifications:
            while not self.has_ended(one, states):
                yield WAITING

    def promise(self, kept: bool, what: str, detail: str) -> bool:
        """Note that a promise was broken, if it was."""
        if not kept:
            self.findings.append(Finding("promise", what, detail))
        return kept

    def tell(self, promise: str, told: str) -> None:
        """Note what was seen of a promise, once all of it was."""
        kept = not any(finding.kind == "promise" and finding.what == promise for finding in self.findings)
        self.seen.append(Seen(promise, told, kept))

    def _deliveries(self, receipt: Receipt, to: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The ids of a notification's deliveries and their targets; asked for only where they are not known."""
        known = [to[name] for name in ("email", "phone") if name in to] or to.get("tokens", ())
        if not known:
            return [(one["id"], one["target"]) for one in self.look(receipt["id"])["deliveries"]]
        return [(str(derived_id(UUID(receipt["id"]), index)), target) for index, target in enumerate(known)]


def _as_sent(channel: str, target: str) -> str:
    """The target as the vendor gets it."""
    if channel == "email":
        return on_the_envelope(target)
    return WHATSAPP + target if channel == "whatsapp" else target
