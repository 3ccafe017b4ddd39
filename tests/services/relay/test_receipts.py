"""The relay lets receipts take effect: all that are due, and rings for whoever has his turn because of them."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from services.relay.receipts import TURN, ReceiptDesk
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.receipts import BATCH, Receipts
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work
from shared.receipts.port import Event
from shared.receipts.sources import assemble
from shared.telemetry.metrics import RECEIPTS, RECEIPTS_DUE
from tests.postman import Postman, PostmanSettings

SOURCES = {"postman": Postman(PostmanSettings("sesame"))}


@dataclass
class Rung:
    queues: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.queues.append(queue)


@pytest.fixture
def held(database):
    """Two deliveries in line: nobody knows whether the first was sent."""
    project_id, work = Keys(database).project("test"), Work(database)
    for _ in range(2):
        draft = Draft(
            id=new_id(), channel="sms", lane="normal", kind="transactional", recipient={}, targets=("+447700900123",),
            on_unknown="hold", content={"body": "x"}, ordering_key="k",
        )  # fmt: skip
        Acceptance(database).accept(project_id, [draft])
    [item] = work.claim("sms.normal", 10, 30.0)
    work.start([Starting(item, "postman")])
    work.settle([Settlement(item.id, item.fence, State.UNKNOWN, "unknown", "postman", held=True)])
    return item.id


def test_all_that_is_due_takes_effect_and_lanes_are_rung(database, held):
    receipts, rung = Receipts(database), Rung()
    weather = [Event(f"w{number}", {"kind": "weather"}) for number in range(3)]
    receipts.store("postman", [*weather, Event("d", {"kind": "delivered", "delivery_id": str(held)})])
    before = RECEIPTS.labels("postman", "delivered", "applied")._value.get()
    assert ReceiptDesk(receipts, SOURCES, rung).process() == 4
    assert rung.queues == ["sms.normal"]
    assert RECEIPTS.labels("postman", "delivered", "applied")._value.get() == before + 1
    states = database.rows(text("SELECT state FROM deliveries ORDER BY id"))
    assert [row.state for row in states] == ["delivered", "queued"]


def test_a_turn_ends_in_time(database):
    receipts = Receipts(database)
    receipts.store("postman", [Event(f"w{number}", {"kind": "weather"}) for number in range(BATCH * 6)])
    ticks = iter(range(100))
    desk = ReceiptDesk(receipts, SOURCES, Rung(), clock=lambda: float(next(ticks)))
    assert desk.process() < BATCH * TURN


def test_whose_receipts_nobody_can_read_is_counted(database):
    receipts = Receipts(database)
    receipts.store("elsewhere", [Event("e", {"kind": "weather"})])
    desk = ReceiptDesk(receipts, SOURCES, Rung())
    assert desk.process() == 0
    desk.measure()
    assert RECEIPTS_DUE.labels("elsewhere")._value.get() == 1
    assert RECEIPTS_DUE.labels("postman")._value.get() == 0
    assert ReceiptDesk(receipts, assemble({}), Rung()).process() == 0
