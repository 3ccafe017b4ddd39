"""Workers and brokers die; what was accepted arrives, and what may have been sent twice is known."""

import pytest
from redis import Redis
from sqlalchemy import text

from shared.ledger.states import State


# A provider that cannot be asked what it has: the policy decides at once, and not after a look-up a minute later.
UNASKED = {"CRIER_SMS_ROUTE": "http"}


def test_a_worker_killed_mid_batch_under_resend(system):
    """Everything arrives; twice only what was being called at the kill."""
    system.sandbox.behave("http", delay=0.5)
    numbers = system.send_sms(400)
    system.start("sms", "relay", environment=UNASKED)
    system.wait_until(lambda: len(system.sent_to("http")) >= 50, "the provider is being called")
    system.kill("sms")
    in_flight = system.states()[State.STARTED]
    assert in_flight > 0
    system.start("sms", environment=UNASKED)
    system.wait_until(lambda: system.states() == {"sent": 400}, "everything is sent after the restart")
    sent = system.sent_to("http")
    assert set(sent) == set(numbers)
    assert max(sent.values()) <= 2
    twice = sum(1 for count in sent.values() if count == 2)
    assert twice <= in_flight
    [unknown] = system.runtime.database.rows(text("SELECT count(*) AS n FROM attempts WHERE outcome = 'unknown'"))
    assert twice <= unknown.n


def test_a_worker_killed_mid_batch_under_hold(redis_system):
    """Nothing arrives twice; what was being called is held as unknown, for a person."""
    system = redis_system
    system.sandbox.behave("http", delay=0.5)
    system.send_sms(200, on_unknown="hold")
    system.start("sms", "relay", environment=UNASKED)
    system.wait_until(lambda: len(system.sent_to("http")) >= 30, "the provider is being called")
    system.kill("sms")
    in_flight = system.states()[State.STARTED]
    system.start("sms", environment=UNASKED)
    system.wait_until(lambda: not {"queued", "claimed", "started"} & set(system.states()), "everything is sent or held")
    assert max(system.sent_to("http").values()) == 1
    assert set(system.states()) <= {"sent", "unknown"}
    assert system.states()["unknown"] <= in_flight


def test_redis_flushed_with_a_thousand_rows_waiting(redis_system, redis_url):
    system = redis_system
    numbers = system.send_sms(1000)
    assert system.runtime.bells.flush(5)
    with Redis.from_url(redis_url) as client:
        client.flushall()
    system.start("sms", "relay")
    system.wait_until(lambda: system.states() == {"sent": 1000}, "everything is sent")
    assert system.sent_to() == dict.fromkeys(numbers, 1)


def test_a_lost_bell_is_rung_by_the_relay(redis_system, redis_url):
    """With workers running: nothing but the relay says that somebody waits."""
    system = redis_system
    system.start("sms", "relay")
    system.send_sms(1)
    system.wait_until(lambda: system.states() == {"sent": 1}, "the first is sent")
    with Redis.from_url(redis_url) as client:
        client.flushall()
    quiet = type(system.intake)(system.runtime.database, system.runtime.sealer)
    quiet.accept(system.project_id, {"channel": "sms", "content": {"body": "Hello"}, "to": {"phone": "+447700999999"}})
    system.wait_until(lambda: system.states() == {"sent": 2}, "the second is sent")


def test_a_stopped_worker_finishes_its_calls_and_leaves_nothing_unknown(redis_system):
    system = redis_system
    system.sandbox.behave("twilio", delay=0.5)
    system.send_sms(300)
    system.start("sms", "relay")
    system.wait_until(lambda: len(system.sent_to()) >= 50, "the provider is being called")
    system.terminate("sms")
    assert system.states()[State.STARTED] == 0
    system.start("sms")
    system.wait_until(lambda: system.states() == {"sent": 300}, "the rest is sent by the next worker")
    assert max(system.sent_to().values()) == 1


@pytest.mark.parametrize(("answer", "states"), [("20429", {"sent": 1}), ("21211", {"failed": 1})])
def test_a_refusal_is_retried_or_final_as_the_vendor_documents(redis_system, answer, states):
    system = redis_system
    system.sandbox.behave("twilio", error=answer, times=1)
    system.send_sms(1)
    system.start("sms", "relay")
    system.wait_until(lambda: system.states() == states, "it ends as it should", seconds=90)
