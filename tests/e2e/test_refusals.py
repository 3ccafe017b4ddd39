"""What a provider refuses is tried again or not, as its vendor documents. Deaths of processes: `tests/chaos`."""

import pytest


@pytest.mark.parametrize(("answer", "states"), [("20429", {"sent": 1}), ("21211", {"failed": 1})])
def test_a_refusal_is_retried_or_final_as_the_vendor_documents(redis_system, answer, states):
    system = redis_system
    system.sandbox.behave("twilio", error=answer, times=1)
    system.send_sms(1)
    system.start("sms", "relay")
    system.wait_until(lambda: system.states() == states, "it ends as it should", seconds=90)
