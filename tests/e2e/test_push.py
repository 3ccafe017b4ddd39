"""Pushes from the gateway to the vendor: devices that die, topics, and doubt that a vendor's memory ends."""

import pytest

PUSH = {"channel": "push", "content": {"title": "Line 12", "body": "No trains until noon."}}
# Somebody the stand-in accepts, somebody it says is dead, and how it names a topic.
VENDORS = {
    "fcm": ("good-token", "unregistered-token", "/topics/line-12"),
    "onesignal": (
        "1dd608f2-c6a1-4e3a-851d-000c2940e62c",
        "00000000-0000-4000-8000-000000000410",
        "/segments/line-12",
    ),
}


def start(system, vendor):
    system.start("gateway", "relay", "push", environment={"CRIER_PUSH_ROUTE": vendor})


def push(system, to, **fields):
    answer = system.http("POST", "/v1/notifications", json={**PUSH, "to": to, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(system, identifier):
    """The notification, once nothing more happens to it by itself."""
    found = {}

    def look():
        found.update(system.http("GET", f"/v1/notifications/{identifier}").json())
        return all(each["state"] in ("sent", "failed") for each in found["deliveries"])

    system.wait_until(look, f"{identifier} has ended")
    return found


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_users_devices_and_a_topic(redis_system, vendor):
    system, (good, dead, topic) = redis_system, VENDORS[vendor]
    start(system, vendor)

    def register(token):
        device = {"token": token, "platform": "ios"}
        return [item["token"] for item in system.http("PUT", "/v1/recipients/u_1/devices", json=device).json()["items"]]

    register(good)
    assert register(dead) == [good, dead]
    states = {each["target"]: each["state"] for each in ended(system, push(system, {"user_id": "u_1"}))["deliveries"]}
    assert states == {good: "sent", dead: "failed"}
    devices = system.http("GET", "/v1/recipients/u_1/devices").json()["items"]
    assert [device["token"] for device in devices] == [good]
    assert register(dead) == [good, dead], "it may come back"

    ended(system, push(system, {"topic": "line-12"}))
    assert system.sent_to(vendor) == {good: 1, topic: 1}


def test_doubt_under_hold_ends_where_the_vendor_remembers_the_key(redis_system):
    system = redis_system
    start(system, "onesignal")
    faults = {f"1dd608f2-c6a1-4e3a-851d-00000000000{n}": fault for n, fault in enumerate(("reset", "hang", "half"))}
    for subscription, fault in faults.items():
        system.sandbox.behave("onesignal", recipient=subscription, fault=fault, times=1)
    notification = ended(system, push(system, {"tokens": list(faults)}, on_unknown="hold"))
    assert notification["state"] == "sent"
    assert system.sent_to("onesignal") == dict.fromkeys(faults, 1)
    assert len(list(system.sandbox.calls("onesignal"))) == 2 * len(faults)
