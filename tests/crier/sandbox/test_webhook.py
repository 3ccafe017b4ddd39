"""The stand-in that receives webhooks: it takes what the reference library verifies, once."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import requests
from standardwebhooks import Webhook

from crier.sandbox import Sandbox
from crier.sandbox.webhook import ERRORS

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = '{"type":"ping","timestamp":"2026-03-01T18:30:00Z","data":{}}'


def post(sandbox: Sandbox, body: str = BODY, secret: str = SECRET, identifier: str | None = None) -> requests.Response:
    now, identifier = datetime.now(UTC), identifier or str(uuid4())
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(identifier, now, body),
    }
    url = f"{sandbox.url}/webhook/shop"
    return requests.post(url, data=body, headers=headers, timeout=10, allow_redirects=False)


def learn(sandbox: Sandbox, *secrets: str) -> int:
    headers = {"Authorization": f"Bearer {' '.join(secrets)}"} if secrets else {}
    return requests.put(f"{sandbox.url}/webhook/shop/secret", headers=headers, timeout=10).status_code


def test_it_takes_what_is_signed_with_a_secret_it_was_told(sandbox: Sandbox) -> None:
    assert post(sandbox).status_code == 400, "it knows none yet"
    assert learn(sandbox, SECRET, OTHER) == 200
    identifier = str(uuid4())
    assert post(sandbox, identifier=identifier).status_code == 200
    assert post(sandbox, secret=OTHER).status_code == 200
    assert post(sandbox, identifier=identifier).status_code == 200, "a repetition is answered as the first was"
    calls = [entry for entry in sandbox.calls("webhook") if entry.action == "send"]
    assert [entry.accepted for entry in calls] == [False, True, True, False]
    assert (calls[1].recipient, calls[1].delivery) == ("shop", identifier)
    assert sandbox.preview(calls[1]).title == "ping"
    assert SECRET not in sandbox.journal.path.read_text()


def test_it_refuses_what_is_not_for_it(sandbox: Sandbox) -> None:
    assert learn(sandbox) == 400
    learn(sandbox, SECRET)
    assert post(sandbox, secret=OTHER).status_code == 400
    assert post(sandbox, body='{"type":"ping"}').json() == {"error": "type, timestamp and data are expected."}


@pytest.mark.parametrize("error", ERRORS)
def test_it_can_be_told_to_refuse(sandbox: Sandbox, error: str) -> None:
    learn(sandbox, SECRET)
    sandbox.behave("webhook", error=error, times=1)
    assert post(sandbox).status_code == ERRORS[error][0]
    assert post(sandbox).status_code == 200
