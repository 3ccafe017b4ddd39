"""What becomes of a webhook before it is sent."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.webhook.compose import compose
from shared.errors import Rejected
from shared.ledger.endpoints import Endpoint, Signing
from shared.ledger.ids import derived_id, moment_of, new_id
from shared.messages.webhook import WebhookContent, WebhookMessage

ENDPOINT = new_id()
NOW = datetime.now(UTC)


def composed(found: Signing | None, delivery_id: UUID) -> WebhookMessage:
    return compose(
        WebhookContent("ping", {"a": 1}), lambda _: found, delivery_id=delivery_id, project_id=1, target=str(ENDPOINT),
        deadline=4.5,
    )  # fmt: skip


def signing(**changed: Any) -> Signing:
    given: dict[str, Any] = {
        "id": ENDPOINT, "project_id": 1, "url": "https://example.com/", "description": None, "events": (),
        "created_at": NOW, "failing_since": None, "disabled_at": None, "disabled_reason": None,
    }  # fmt: skip
    return Signing(Endpoint(**given | changed), ("whsec_b", "whsec_a"))


def test_it_says_when_it_was_accepted_however_often_it_is_composed() -> None:
    notification = new_id()
    delivery = derived_id(notification, 0)
    first, second = composed(signing(), delivery), composed(signing(failing_since=NOW), delivery)
    assert first.body == second.body
    moment = moment_of(notification).isoformat(timespec="milliseconds")[:-6]
    assert f'"timestamp":"{moment}'.encode() in first.body
    assert (first.to, first.url, first.secrets) == (str(ENDPOINT), "https://example.com/", ("whsec_b", "whsec_a"))
    assert [first.is_failing, second.is_failing] == [False, True]


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (None, "deleted", "The endpoint was deleted."),
        (signing(project_id=2), "deleted", "The endpoint was deleted."),
        (
            signing(disabled_at=NOW, disabled_reason="It was disabled by hand."),
            "disabled",
            "The endpoint is disabled. It was disabled by hand. `crier webhooks enable`",
        ),
    ],
)
def test_without_an_endpoint_that_wants_it_there_is_no_call(found: Signing | None, code: str, said: str) -> None:
    with pytest.raises(Rejected) as caught:
        composed(found, new_id())
    assert caught.value.code == code
    assert caught.value.reason.startswith(said)
