"""What an answer makes of a delivery."""

from uuid import UUID

import pytest

from shared.delivery.outcomes import RetryPolicy, settlement
from shared.errors import Ambiguous, Rejected, Unavailable
from shared.ledger.states import State
from shared.ledger.work import Claimed
from shared.providers.port import Sent

POLICY = RetryPolicy(retries=3, base=60, waiting_limit=3600)


def claimed(attempts=0, age=0.0, hold=False):
    return Claimed(
        id=UUID(int=1), notification_id=UUID(int=2), project_id=1, fence=4, attempts=attempts, deaths=0, hold=hold,
        target="+447700900123", channel="sms", lane="normal", kind="transactional", template_id=None, recipient={},
        data=None, content={"body": "x"}, expires_in=None, age=age, sealed=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("item", "answer", "state", "outcome", "counts"),
    [
        (claimed(), Sent("SM1"), State.SENT, "sent", True),
        (claimed(), Sent("1", delivered=True), State.DELIVERED, "delivered", True),
        (claimed(), Rejected("no", code="21211"), State.FAILED, "rejected", True),
        (claimed(), Unavailable("busy"), State.QUEUED, "unavailable", True),
        (claimed(attempts=2), Unavailable("busy"), State.QUEUED, "unavailable", True),
        (claimed(attempts=3), Unavailable("busy"), State.FAILED, "unavailable", True),
        (claimed(attempts=3), Unavailable("wait", retry_after=30), State.QUEUED, "waiting", False),
        (claimed(age=3590), Unavailable("wait", retry_after=30), State.QUEUED, "unavailable", True),
        (claimed(attempts=3, age=3590), Unavailable("wait", retry_after=30), State.FAILED, "unavailable", True),
        (claimed(), Ambiguous("?"), State.QUEUED, "unknown", True),
        (claimed(attempts=3), Ambiguous("?"), State.UNKNOWN, "unknown", True),
        (claimed(hold=True), Ambiguous("?"), State.UNKNOWN, "unknown", True),
    ],
)
def test_the_policy(item, answer, state, outcome, counts):
    written = settlement(item, "vendor", answer, POLICY)
    assert (written.state, written.outcome, written.counts, written.fence) == (state, outcome, counts, 4)
    assert (written.delay > 0) == (state is State.QUEUED)


@pytest.mark.parametrize(("attempts", "state"), [(0, State.QUEUED), (2, State.QUEUED), (3, State.UNKNOWN)])
@pytest.mark.parametrize("hold", [True, False])
def test_doubt_that_cannot_send_twice_is_tried_again_and_held_in_the_end(attempts, state, hold):
    written = settlement(claimed(attempts, hold=hold), "v", Ambiguous("?"), POLICY, idempotent=True)
    assert (written.state, written.outcome, written.counts) == (state, "unknown", True)


def test_retries_double_with_equal_jitter():
    for attempts, full in ((1, 60), (2, 120), (3, 240)):
        delays = [POLICY.delay(attempts) for _ in range(200)]
        assert full / 2 <= min(delays) < max(delays) <= full
        assert max(delays) - min(delays) > full / 4


def test_retry_after_is_waited_for_as_asked():
    assert settlement(claimed(), "v", Unavailable("wait", retry_after=30), POLICY).delay == 30


def test_what_a_provider_says_is_stored_as_one_bounded_line():
    written = settlement(claimed(), "v", Rejected("a\x00b\r\nc" + "x" * 2000), POLICY)
    assert written.detail is not None
    assert written.detail.startswith("a b c")
    assert len(written.detail) == 500
