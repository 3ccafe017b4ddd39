"""One request through the gateway on every channel, as a caller and a recipient see it."""

import email
import email.policy
from base64 import b64decode
from urllib.parse import parse_qs

from redis import Redis
from sqlalchemy import text

from shared.ledger.devices import Devices
from shared.setup import prepare


def accept(system, **request):
    answer = system.http("POST", "/v1/notifications", json=request)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ends(system, identifier, state):
    system.wait_until(
        lambda: system.http("GET", f"/v1/notifications/{identifier}").json()["state"] == state,
        f"{identifier} is {state}",
    )


def test_every_channel(redis_system, redis_url):
    system = redis_system
    prepare(system.environment["CRIER_DATABASE_URL"])
    system.start("gateway", "relay", "email", "sms", "whatsapp", "push")
    devices = Devices(system.runtime.database)
    devices.register(system.project_id, "u_1", "good-token-1", "android")
    devices.register(system.project_id, "u_1", "unregistered-token-2", "ios")

    booking = system.http("GET", "/v1/templates/booking_confirmation").json()["sample"]
    mail = accept(
        system, template="booking_confirmation", channel="email", data=booking,
        to={"email": "zoë@example.com", "name": "Zoë Ångström", "timezone": "Europe/Stockholm"},
    )  # fmt: skip
    sms = accept(system, template="booking_confirmation", channel="sms", data=booking, to={"phone": "+447700900123"})
    chat = accept(
        system, template="booking_confirmation", channel="whatsapp", data=booking, to={"phone": "+447700900125"}
    )
    push = accept(system, template="booking_confirmation", channel="push", data=booking, to={"user_id": "u_1"})
    code = accept(
        system, template="one_time_code", channel="sms", to={"phone": "+447700900124"},
        data=system.http("GET", "/v1/templates/one_time_code").json()["sample"] | {"code": "481516"},
        expires_at="2100-01-01T00:00:00Z",
    )  # fmt: skip
    for identifier in (mail, sms, chat, code):
        ends(system, identifier, "sent")
    ends(system, push, "sent")

    [received] = [call for call in system.sandbox.calls("smtp") if call.accepted]
    message = email.message_from_bytes(b64decode(received.received["message_base64"]), policy=email.policy.default)
    assert received.recipient == "zoë@example.com"
    assert message["To"].addresses[0].display_name == "Zoë Ångström"
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}

    assert system.sent_to("twilio") == {"+447700900123": 1, "+447700900124": 1, "whatsapp:+447700900125": 1}
    assert system.sent_to("fcm") == {"good-token-1": 1}
    assert [device.token for device in devices.of(system.project_id, "u_1")] == ["good-token-1"]

    [chatted] = system.sandbox.calls("twilio", recipient="whatsapp:+447700900125")
    assert "ContentSid=HX" in chatted.received["body"]
    assert f"is confirmed: {booking['what']} on " in system.sandbox.preview(chatted).text

    [texted] = list(system.sandbox.calls("twilio", recipient="+447700900124"))
    assert "481516" in str(texted.received)
    assert system.runtime.database.rows(text("SELECT FROM sealed")) == []
    said = {service: system.log(service) for service in ("gateway", "relay", "email", "sms", "whatsapp", "push")}
    said["metrics"] = system.http("GET", "/metrics").text
    with Redis.from_url(redis_url) as client:
        said["broker"] = repr([client.dump(key) for key in client.scan_iter()])
    for place, words in said.items():
        for secret in ("481516", "zoë@example.com", "+4477009", "good-token-1", system.key):
            assert secret not in words, f"{place} shows {secret}"


def test_a_project_sends_in_its_own_name(redis_system):
    system = redis_system
    prepare(system.environment["CRIER_DATABASE_URL"])
    identity = {
        "email": {"from": "hello@example.com", "name": "The Shop", "reply_to": "help@example.com"},
        "sms": {"senders": {"GB": "TheShop"}},
        "brand": {"name": "The Shop"},
    }
    system.runtime.identities.change(system.project_id, identity)
    welcome = {"name": "Ada", "action_url": "https://example.com/start"}
    mail = {"template": "welcome", "channel": "email", "to": {"email": "ada@example.com"}, "data": welcome}
    system.intake.accept(system.project_id, mail)
    for number in ("+447700900123", "+33639980001"):
        system.intake.accept(
            system.project_id, {"channel": "sms", "content": {"body": "Ready."}, "to": {"phone": number}}
        )
    system.start("email", "sms")
    system.wait_until(lambda: system.states() == {"sent": 3}, "all is sent")

    [received] = [call for call in system.sandbox.calls("smtp") if call.accepted]
    message = email.message_from_bytes(b64decode(received.received["message_base64"]), policy=email.policy.default)
    assert (message["From"], message["Reply-To"]) == ("The Shop <hello@example.com>", "help@example.com")
    assert "The Shop" in message.get_body(("plain",)).get_content()
    senders = {call.recipient: parse_qs(call.received["body"])["From"] for call in system.sandbox.calls("twilio")}
    assert senders == {"+447700900123": ["TheShop"], "+33639980001": [system.environment["TWILIO_FROM"]]}
