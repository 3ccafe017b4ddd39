"""The steps of the product at which a process can be made to die: names, and where they are in the code."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

STEPS: Mapping[str, str] = {
    "intake.accept": "shared.intake.intake:Intake.accept",
    "acceptance.accept": "shared.ledger.acceptance:Acceptance.accept",
    "work.claim": "shared.ledger.work:Work.claim",
    "renderer.content": "shared.delivery.rendering:Renderer.content",
    "work.start": "shared.ledger.work:Work.start",
    "http.send": "services.sms.providers.http_gateway:HttpGateway.send",
    "settler.put": "shared.delivery.settler:Settler.put",
    "work.settle": "shared.ledger.work:Work.settle",
    "recovery.due_queues": "shared.ledger.recovery:Recovery.due_queues",
    "ticks.announce": "shared.ledger.ticks:Ticks.announce",
    "schedules.claim": "shared.ledger.schedule_fires:Fires.claim",
    "schedules.settle": "shared.ledger.schedule_fires:Fires.settle",
    "reminders.promise": "shared.ledger.reminders:Reminders.promise",
    "intake.accept_promised": "shared.intake.intake:Intake.accept_promised",
}


@dataclass(frozen=True)
class Step:
    """A method of the product: its class, and what it is called there."""

    owner: Any
    attribute: str

    @property
    def function(self) -> Any:
        """The method itself."""
        return getattr(self.owner, self.attribute)


def find(name: str) -> Step:
    """The step of that name.

    Raises:
        KeyError: there is no such step.
        AttributeError: what it names is not there any more.
    """
    module, _, path = STEPS[name].partition(":")
    owner: Any = import_module(module)
    *owners, attribute = path.split(".")
    for part in owners:
        owner = getattr(owner, part)
    step = Step(owner, attribute)
    assert callable(step.function)
    return step
