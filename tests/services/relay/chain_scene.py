"""A project with chains: a relay, workers that answer as told, a provider that reports, and a clock set by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from services.relay.chains import ChainDesk
from shared.crypto import Sealer, new_key
from shared.intake import Intake
from shared.intake.receipts import Receipt
from shared.ledger.actions import Actions
from shared.ledger.chains import Chains
from shared.ledger.database import Database
from shared.ledger.devices import Devices
from shared.ledger.history import History, Notification
from shared.ledger.keys import Keys
from shared.ledger.receipts import Receipts
from shared.ledger.routes import Routes
from shared.ledger.states import State
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Claimed, Settlement, Starting, Work
from shared.receipts.port import Event, Incoming, Kind
from shared.receipts.port import Receipt as Reported
from shared.templates.catalogue import load_catalogue

TO = {"user_id": "u_1", "tokens": ["device-1"], "phone": "+447700900123", "email": "ada@example.com"}
CONTENT = {
    "push": {"title": "Hi", "body": "Hello"},
    "sms": {"body": "Hello"},
    "email": {"subject": "Hi", "text": "Hello"},
    "whatsapp": {"body": "Hello"},
    "inapp": {"title": "Hi", "body": "Hello"},
}
MINUTE = timedelta(minutes=1)


@dataclass
class Reporter:
    """A provider that reports."""

    name: str = "vendor"
    channels: Sequence[str] = ("push", "sms", "email", "whatsapp")

    def events(self, incoming: Incoming) -> Sequence[Event]:
        raise NotImplementedError

    def read(self, body: Mapping[str, Any]) -> Reported | None:
        return Reported(Kind(body["kind"]), delivery_id=UUID(body["delivery"]))


@dataclass
class Rung:
    """Bells that were rung."""

    queues: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.queues.append(queue)


@dataclass
class Scene:
    """See above. `project` may be another than acme."""

    database: Database
    project: int = 0

    def __post_init__(self) -> None:
        self.project = self.project or Keys(self.database).project("acme")
        self.sealer = Sealer(new_key())
        self.intake = Intake(self.database, self.sealer)
        self.rung = Rung()
        self.desk = ChainDesk(Chains.of(self.database), self.rung)
        self.work = Work(self.database)
        self.actions = Actions(self.database)
        self.history = History(self.database)
        self.receipts = Receipts(self.database)
        self.devices = Devices(self.database)
        self.routes = Routes(self.database)

    def request(self, *channels: str, **given: Any) -> dict[str, Any]:
        names = list(channels or ("push", "sms"))
        asked = {"channel": names, "to": TO, "content": {name: CONTENT[name] for name in names}, **given}
        return {name: value for name, value in asked.items() if value is not None}

    def send(self, *channels: str, key: str | None = None, **given: Any) -> UUID:
        return self.accept(*channels, key=key, **given).id

    def accept(self, *channels: str, key: str | None = None, **given: Any) -> Receipt:
        return self.intake.accept(self.project, self.request(*channels, **given), key)

    def sweep(self, after: timedelta = timedelta(0)) -> int:
        """Look at chains, as if so much time had passed."""
        return self.desk.sweep(datetime.now(UTC) + after if after else None)

    def claim(self, queue: str) -> list[Claimed]:
        return self.work.claim(queue, 100, 30.0)

    def start(self, items: Sequence[Claimed]) -> frozenset[UUID]:
        return self.work.start([Starting(item, "vendor") for item in items])

    def answer(self, channel: str, state: State = State.SENT, lane: str = "normal", **more: Any) -> list[Claimed]:
        """Have the worker of a channel call the provider for everybody who is due; those that were called."""
        items = self.claim(f"{channel}.{lane}")
        started = self.start(items)
        called = [item for item in items if item.id in started]
        outcome = {State.SENT: "sent", State.DELIVERED: "delivered", State.UNKNOWN: "unknown"}.get(state, "rejected")
        if state is State.QUEUED:
            outcome = "unavailable"
        detail = more.pop("detail", None if state in (State.SENT, State.DELIVERED) else "No.")
        self.work.settle(
            [Settlement(item.id, item.fence, state, outcome, "vendor", detail=detail, **more) for item in called]
        )
        return called

    def report(self, item: Claimed | UUID, kind: Kind) -> None:
        """Have the provider report something of a delivery, and the relay read it."""
        identifier = item if isinstance(item, UUID) else item.id
        body = {"kind": str(kind), "delivery": str(identifier)}
        self.receipts.store("vendor", [Event(f"{uuid4()}", body)])
        while any(one.outcome != "postponed" for one in self.receipts.process({"vendor": Reporter()})):
            pass

    def show(self, identifier: UUID) -> Notification:
        return self.history.one(self.project, identifier)

    def state(self, identifier: UUID) -> str:
        chain = self.show(identifier).chain
        assert chain is not None
        return chain.state

    def states(self, identifier: UUID) -> dict[str, str]:
        """By channel how each step is."""
        chain = self.show(identifier).chain
        assert chain is not None
        return {step.channel: step.state for step in chain.steps}

    def whys(self, identifier: UUID) -> dict[str, str | None]:
        chain = self.show(identifier).chain
        assert chain is not None
        return {step.channel: step.why for step in chain.steps}

    def step(self, identifier: UUID, channel: str) -> UUID:
        """The notification of a step."""
        chain = self.show(identifier).chain
        assert chain is not None
        [found] = [step.notification_id for step in chain.steps if step.channel == channel]
        assert found is not None
        return found

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        return list(self.database.rows(text(statement), parameters))

    def catalogue(self) -> None:
        for name, bundle in load_catalogue().items():
            TemplateStore(self.database).add(None, name, bundle.checksum, bundle.to_json())

    def dump(self) -> str:
        """Everything that the ledger has of chains and notifications, as text."""
        tables = ("chains", "chain_steps", "notifications", "deliveries", "sealed")
        return "".join(
            orjson.dumps([row[0] for row in self.rows(f"SELECT to_jsonb(t) FROM {name} t")]).decode() for name in tables
        )
