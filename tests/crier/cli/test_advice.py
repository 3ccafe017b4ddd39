"""What `crier show` says of a state, for a reader who does not know Crier."""

from typing import Any, cast

import pytest

from crier.answers import Notification
from crier.cli.advice import advice


def about(
    *states: str, held: bool = False, timeline: tuple[dict[str, Any], ...] = (), reason: str | None = None
) -> str:
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
