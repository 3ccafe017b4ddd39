"""A customer's endpoint is told what became of a notification, by real services and the reference library."""

from crier.sandbox import Sandbox
from crier.sandbox.webhook import WebhookReceiver
from shared.ledger.endpoints import Endpoints
from tests.e2e.test_channels import accept, ends


def receiver_of(sandbox: Sandbox) -> WebhookReceiver:
    found = sandbox.vendors["webhook"]
    assert isinstance(found, WebhookReceiver)
    return found


def test_what_becomes_of_a_notification_is_told_and_a_webhook_of_ones_own_arrives(redis_system):
    system = redis_system
    system.start("gateway", "relay", "sms", "webhook", environment={"CRIER_WEBHOOK_RETRY_DELAYS": "1,1"})
    receiver = receiver_of(system.sandbox)
    endpoints = Endpoints(system.runtime.database, system.runtime.sealer)
    made, secret = endpoints.create(system.project_id, receiver.url("shop"), ["notification.*"], who="me")
    receiver.learn("shop", secret)

    system.sandbox.behave("webhook", fault="close", times=1)
    content = {"type": "order.created", "data": {"n": 1}}
    own = accept(system, channel="webhook", to={"endpoint": str(made.id)}, content=content)
    ends(system, own, "delivered")
    sms = accept(system, channel="sms", to={"phone": "+447700900123"}, content={"body": "Hello"})
    ends(system, sms, "sent")
    system.wait_until(lambda: system.sent_to("webhook") == {"shop": 2}, "both webhooks are there")

    own_call, again, told = [system.sandbox.preview(call) for call in system.sandbox.calls("webhook")]
    assert own_call == again
    assert own_call.title == "order.created"
    assert told.title == "notification.sent"
    assert f'"id": "{sms}"' in told.text
    found = system.http("GET", f"/v1/notifications/{own}").json()
    outcomes = [event["outcome"] for event in found["timeline"] if event["what"] == "attempt"]
    assert outcomes == ["unavailable", "delivered"]
    assert secret not in system.log("webhook") + system.log("gateway")
