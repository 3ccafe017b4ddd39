"""`crier webhooks` against a real gateway, and a receiver that verifies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crier.sandbox.webhook import WebhookReceiver
from shared.ledger.keys import SCOPES, Keys
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System


@pytest.fixture(scope="module")
def working(served: System) -> Iterator[System]:
    """The same system, with the service that sends webhooks."""
    served.start("webhook", environment={"CRIER_WEBHOOK_RETRY_DELAYS": "1"})
    yield served
    served.terminate("webhook")


@pytest.fixture
def receiver(served: System) -> WebhookReceiver:
    found = served.sandbox.vendors["webhook"]
    assert isinstance(found, WebhookReceiver)
    return found


@pytest.fixture
def admin(typed: Client, served: System, request: pytest.FixtureRequest) -> Client:
    """`crier` with a key that may do everything, of a project of this test alone."""
    project = request.node.name[:60]
    return Client(typed.home, typed.port, Keys(served.runtime.database).create(project, scopes=SCOPES))


def test_an_endpoint_is_made_listed_changed_and_deleted(admin: Client, receiver: WebhookReceiver) -> None:
    assert "There are no endpoints" in admin.run("webhooks", "list").stdout
    made = admin.run("webhooks", "create", receiver.url("cli"), "--event", "notification.*", "--description", "Shop")
    assert "it is shown this once" in made.stdout
    [one] = admin.json("webhooks", "list")
    identifier = one["id"]
    assert (one["events"], one["description"]) == (["notification.*"], "Shop")
    assert "whsec_" not in admin.run("webhooks", "show", identifier).stdout
    assert admin.json("webhooks", "update", identifier, "--no-events")["events"] == []
    assert admin.json("webhooks", "update", identifier, "--event", "*")["description"] == "Shop"
    assert "disabled since" in admin.run("webhooks", "disable", identifier).stdout
    assert "disabled since" in admin.run("webhooks", "list").stdout
    assert admin.json("webhooks", "enable", identifier)["disabled_at"] is None
    assert "0 queued again." in admin.run("webhooks", "replay", identifier, "--since", "3d").stdout
    assert "Deleted." in admin.run("webhooks", "delete", identifier).stdout
    gone = admin.run("webhooks", "show", identifier)
    assert (gone.returncode, "There is no endpoint" in gone.stderr) == (1, True)


def test_mistakes_are_said_with_their_remedy(admin: Client) -> None:
    refused = admin.run("webhooks", "create", "https://10.0.0.1/", "--event", "notification.faild")
    assert refused.returncode == 1
    assert "Did you mean notification.failed?" in refused.stderr
    assert "is not a public address" in admin.run("webhooks", "create", "https://10.0.0.1/").stderr
    assert admin.run("webhooks", "update", "x").returncode == 2


def test_a_test_arrives_before_and_after_the_secret_is_rotated(
    admin: Client, working: System, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    made = admin.json("webhooks", "create", receiver.url("rotated"))
    receiver.learn("rotated", made["secret"])
    assert admin.json("webhooks", "test", made["id"], "--wait")["state"] == "delivered"
    rotated = admin.json("webhooks", "rotate", made["id"], "--overlap", "1h")
    receiver.learn("rotated", rotated["secret"])
    order = tmp_path / "order.json"
    order.write_text('{"type": "order.created", "data": {"order": "4711"}}')
    sent = admin.json("send", "--to", f"endpoint:{made['id']}", "--content", f"@{order}", "--wait")
    assert (sent["channel"], sent["state"]) == ("webhook", "delivered")
    working.sandbox.behave("webhook", recipient="rotated", error="internal_error", times=2)
    assert admin.run("webhooks", "test", made["id"], "--wait").returncode == 1
    again = admin.json("webhooks", "replay", made["id"], "--since", "1h")
    assert again == {"queued": 1, "more": False}
