"""Customers' endpoints are told what became of notifications, by real services and the reference library."""

from crier.sandbox import Sandbox
from crier.sandbox.webhook import WebhookReceiver
from shared.ledger.endpoints import Endpoints
from tests.e2e.test_channels import accept, ends

BURST = 20


def receiver_of(sandbox: Sandbox) -> WebhookReceiver:
    found = sandbox.vendors["webhook"]
    assert isinstance(found, WebhookReceiver)
    return found


def test_webhooks_arrive_once_whatever_other_endpoints_do(redis_system):
    system = redis_system
    system.start("gateway", "relay", "sms", "webhook", environment={"CRIER_WEBHOOK_RETRY_DELAYS": "1,1,60"})
    receiver = receiver_of(system.sandbox)
    endpoints = Endpoints(system.runtime.database, system.runtime.sealer)

    def endpoint(name, *events):
        made, secret = endpoints.create(system.project_id, receiver.url(name), events, who="me")
        receiver.learn(name, secret)
        return made

    def send(to, kind="order.created"):
        content = {"type": kind, "data": {"n": 1}}
        return accept(system, channel="webhook", to={"endpoint": str(to.id)}, content=content)

    shop, gone, broken = endpoint("shop", "notification.*", "endpoint.*"), endpoint("gone"), endpoint("broken")
    system.sandbox.behave("webhook", recipient="shop", fault="close", times=1)
    system.sandbox.behave("webhook", recipient="gone", error="gone")
    system.sandbox.behave("webhook", recipient="broken", error="unavailable")

    own = send(shop)
    ends(system, own, "delivered")
    sms = accept(system, channel="sms", to={"phone": "+447700900123"}, content={"body": "Hello"})
    ends(system, sms, "sent")
    ends(system, send(gone), "failed")
    # One that fails holds up nobody else.
    waiting = [send(broken) for _ in range(BURST)]
    for identifier in [send(shop, "order.paid") for _ in range(BURST)]:
        ends(system, identifier, "delivered")
    system.wait_until(lambda: system.sent_to("webhook") == {"shop": BURST + 3}, "every webhook is there, once")

    calls = list(system.sandbox.calls("webhook", recipient="shop"))
    first, again = [system.sandbox.preview(call) for call in calls if call.delivery == calls[0].delivery]
    assert first == again
    told = {shown.title: shown.text for shown in map(system.sandbox.preview, calls)}
    assert f'"id": "{sms}"' in told["notification.sent"]
    assert f'"endpoint": "{gone.id}"' in told["endpoint.disabled"]
    assert endpoints.get(system.project_id, gone.id).disabled_at
    assert {system.http("GET", f"/v1/notifications/{one}").json()["state"] for one in waiting} == {"queued"}
    found = system.http("GET", f"/v1/notifications/{own}").json()
    outcomes = [event["outcome"] for event in found["timeline"] if event["what"] == "attempt"]
    assert outcomes == ["unavailable", "delivered"]
    assert "whsec_" not in system.log("webhook") + system.log("gateway")
