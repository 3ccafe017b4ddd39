"""What Twilio reports of messages it took, read from the stand-in as look-ups and status callbacks have it."""

import pytest
import requests

from crier.sandbox import Sandbox
from shared.twilio.codes import OUTCOMES, outcome_of
from tests.contracts.cases.twilio import REPORTED, SMS
from tests.contracts.test_providers import check, send


@pytest.mark.parametrize("code", REPORTED)
def test_a_documented_report_means_what_it_should(sandbox: Sandbox, code: str) -> None:
    sandbox.behave("twilio", error=code)
    sent = send(SMS, sandbox.environment)
    found = sandbox.environment
    account = f"{found['TWILIO_BASE_URL']}/2010-04-01/Accounts/{found['TWILIO_ACCOUNT_SID']}"
    login = (found["TWILIO_ACCOUNT_SID"], found["TWILIO_AUTH_TOKEN"])
    message = requests.get(f"{account}/Messages/{sent.reference}.json", auth=login, timeout=10).json()
    assert message["error_code"] == int(code)
    error = outcome_of(message["error_code"], message["error_message"])
    assert error is not None
    check(error, REPORTED[code])
    assert error.code == code


def test_every_code_from_30001_on_is_one_that_is_reported() -> None:
    later = {str(code) for code in OUTCOMES if 30_000 < code < 90_000}
    assert later == {*REPORTED, "63007"}
