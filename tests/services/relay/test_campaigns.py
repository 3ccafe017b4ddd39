"""The relay rings for campaigns that are due, and counts those that have not ended."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.relay.clock import Clock
from shared.campaigns.book import QUEUE
from shared.ledger.database import Database
from shared.ledger.recovery import Recovery
from tests.services.campaigns.conftest import WHO, Ground, Rung, make_ground


@pytest.fixture
def ground(database: Database) -> Ground:
    return make_ground(database)


@pytest.fixture
def rung() -> Rung:
    return Rung()


@pytest.fixture
def clock(database: Database, rung: Rung) -> Clock:
    nothing: Any = None
    return Clock(Recovery(database), rung, nothing, lease=30, books=nothing)


def test_it_rings_while_one_is_due(ground: Ground, clock: Clock, rung: Rung) -> None:
    clock.campaign()
    assert rung.queues == []
    ground.people(1)
    made = ground.released()
    clock.campaign()
    assert rung.queues == [QUEUE]
    ground.book.pause(ground.project_id, made.id, who=WHO)
    clock.campaign()
    assert rung.queues == [QUEUE]


def test_it_rings_for_an_audience_that_is_to_be_emptied(ground: Ground, clock: Clock, rung: Rung) -> None:
    loaded = ground.people(1)
    ground.book.audiences.remove(ground.project_id, loaded.audience.id, who=WHO)
    clock.campaign()
    assert rung.queues == [QUEUE]
    while ground.engine.step():
        pass
    clock.campaign()
    assert rung.queues == [QUEUE]


def test_it_counts_them_by_state(ground: Ground, clock: Clock) -> None:
    ground.people(1)
    ground.draft()
    ground.released()
    clock.count_campaigns()
    counted = {state: REGISTRY.get_sample_value("crier_campaigns", {"state": state}) for state in ("draft", "paused")}
    assert counted == {"draft": 1, "paused": 0}
