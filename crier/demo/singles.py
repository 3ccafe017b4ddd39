"""Single sends: each writes down what has to come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crier.answers import Receipt
from crier.client import Client
from crier.demo.asked import Asked, Finding
from crier.demo.files import on_the_envelope
from crier.demo.rendering import Rendering
from crier.demo.rounds import Vendors
from crier.sandbox import Sandbox
from crier.sandbox.twilio.message import WHATSAPP
from shared.messages.content import load_content


@dataclass
class Singles:
    """Sends one by one, and keeps account.

    Parameters:
        vendors: who sends, by channel.
        asked: what was asked for so far.
        findings: promises that were broken on the way.
        secrets: what must not be found anywhere.
    """

    client: Client
    sandbox: Sandbox
    rendering: Rendering
    vendors: Vendors
    asked: list[Asked] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def send(
        self, group: str, what: str, *, channel: str, to: Mapping[str, Any], template: str | None = None,
        data: Mapping[str, Any] | None = None, content: Mapping[str, Any] | None = None,
        ends: Mapping[str, str] | None = None, arrives: bool = True, state: str = "sent", refused: int = 0,
        not_before: datetime | None = None, **fields: Any,
    ) -> Receipt:  # fmt: skip
        """Send one.

        Parameters:
            arrives: whether the vendor takes it in the end.
            state: how it has to end; `ends` says it by target, where they differ. What does not end as sent does not
                arrive.
            refused: how many calls the vendor has to refuse, of each delivery.
        """
        asked: Any = {"channel": channel, "to": to, "template": template, "data": data, "content": content}
        receipt = self.client.send(**asked, **fields)
        expected = (
            self.rendering.content(template, channel, data or {}, to)
            if template
            else load_content(channel, content or {})
        )
        for delivery in self.client.get(receipt["id"])["deliveries"]:
            target = delivery["target"]
            ending = (ends or {}).get(target, state)
            self.asked.append(
                Asked(
                    group=group,
                    what=what,
                    notification=receipt["id"],
                    delivery=delivery["id"],
                    channel=channel,
                    vendor=self.vendors[channel],
                    target=_as_sent(channel, target),
                    content=expected if ending == "sent" else None,
                    name=to.get("name") if channel == "email" else None,
                    state=ending,
                    refused=refused if ends is None else 0 if ending == "sent" else 1,
                    not_before=not_before,
                )
            )
        return receipt

    def promise(self, kept: bool, what: str, detail: str) -> None:
        """Note that a promise was broken, if it was."""
        if not kept:
            self.findings.append(Finding("promise", what, detail))


def _as_sent(channel: str, target: str) -> str:
    """The target as the vendor gets it."""
    if channel == "email":
        return on_the_envelope(target)
    return WHATSAPP + target if channel == "whatsapp" else target
