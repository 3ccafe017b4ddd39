"""The relay fetches what brokers keep as dead, and says how much there is of it."""

import json
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from services.relay.bookkeeping import Bookkeeper
from services.relay.clock import Clock
from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.delivery.bells import Bells
from shared.ledger.conservation import Conservation
from shared.ledger.dead_letters import DeadLetters, Filters, Kind
from shared.ledger.recovery import Recovery
from shared.settings import EngineSettings


@pytest.fixture
def broker(redis_url):
    made = make_broker(EngineSettings(database_url="postgresql://unused/unused", broker_url=redis_url), Lifecycle())
    yield made
    made.close()


@pytest.fixture
def clock(database, broker):
    return Clock(
        Recovery(database), Bells(broker, limit=8), broker, lease=30.0, books=Bookkeeper(Conservation(database))
    )


def lay_down(broker, queue, data):
    identifier = str(uuid4())
    broker.client.zadd(f"dramatiq:{queue}.XQ", {identifier: 1})
    broker.client.hset(f"dramatiq:{queue}.XQ.msgs", identifier, data)


def test_what_the_broker_keeps_as_dead_is_fetched_and_counted(broker, clock, database):
    lost = {
        "queue_name": "cleanup", "actor_name": "reports.make", "args": [], "kwargs": {}, "options": {},
        "message_id": str(uuid4()), "message_timestamp": 0,
    }  # fmt: skip
    lay_down(broker, "cleanup", json.dumps(lost).encode())
    lay_down(broker, "sms.critical", b"no message")
    clock.bury()
    letters = DeadLetters(database).page(1, Filters(kind=Kind.TASK)).items
    assert {(letter.name, letter.why) for letter in letters} == {
        ("reports.make", "unknown-actor"), ("nobody", "unreadable")
    }  # fmt: skip
    assert broker.client.keys("*XQ*") == []
    assert REGISTRY.get_sample_value("crier_dead_letters", {"kind": "task", "why": "unreadable"}) == 1
    assert REGISTRY.get_sample_value("crier_held") == 0
    clock.bury()
    assert len(DeadLetters(database).page(1, Filters(kind=Kind.TASK)).items) == 2
