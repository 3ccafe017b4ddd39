"""Events become webhooks, each once, to those endpoints that want them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.actions import Actions
from shared.ledger.database import Database
from shared.ledger.endpoints import Endpoint, Endpoints
from shared.ledger.events import BATCH, CHUNK, EVENTS, PATTERNS, Events, matches
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys

URL = "https://hooks.example.com/in"


@pytest.fixture
def events(database: Database) -> Events:
    return Events(database)


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


def subscribe(database: Database, project: int, *patterns: str) -> Endpoint:
    return Endpoints(database, Sealer(new_key())).create(project, URL, patterns, who="me")[0]


def mail(database: Database, project: int, **rest: Any) -> Draft:
    """An accepted mail."""
    draft = Draft(
        new_id(), "email", "normal", "transactional", {"email": "ada@example.com"}, ["ada@example.com"], "resend",
        content={"subject": "Hi", "text": "What it says"}, **rest,
    )  # fmt: skip
    Acceptance(database).accept(project, [draft])
    return draft


def happen(database: Database, project: int, kind: str, count: int = 1) -> None:
    statement = "INSERT INTO events (project_id, type) SELECT :project, :kind FROM generate_series(1, :count)"
    database.execute(text(statement), {"project": project, "kind": kind, "count": count})


def webhooks(database: Database) -> list[Any]:
    return list(database.rows(text("""
        SELECT n.*, d.target, d.queue, d.state FROM notifications n JOIN deliveries d ON d.notification_id = n.id
        WHERE n.channel = 'webhook' ORDER BY n.id
    """)))  # fmt: skip


def test_a_change_is_told_with_its_ids_and_never_with_what_was_said(
    events: Events, database: Database, project: int
) -> None:
    endpoint = subscribe(database, project, "notification.*")
    sent = mail(database, project, metadata={"order": "4711"})
    Actions(database).cancel(project, sent.id, "me")
    assert events.fan_out() == 1
    assert events.fan_out() == 0
    [made] = webhooks(database)
    assert (made.queue, made.state, made.target) == ("webhook.normal", "queued", str(endpoint.id))
    assert (made.kind, made.on_unknown, made.recipient) == ("transactional", "resend", {"endpoint": str(endpoint.id)})
    assert made.content["type"] == "notification.cancelled"
    assert made.content["timestamp"]
    data = made.content["data"]
    [delivery] = database.rows(text("SELECT id FROM deliveries WHERE target = 'ada@example.com'"))
    assert data == {
        "id": str(sent.id), "delivery_id": str(delivery.id), "state": "cancelled", "channel": "email",
        "kind": "transactional", "target": "ada@example.com", "metadata": {"order": "4711"},
        "reason": "It was cancelled.",
    }  # fmt: skip


def test_nothing_is_written_for_a_project_that_does_not_ask(events: Events, database: Database, project: int) -> None:
    subscribe(database, project)
    sent = mail(database, project)
    Actions(database).cancel(project, sent.id, "me")
    assert list(database.rows(text("SELECT FROM events"))) == []
    assert events.fan_out() == 0


def test_an_event_goes_to_those_who_want_it(events: Events, database: Database, project: int) -> None:
    wants_all = subscribe(database, project, "*")
    wants_one = subscribe(database, project, "notification.failed", "notification.*")
    subscribe(database, project, "recipient.*")
    paused = subscribe(database, project, "*")
    Endpoints(database, Sealer(new_key())).change(
        project, paused.id, url=URL, events=["*"], description=None, enabled=False, who="me"
    )
    subscribe(database, Keys(database).project("other"), "*")
    happen(database, project, "notification.failed")
    events.fan_out()
    assert sorted(made.target for made in webhooks(database)) == sorted([str(wants_all.id), str(wants_one.id)])


def test_an_event_that_nobody_wants_any_more_is_forgotten(events: Events, database: Database, project: int) -> None:
    happen(database, project, "notification.sent")
    assert events.fan_out() == 1
    assert webhooks(database) == []


def test_many_relays_make_each_webhook_once(database: Database, project: int) -> None:
    subscribe(database, project, "*")
    happen(database, project, "notification.sent", 100)

    def work(_: int) -> None:
        relay = Events(database)
        while relay.fan_out(7):
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(webhooks(database)) == 100


def test_many_endpoints_are_each_told_of_everything(events: Events, database: Database, project: int) -> None:
    endpoints = [subscribe(database, project, "*") for _ in range(6)]
    happen(database, project, "notification.sent", BATCH)
    assert BATCH * len(endpoints) > CHUNK
    assert events.fan_out() == BATCH
    told = Counter(made.target for made in webhooks(database))
    assert told == {str(endpoint.id): BATCH for endpoint in endpoints}


@pytest.mark.parametrize("pattern", [*EVENTS, *PATTERNS])
def test_every_pattern_means_some_event(pattern: str) -> None:
    assert any(matches([pattern], event) for event in EVENTS)
