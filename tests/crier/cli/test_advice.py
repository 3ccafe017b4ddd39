"""What `crier show` says of a state, for a reader who does not know Crier."""

from typing import Any, cast

import pytest

from crier.answers import Notification
from crier.cli.advice import advice


def about(
    *states: str, held: bool = False, timeline: tuple[dict[str, Any], ...] = (), reason: str | None = None
) -> str:  # fmt: skip
    moment = "2027-03-01T12:00:00+00:00"
    deliveries = [{"state": state, "held_at": moment if held else None, "reason": reason} for state in states]
    found = {"id": "0198c0de", "deliveries": deliveries, "timeline": list(timeline)}
    return " ".join(advice(cast(Notification, found)))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (about("unknown", held=True), "crier unknown decide 0198c0de --sent"),
        (about("unknown"), "Crier asks the provider"),
        (about("failed"), "crier dead show 0198c0de"),
        (about("suppressed"), "crier suppressions list"),
        (about("suppressed", reason="The recipient does not want news."), "crier recipients preferences USER"),
        (about("scheduled", reason="Quiet hours until 08:00 (UTC)."), "crier quiet-hours show"),
        (about("suppressed", reason="Over the cap calm: 2 in 1 hour."), "crier caps list"),
        (about("undelivered"), "did not arrive"),
        (about("sent"), "Whether it arrived only a receipt can tell"),
        (about("sent", timeline=({"what": "marked sent"},)), "somebody decided that it was"),
        (
            about(
                "sent", timeline=tuple({"what": "attempt", "provider": name} for name in ("smtp", "smtp", "sendgrid"))
            ),
            "tried at smtp, then sendgrid",
        ),
    ],
)
def test_it_is_said_what_it_means_and_what_to_do(told: str, said: str) -> None:
    assert said in told


@pytest.mark.parametrize("state", ["queued", "scheduled", "delivered", "cancelled", "expired"])
def test_what_explains_itself_is_not_explained(state: str) -> None:
    assert about(state) == ""


def test_each_state_is_explained_once() -> None:
    assert about("failed", "failed") == about("failed")


def of_chain(state: str, *steps: str) -> str:
    chain = {
        "state": state,
        "until": "delivered",
        "steps": [{"state": one, "notification_id": f"step-{number}"} for number, one in enumerate(steps, start=1)],
    }
    deliveries = [{"state": one, "held_at": "2027-03-01T12:00:00+00:00"} for one in steps]
    timeline = [{"what": "attempt", "provider": name} for name in ("fcm", "twilio")]
    found = {"id": "0198c0de", "deliveries": deliveries, "timeline": timeline, "chain": chain}
    return " ".join(advice(cast(Notification, found)))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (of_chain("active", "sent"), "`crier cancel 0198c0de` stops all of it"),
        (of_chain("exhausted", "failed", "failed"), "`crier retry step-2` sends that step again"),
        (of_chain("expired", "sent"), "give it longer, or its steps less"),
        (of_chain("active", "unknown"), "crier unknown decide step-1 --sent"),
    ],
)
def test_of_a_chain_it_is_said_what_to_do_with_all_of_it(told: str, said: str) -> None:
    assert said in told
    assert "a route goes on to its next provider" not in told


def test_of_a_chain_that_has_succeeded_there_is_nothing_to_say() -> None:
    assert of_chain("succeeded", "failed", "sent") == ""
