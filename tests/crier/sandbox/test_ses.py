"""The SES stand-in, driven by Amazon's own SDK."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from crier.sandbox import Sandbox
from tests.crier.sandbox.clients import DELIVERY, mail, only_call

TO = "ada@example.org"


def client(sandbox: Sandbox, **options: Any) -> Any:
    settings = sandbox.environment
    return boto3.client("sesv2", **{
        "region_name": settings["AWS_REGION"],
        "aws_access_key_id": settings["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": settings["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": settings["SES_ENDPOINT_URL"],
        "config": Config(retries={"total_max_attempts": 1}, read_timeout=2),
        **options,
    })  # fmt: skip


@pytest.fixture
def ses(sandbox: Sandbox) -> Iterator[Any]:
    made = client(sandbox)
    yield made
    made.close()


def request(**changes: Any) -> dict[str, Any]:
    given = {
        "Destination": {"ToAddresses": [TO]},
        "Content": {"Raw": {"Data": mail(TO, html="<p>Hello</p>").as_bytes()}},
        "EmailTags": [{"Name": "crier_id", "Value": DELIVERY}],
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def refused(ses: Any, **changes: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        ses.send_email(**request(**changes))
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def raw(text: str) -> dict[str, Any]:
    return {"Raw": {"Data": text.replace("\n", "\r\n").encode()}}


def test_the_sdk_sends_and_the_journal_has_it(sandbox: Sandbox, ses: Any) -> None:
    answer = ses.send_email(**request(ConfigurationSetName="crier-sandbox", FromEmailAddress="shop@example.com"))
    entry = only_call(sandbox, "ses")
    assert (entry.accepted, entry.recipient, entry.delivery) == (True, TO, DELIVERY)
    assert entry.reference == answer["MessageId"]
    assert entry.received["headers"]["authorization"] == "…"
    shown = sandbox.preview(entry)
    assert (shown.title, shown.text, shown.html) == ("Hello", "Hello Ada\n", "<p>Hello</p>\n")


def test_recipients_may_be_in_the_mail_alone(ses: Any) -> None:
    assert ses.send_email(**request(Destination=None))["MessageId"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"aws_secret_access_key": "another"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIAANOTHER"}, "UnrecognizedClientException"),
        ({"aws_session_token": "of another kind of key"}, "UnrecognizedClientException"),
        ({"region_name": "us-east-1"}, "SignatureDoesNotMatch"),
    ],
)
def test_a_call_that_the_key_did_not_sign_is_refused(sandbox: Sandbox, options: dict[str, str], code: str) -> None:
    assert refused(client(sandbox, **options))[0] == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "MissingAuthenticationToken"), ({"Authorization": "Bearer x"}, "IncompleteSignature")],
)
def test_a_call_without_a_signature_is_refused(sandbox: Sandbox, headers: dict[str, str], code: str) -> None:
    answer = requests.post(f"{sandbox.url}/v2/email/outbound-emails", headers=headers, json={}, timeout=10)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, code)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_call_signed_by_a_clock_that_is_off_is_refused(
    ses: Any, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    off = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: off)
    assert refused(ses)[0] == "RequestExpired"


def test_a_body_that_was_changed_on_its_way_is_refused(sandbox: Sandbox, ses: Any) -> None:
    def change(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b"ada@", b"eve@")

    ses.meta.events.register("before-send.sesv2.SendEmail", change)
    assert refused(ses)[0] == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"Content": raw("From: a@elsewhere.example\nTo: b@example.org\n\nHello\n")}, "MessageRejected",
         "Email address is not verified. The following identities failed the check in region EU-WEST-1:"
         " a@elsewhere.example"),
        ({"FromEmailAddress": "Eve <eve@elsewhere.example>"}, "MessageRejected", "eve@elsewhere.example"),
        ({"ConfigurationSetName": "another"}, "NotFoundException", "Configuration set <another> does not exist."),
        ({"Content": raw("To: b@example.org\n\nHello\n")}, "BadRequestException", "Missing required header 'From'"),
        ({"Content": raw("From: a@example.com\nSubject: 1\nSubject: 2\n\nHello\n")}, "BadRequestException",
         "Duplicate header 'subject'"),
        ({"Content": raw("From: a@example.com\n\n" + "x" * 1000)}, "BadRequestException", "1000 characters"),
        ({"Content": raw("From: a@example.com\nContent-Type: multipart/mixed; boundary=x\n\nHello\n")},
         "BadRequestException", "no well-formed MIME message"),
        ({"Content": raw("no header")}, "BadRequestException", "no well-formed MIME message"),
        ({"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {}}}}, "BadRequestException", "must be Raw"),
        ({"Destination": {"ToAddresses": ["ünï@example.org"]}}, "BadRequestException", "Illegal address"),
        ({"Destination": {"BccAddresses": [f"a{number}@example.org" for number in range(51)]}},
         "BadRequestException", "Recipient count"),
        ({"EmailTags": [{"Name": "a b", "Value": "c"}]}, "BadRequestException", "Invalid tag"),
        ({"EmailTags": [{"Name": "a", "Value": "é"}]}, "BadRequestException", "Invalid tag"),
    ],
)  # fmt: skip
def test_what_ses_would_not_take_is_refused(ses: Any, changes: dict[str, Any], code: str, reason: str) -> None:
    found, text = refused(ses, **changes)
    assert found == code
    assert reason in text


def test_a_field_that_is_none_is_refused(sandbox: Sandbox, ses: Any) -> None:
    def misspell(params: dict[str, Any], **_: Any) -> None:
        params["body"] = params["body"].replace(b"EmailTags", b"EmailTag")

    ses.meta.events.register("before-call.sesv2.SendEmail", misspell)
    assert refused(ses) == ("SerializationException", "EmailTag is not a field, or not of its type.")


def test_every_documented_error_is_one_to_the_sdk(sandbox: Sandbox, ses: Any) -> None:
    for name in sandbox.vendors["ses"].errors:
        sandbox.behave("ses", error=name)
        assert refused(ses)[0] == name.partition(" ")[0]


def test_magic_recipients(sandbox: Sandbox, ses: Any) -> None:
    to = {"ToAddresses": ["error+SendingPausedException@example.org"]}
    assert refused(ses, Destination=to)[0] == "SendingPausedException"
    with pytest.raises(ReadTimeoutError):
        ses.send_email(**request(Destination={"ToAddresses": ["hang@example.org"]}))
    assert [entry.accepted for entry in sandbox.calls("ses")] == [False, True]
