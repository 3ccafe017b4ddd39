"""Every template that ships, on every channel it has: accepted, rendered by its service, and taken by a provider."""

from itertools import count

import pytest

from crier.sandbox.chat import Slack
from shared.chat.addresses import read
from shared.ledger.chats import Chats
from shared.setup import prepare
from shared.ssrf import Reach
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle
from tests.e2e.conftest import System

WORKERS = ("email", "sms", "whatsapp", "push", "chat")
OUTBOX = {f"CRIER_{channel.upper()}_ROUTE": "outbox" for channel in WORKERS}
CODES_UNTIL = "2100-01-01T00:00:00Z"


@pytest.fixture
def sends(redis_system: System) -> list[tuple[str, str]]:
    """Accept the sample of every template for every channel it has; template and channel of each."""
    system = redis_system
    prepare(system.environment["CRIER_DATABASE_URL"])
    Chats(system.runtime.database, system.runtime.sealer).create(
        system.project_id, "ops", read(Slack.url("BOPS"), Reach()), who="test"
    )
    numbers, done = count(200), []
    for name, bundle in load_catalogue().items():
        template = compile_bundle(bundle)
        for channel in template.channels:
            if channel not in WORKERS:
                continue  # inboxes have no vendor: test_inapp.py
            number = next(numbers)
            to = {
                "email": f"ada{number}@example.com",
                "phone": f"+447700900{number}",
                "tokens": [f"token-{number}"],
                "chat": "ops",
                "name": "Ada",
                "locale": "en-GB",
                "timezone": "Europe/London",
                "unsubscribe_url": "https://notify.example.com/u/1",
            }
            to = {key: value for key, value in to.items() if key != "tokens" or channel == "push"}
            asked = {"template": name, "channel": channel, "to": to, "data": dict(template.sample)}
            if template.kind == "code":
                asked["expires_at"] = CODES_UNTIL
            system.intake.accept(system.project_id, asked)
            done.append((name, channel))
    return done


def test_vendors_take_every_template(redis_system: System, sends: list[tuple[str, str]]) -> None:
    """The stand-ins refuse what the vendors refuse."""
    system = redis_system
    system.start(*WORKERS)
    taken = {channel: sum(1 for _, one in sends if one == channel) for channel in WORKERS}
    ended = {"sent": len(sends) - taken["chat"], "delivered": taken["chat"]}
    system.wait_until(lambda: system.states() == ended, "all is sent")
    assert sum(system.sent_to("smtp").values()) == taken["email"]
    assert sum(system.sent_to("twilio").values()) == taken["sms"] + taken["whatsapp"]
    assert sum(system.sent_to("fcm").values()) == taken["push"]
    assert sum(system.sent_to("slack").values()) == taken["chat"]


def test_without_a_provider_every_template_can_be_looked_at(redis_system: System, sends: list[tuple[str, str]]) -> None:
    system = redis_system
    system.start("gateway", *WORKERS, environment=OUTBOX)
    system.wait_until(lambda: system.states() == {"delivered": len(sends)}, "all is kept")
    kept = system.http("GET", "/v1/outbox?limit=100").json()["items"]
    assert sorted((one["template"].partition("@")[0], one["channel"]) for one in kept) == sorted(sends)
    for one in kept:
        drawn = system.http("GET", f"/v1/outbox/{one['delivery_id']}/preview")
        assert drawn.status_code == 200, drawn.text
        assert one["target"] in drawn.text
        assert "sandbox" in drawn.headers["Content-Security-Policy"]
    assert not list(system.sandbox.calls("smtp"))
