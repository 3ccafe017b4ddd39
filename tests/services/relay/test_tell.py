"""Every second the relay makes webhooks of what happened, and rings for them."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from services.relay.bookkeeping import Bookkeeper
from services.relay.clock import Clock
from shared.broker import make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.crypto import Sealer, new_key
from shared.ledger.conservation import Conservation
from shared.ledger.database import Database
from shared.ledger.endpoints import Endpoints
from shared.ledger.events import BATCH
from shared.ledger.keys import Keys
from shared.ledger.recovery import Recovery
from shared.settings import EngineSettings


@dataclass
class Rung:
    """Bells that were rung."""

    queues: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.queues.append(queue)


@pytest.mark.parametrize(("events", "rung"), [(0, 0), (3, 1), (BATCH, 1), (BATCH + 3, 2)])
def test_all_events_become_webhooks(database: Database, redis_url: str, events: int, rung: int) -> None:
    broker = make_broker(EngineSettings(database_url="postgresql://unused/unused", broker_url=redis_url), Lifecycle())
    project = Keys(database).project("acme")
    Endpoints(database, Sealer(new_key())).create(project, "https://hooks.example.com/", ["*"], who="me")
    database.execute(
        text("INSERT INTO events (project_id, type) SELECT :project, 'notification.sent' FROM generate_series(1, :n)"),
        {"project": project, "n": events},
    )
    bells = Rung()
    Clock(Recovery(database), bells, broker, lease=30, books=Bookkeeper(Conservation(database))).tell()
    broker.close()
    assert bells.queues == ["webhook.normal"] * rung
    [counted] = database.rows(text("SELECT count(*) FROM deliveries WHERE queue = 'webhook.normal'"))
    assert counted.count == events
