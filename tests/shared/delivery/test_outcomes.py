"""What an answer makes of a delivery."""

from uuid import UUID

import pytest

from shared.delivery.outcomes import Circumstances, RetryPolicy, settlement
from shared.errors import Ambiguous, Rejected, Unavailable
from shared.ledger.states import State
from shared.ledger.work import Claimed
from shared.providers.permission import Breaker, Standing
from shared.providers.port import Sent

POLICY = RetryPolicy(retries=3, base=60, waiting_limit=3600)


def claimed(attempts=0, age=0.0, hold=False, channel="sms", doubt=False):
    return Claimed(
        id=UUID(int=1), notification_id=UUID(int=2), project_id=1, fence=4, attempts=attempts, deaths=0, hold=hold,
        target="+447700900123", channel=channel, lane="normal", kind="transactional", template_id=None, recipient={},
        data=None, content={"body": "x"}, expires_in=None, age=age, sealed=None, doubt=doubt,
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
        (claimed(), Ambiguous("?"), State.UNKNOWN, "unknown", True),
        (claimed(attempts=3), Ambiguous("?"), State.UNKNOWN, "unknown", True),
        (claimed(hold=True), Ambiguous("?"), State.UNKNOWN, "unknown", True),
    ],
)
def test_the_policy(item, answer, state, outcome, counts):
    written = settlement(item, "vendor", answer, POLICY)
    assert (written.state, written.outcome, written.counts, written.fence) == (state, outcome, counts, 4)
    assert (written.delay > 0) == (state is State.QUEUED or (state is State.UNKNOWN and not written.held))


@pytest.mark.parametrize(
    ("item", "about", "held"),
    [
        (claimed(), Circumstances(), False),
        (claimed(attempts=2), Circumstances(), False),
        (claimed(attempts=3), Circumstances(), True),
        (claimed(hold=True), Circumstances(), True),
        (claimed(hold=True), Circumstances(idempotent=True), False),
        (claimed(attempts=3, hold=True), Circumstances(idempotent=True), True),
        (claimed(attempts=3, hold=True), Circumstances(find_after=30), False),
    ],
)
def test_doubt_is_held_when_nothing_is_left_to_try(item, about, held):
    written = settlement(item, "twilio", Ambiguous("No answer within 10 s"), POLICY, about)
    assert (written.state, written.outcome, written.counts, written.held) == (State.UNKNOWN, "unknown", True, held)
    assert (written.delay > 0) != held
    assert written.detail.startswith("No answer within 10 s. ")


def test_people_read_what_happens_to_what_is_in_doubt():
    asked = settlement(claimed(), "twilio", Ambiguous("Lost."), POLICY, Circumstances(find_after=30))
    assert (asked.detail, asked.delay) == ("Lost. twilio will be asked in 30 s.", 30)
    repeated = settlement(claimed(), "onesignal", Ambiguous("Lost."), POLICY, Circumstances(idempotent=True))
    assert repeated.detail.endswith("s, which sends nothing twice.")
    held = settlement(claimed(hold=True), "ses", Ambiguous("Lost."), POLICY)
    assert held.detail == "Lost. It is held for a person."


DOWN = Standing(Breaker.OPEN, failures=10, wait=4.0)


def test_an_outage_of_the_only_provider_costs_no_attempts():
    written = settlement(claimed(attempts=3), "v", Unavailable("down"), POLICY, Circumstances(standing=DOWN))
    assert (written.state, written.outcome, written.counts) == (State.QUEUED, "waiting", False)
    assert 4 <= written.delay <= 5
    late = settlement(claimed(attempts=3, age=3600), "v", Unavailable("down"), POLICY, Circumstances(standing=DOWN))
    assert late.state is State.FAILED


@pytest.mark.parametrize("blames", ["destination", "nobody"])
def test_the_outage_of_a_destination_does(blames):
    answer = Unavailable("mailbox busy", blames=blames)
    written = settlement(claimed(), "v", answer, POLICY, Circumstances(standing=DOWN, elsewhere=True, providers=2))
    assert (written.outcome, written.counts) == ("unavailable", True)
    assert 30 <= written.delay <= 60, "and another provider would find it busy too"


def test_another_provider_is_tried_at_once():
    about = Circumstances(providers=2, elsewhere=True)
    for answer in (Unavailable("down"), Unavailable("wait", retry_after=30)):
        assert settlement(claimed(), "v", answer, POLICY, about).delay <= 1
    about = Circumstances(providers=2, elsewhere=True, standing=DOWN)
    assert settlement(claimed(), "v", Unavailable("down"), POLICY, about).delay <= 1


def test_a_route_of_two_tries_both_before_each_pause_and_ends():
    about, delays = Circumstances(providers=2, elsewhere=True), []
    for attempts in range(8):
        written = settlement(claimed(attempts), "v", Unavailable("down"), POLICY, about)
        delays.append(written.delay)
    assert written.state is State.FAILED
    assert [delay <= 1 for delay in delays[:7]] == [True, False] * 3 + [True]
    assert [round(delay) >= least for delay, least in zip(delays[1:7:2], (30, 60, 120), strict=True)] == [True] * 3


def test_what_may_have_been_sent_before_does_not_fail():
    item = claimed(attempts=3, doubt=True)
    assert settlement(item, "v", Unavailable("down"), POLICY).held
    assert settlement(item, "v", Unavailable("down"), POLICY, Circumstances(cleared=True)).state is State.FAILED


def test_who_must_not_be_written_to_again():
    dead, opted_out = Rejected("gone", target_is_dead=True), Rejected("STOP", opted_out=True)
    written = settlement(claimed(), "v", dead, POLICY, Circumstances(sender="+15005550006"))
    assert (written.suppress, written.sender, written.target_is_dead) == ("invalid", "", False)
    written = settlement(claimed(), "v", opted_out, POLICY, Circumstances(sender="+15005550006"))
    assert (written.suppress, written.sender) == ("opt-out", "+15005550006")
    written = settlement(claimed(channel="push"), "v", dead, POLICY)
    assert (written.suppress, written.target_is_dead) == (None, True)


def test_a_list_of_delays():
    policy = RetryPolicy(delays=(5, 300))
    assert policy.attempts == 3
    assert 5 <= policy.delay(1) <= 5.5 and 300 <= policy.delay(2) <= 330
    assert settlement(claimed(attempts=1), "v", Unavailable("500"), policy).delay >= 300
    assert settlement(claimed(attempts=2), "v", Unavailable("500"), policy).state is State.FAILED


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
