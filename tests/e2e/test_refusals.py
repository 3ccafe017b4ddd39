"""What a provider refuses is tried again or not, as its vendor documents. Deaths of processes: `tests/chaos`."""

from datetime import datetime, timedelta

import pytest

PATIENCE = timedelta(seconds=2)


@pytest.mark.parametrize(("answer", "states"), [("20429", {"sent": 1}), ("21211", {"failed": 1})])
def test_a_refusal_is_retried_or_final_as_the_vendor_documents(redis_system, answer, states):
    system = redis_system
    # Without a Retry-After the pause is a minute.
    system.sandbox.behave("twilio", error=answer, retry_after=PATIENCE.total_seconds(), times=1)
    system.send_sms(1)
    system.start("sms", "relay")
    system.wait_until(lambda: system.states() == states, "it ends as it should", seconds=90)
    moments = [datetime.fromisoformat(call.time) for call in system.sandbox.calls("twilio")]
    assert len(moments) == (2 if states == {"sent": 1} else 1)
    assert max(moments) - min(moments) >= (len(moments) - 1) * PATIENCE
