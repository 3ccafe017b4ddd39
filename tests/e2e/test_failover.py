"""A provider that fails is left for the next one, and comes back; one that asks for patience has it."""

from datetime import datetime, timedelta

from sqlalchemy import text

from shared.providers.permission import THRESHOLD

# Calls that were on their way when the answer came were not begun after it.
UNDER_WAY = timedelta(seconds=0.5)
ROUTE = {"CRIER_SMS_ROUTE": "twilio,http", "CRIER_BATCH_SIZE": "10"}


def calls(system, vendor):
    return [call for call in system.sandbox.calls(vendor) if call.action == "send"]


def send(system, count, first):
    for number in range(first, first + count):
        request = {"channel": "sms", "content": {"body": "Hello"}, "to": {"phone": f"+4477009{number:05d}"}}
        system.intake.accept(system.project_id, request)


def test_the_second_provider_takes_over_and_the_first_comes_back(redis_system):
    system = redis_system
    system.sandbox.behave("twilio", error="20003")
    send(system, 100, first=0)
    system.start("sms", "relay", environment=ROUTE)
    system.wait_until(lambda: system.states() == {"sent": 100}, "all are sent by the other provider")
    assert {"sms.twilio"} == set(system.runtime.permission.known())
    begun = sorted(datetime.fromisoformat(call.time) for call in calls(system, "twilio"))
    assert len([at for at in begun if at > begun[THRESHOLD - 1] + UNDER_WAY]) <= 20
    assert len(system.sent_to("http")) == 100 and max(system.sent_to("http").values()) == 1

    system.sandbox.reset("twilio")
    sent = 100

    def came_back():
        nonlocal sent
        if system.states() == {"sent": sent}:
            send(system, 20, first=sent)
            sent += 20
        return len(system.sent_to("twilio")) > 50

    system.wait_until(came_back, "the first provider sends again")
    system.wait_until(lambda: system.states() == {"sent": sent}, "all are sent")
    assert system.runtime.permission.known() == {}
    both = system.sent_to("twilio") + system.sent_to("http")
    assert len(both) == sent and max(both.values()) == 1


def test_nobody_is_called_before_the_time_he_asked_for(redis_system):
    system = redis_system
    # HTTP has seconds: three, so that the test does not take thirty.
    system.sandbox.behave("http", error="too_many_requests", retry_after=3, times=1)
    send(system, 30, first=0)
    system.start("sms", "relay", environment={"CRIER_SMS_ROUTE": "http", "CRIER_BATCH_SIZE": "1"})
    system.wait_until(lambda: system.states() == {"sent": 30}, "all are sent")
    made = [(datetime.fromisoformat(call.time), call.accepted) for call in calls(system, "http")]
    refused = max(at for at, accepted in made if not accepted)
    assert [at for at, _ in made if refused + UNDER_WAY < at < refused + timedelta(seconds=3)] == []
    attempts = system.runtime.database.rows(text("SELECT attempts FROM deliveries"))
    assert {row.attempts for row in attempts} == {1}
