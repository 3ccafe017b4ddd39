"""The database goes away under load and comes back: nothing is lost, nothing is sent twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crier.local.postgres import PostgresServer
from shared.ledger.migrations import upgrade


@pytest.fixture
def own_postgres(server_folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may kill, durable as production's."""
    server = PostgresServer(server_folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def database_url(own_postgres: PostgresServer) -> str:
    upgrade(own_postgres.url)
    return own_postgres.url


def test_what_was_answered_is_settled_after_the_return_of_the_database(redis_system, own_postgres):
    system = redis_system
    system.sandbox.behave("twilio", delay=0.3)
    numbers = system.send_sms(300)
    system.start("gateway", "sms", "relay")
    system.wait_until(lambda: len(system.sent_to()) >= 30, "the provider is being called")
    own_postgres.kill()
    refused = system.http(
        "POST",
        "/v1/notifications",
        json={"channel": "sms", "content": {"body": "x"}, "to": {"phone": "+447700999999"}},
    )
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert "Traceback" not in system.log("sms")
    own_postgres.start()
    system.wait_until(lambda: system.states() == {"sent": 300}, "everything is sent", seconds=90)
    assert system.sent_to() == dict.fromkeys(numbers, 1)
