"""What only SES has: the request and its signature, credentials, tags, quotas; and a second stand-in, moto's."""

import asyncio
import json
import logging
import os
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar
from uuid import UUID, uuid4

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from crier.sandbox import Entry, Sandbox
from services.email.providers import ses
from services.email.providers.ses import Ses
from services.email.providers.ses_codes import QUOTA, RATE, refused
from services.email.providers.ses_settings import SesSettings
from shared.errors import Rejected, SendError, SettingsError, Unavailable
from shared.http import Reply
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.providers.route import Vendor
from shared.settings import load_one

T = TypeVar("T")
ID = UUID("0198c0de-0000-7000-8000-000000000001")
LOGO = Attachment("logo.png", "image/png", b"png", content_id="logo")
RICH = EmailContent(
    "Grüße",
    "Text",
    '<p>Hello <img src="cid:logo"></p>',
    reply_to="help@example.com",
    cc=("bob@example.org", "ada@example.org"),
    bcc=("carol@bücher.example",),
    headers={"X-Campaign": "spring"},
    attachments=(LOGO, Attachment("plan.pdf", "application/pdf", b"%PDF")),
    tags=("welcome", "spring_2030"),
)


@pytest.fixture(autouse=True)
def no_account_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


def using(environment: Mapping[str, str], action: Callable[[Ses], Awaitable[T]]) -> T:
    async def main() -> T:
        provider = Ses(load_one(SesSettings, environment))
        try:
            async with asyncio.timeout(10):
                return await action(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def mail(to: str = "ada@example.org", **content: Any) -> EmailMessage:
    return EmailMessage(uuid4(), to, replace(EmailContent("Subject", "Text"), **content))


def send(environment: Mapping[str, str], message: EmailMessage | None = None) -> Sent:
    return using(environment, lambda provider: provider.send(message or mail()))


def failure(environment: Mapping[str, str], message: EmailMessage | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        send(environment, message)
    return caught.value


def only(sandbox: Sandbox) -> Entry:
    [entry] = sandbox.calls("ses")
    return entry


def test_a_rich_mail_is_one_request(sandbox: Sandbox) -> None:
    message = EmailMessage(ID, "ada@example.org", RICH, to_name="Ada", unsubscribe_url="https://example.com/u/1")
    sent = send({**sandbox.environment, "SES_CONFIGURATION_SET": "crier-sandbox"}, message)
    entry = only(sandbox)
    assert sent == Sent(reference=entry.reference)
    request = json.loads(entry.received["body"])
    data = request["Content"]["Raw"].pop("Data")
    assert request == {
        "Destination": {
            "ToAddresses": ["ada@example.org"],
            "CcAddresses": ["bob@example.org"],
            "BccAddresses": ["carol@xn--bcher-kva.example"],
        },
        "Content": {"Raw": {}},
        "ConfigurationSetName": "crier-sandbox",
        "EmailTags": [
            {"Name": "welcome", "Value": "true"},
            {"Name": "spring_2030", "Value": "true"},
            {"Name": "crier_id", "Value": str(ID)},
        ],
    }
    shown = sandbox.preview(entry)
    facts = dict(shown.facts)
    assert (shown.title, shown.text.strip()) == ("Grüße", "Text")
    assert facts["From"] == "Crier sandbox <sandbox@example.com>"
    assert facts["To"] == "Ada <ada@example.org>"
    assert facts["Reply-To"] == "help@example.com"
    assert facts["X-Campaign"] == "spring"
    assert facts["X-Crier-Id"] == str(ID)
    assert facts["List-Unsubscribe"] == "<https://example.com/u/1>"
    assert facts["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [(file.filename, file.cid) for file in shown.attachments] == [("logo.png", "logo"), ("plan.pdf", None)]
    assert b"carol" not in b64decode(data)


def test_a_sender_of_the_messages_own(sandbox: Sandbox) -> None:
    send(sandbox.environment, replace(mail(), sender="Shop <shop@example.com>"))
    assert dict(sandbox.preview(only(sandbox)).facts)["From"] == "Shop <shop@example.com>"


def test_the_installations_sender_that_is_not_verified_is_the_accounts_fault(sandbox: Sandbox) -> None:
    error = failure({**sandbox.environment, "SES_FROM": "shop@elsewhere.example"})
    assert isinstance(error, Unavailable)
    assert (error.provider_fault, error.code) == (True, "MessageRejected")


def test_a_projects_own_sender_that_is_not_verified_stops_nobody_else(sandbox: Sandbox) -> None:
    error = failure(sandbox.environment, replace(mail(), sender="shop@elsewhere.example"))
    assert isinstance(error, Rejected)
    assert (error.alert, error.code) == (True, "MessageRejected")


def test_a_configuration_set_that_is_not_there_is_the_accounts_fault(sandbox: Sandbox) -> None:
    error = failure({**sandbox.environment, "SES_CONFIGURATION_SET": "another"})
    assert isinstance(error, Unavailable)
    assert (error.provider_fault, error.reason) == (True, "Configuration set <another> does not exist.")


def test_a_mailbox_outside_ascii_is_refused_and_a_domain_is_not(sandbox: Sandbox) -> None:
    error = failure(sandbox.environment, mail("ünï@example.org"))
    assert isinstance(error, Rejected)
    assert "outside ASCII" in error.reason
    assert list(sandbox.calls("ses")) == []
    send(sandbox.environment, mail("ada@bücher.example"))
    assert only(sandbox).recipient == "ada@xn--bcher-kva.example"


def test_a_mail_larger_than_ses_takes_is_not_sent(sandbox: Sandbox) -> None:
    error = failure(sandbox.environment, mail(text="x" * (ses.MAX_BYTES + 1)))
    assert isinstance(error, Rejected)
    assert f"SES takes {ses.MAX_BYTES}" in error.reason
    assert list(sandbox.calls("ses")) == []


def test_a_large_attachment_arrives_as_it_is(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 40_000
    send(sandbox.environment, mail(attachments=(Attachment("all.bin", "application/octet-stream", content),)))
    [file] = sandbox.preview(only(sandbox)).attachments
    assert file.content == content


def test_our_own_tag_is_nobody_elses(sandbox: Sandbox) -> None:
    assert "choose another" in failure(sandbox.environment, mail(tags=("crier_id",))).reason


def test_a_temporary_key_goes_with_its_token_and_into_no_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = failure({**sandbox.environment, "AWS_SESSION_TOKEN": "canary-7d1f"})
    assert error.code == "UnrecognizedClientException"
    assert only(sandbox).received["headers"]["x-amz-security-token"] == "…"
    assert not [record for record in caplog.records if "canary-7d1f" in str(vars(record))]


def test_credentials_are_found_where_aws_puts_them(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {name.lower(): sandbox.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    file = tmp_path / "credentials"
    file.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in keys.items()))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    without = {name: value for name, value in sandbox.environment.items() if name.lower() not in keys}
    assert send(without).reference


def test_a_key_of_the_settings_needs_nothing_else_of_aws(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobodys")
    assert send(sandbox.environment).reference
    without = {**sandbox.environment, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    error = failure(without)
    assert isinstance(error, Unavailable)
    assert error.provider_fault
    assert "profile (nobodys) could not be found" in error.reason


@contextmanager
def role_of_a_container(
    monkeypatch: pytest.MonkeyPatch, folder: Path, key: Mapping[str, str], ready: Event
) -> Iterator[None]:
    """Where containers ask for credentials; it answers when it is `ready`."""

    class Role(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ready.wait(10)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(key).encode())

        def log_message(self, *_: Any) -> None:
            pass

    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(folder / "nothing"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Role) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/role")
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def temporary_key() -> dict[str, str]:
    ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"AccessKeyId": "ASIAROLE", "SecretAccessKey": "secret", "Token": "token", "Expiration": ends}


NO_KEY = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def test_the_role_of_a_container_is_asked_for_its_temporary_key(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = Event()
    ready.set()
    with role_of_a_container(monkeypatch, tmp_path, temporary_key(), ready):
        error = failure({**sandbox.environment, **NO_KEY})
    # The stand-in has no such key; what matters is that it was used.
    assert error.code == "UnrecognizedClientException"
    assert "x-amz-security-token" in only(sandbox).received["headers"]


def test_credentials_that_do_not_come_in_time_leave_no_doubt(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = Event()

    async def impatient() -> None:
        provider = Ses(load_one(SesSettings, {**sandbox.environment, **NO_KEY}), patience=0.2)
        try:
            with pytest.raises(Unavailable, match=r"no AWS credentials within 0\.2 s"):
                await provider.send(mail())
        finally:
            ready.set()
            await provider.close()

    with role_of_a_container(monkeypatch, tmp_path, temporary_key(), ready):
        asyncio.run(impatient())
    assert list(sandbox.calls("ses")) == []


def test_without_credentials_nothing_is_sent(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    error = failure({**sandbox.environment, **keys})
    assert isinstance(error, Unavailable)
    assert error.provider_fault
    assert "set AWS_ACCESS_KEY_ID, or give this machine a role" in error.reason
    assert list(sandbox.calls("ses")) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"AWS_REGION": ""}, "AWS_REGION is not set"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "set both or neither"),
        ({"AWS_ACCESS_KEY_ID": ""}, "set both or neither"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "x"}, "AWS_SESSION_TOKEN has no"),
        ({"AWS_REGION": "eu-west1"}, "AWS_REGION must be a region such as eu-west-1"),
        ({"SES_FROM": "nobody"}, "SES_FROM must be an address"),
        ({"SES_ENDPOINT_URL": "ftp://x"}, "SES_ENDPOINT_URL must begin with"),
    ],
)
def test_settings_that_do_not_go_together_are_named(sandbox: Sandbox, changes: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_one(SesSettings, {**sandbox.environment, **changes})


def test_an_amazon_environment_alone_does_not_make_it_a_mail_provider(sandbox: Sandbox) -> None:
    vendor = Vendor(SesSettings, Ses)
    names = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert not vendor.configured({name: sandbox.environment[name] for name in names})
    assert vendor.configured({"SES_FROM": "a@example.com"})


@pytest.mark.parametrize(
    ("named", "message", "wait"),
    [
        ("TooManyRequestsException", "Maximum sending rate exceeded.", RATE),
        ("TooManyRequestsException", "Daily message quota exceeded.", QUOTA),
        ("TooManyRequestsException", "", 60),
        ("ThrottlingException", "Maximum sending rate exceeded.", RATE),
        ("Throttling", "Maximum sending rate exceeded.", RATE),
        ("Throttling", "Daily message quota exceeded.", QUOTA),
        ("LimitExceededException", "", QUOTA),
        ("aws.ses#TooManyRequestsException:http://internal.amazon.com/", "Maximum sending rate exceeded.", RATE),
    ],
)
def test_a_quota_is_waited_for(named: str, message: str, wait: float) -> None:
    status = 429 if "TooMany" in named else 400
    error = refused(Reply(status, {"x-amzn-ErrorType": named}, json.dumps({"message": message}).encode()))
    assert isinstance(error, Unavailable)
    assert error.retry_after == wait
    assert error.code == named.partition(":")[0].rpartition("#")[2]


@pytest.fixture
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_motos_ses_takes_it_too(moto_url: str) -> None:
    region = "eu-west-1"
    keys = {"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    client = boto3.client(
        "sesv2", endpoint_url=moto_url, region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_email_identity(EmailIdentity="shop@example.com")
    message = EmailMessage(ID, "ada@example.org", RICH)
    sent = send({**keys, "SES_FROM": "Shop <shop@example.com>", "SES_ENDPOINT_URL": moto_url}, message)
    [kept] = ses_backends[DEFAULT_ACCOUNT_ID][region].sent_messages
    assert kept.id == sent.reference
    assert {"ada@example.org", "bob@example.org", "carol@xn--bcher-kva.example"} <= set(kept.destinations)
    assert "From: Shop <shop@example.com>" in kept.raw_data
    assert "Content-ID: <logo>" in kept.raw_data
    assert f"X-Crier-Id: {ID}" in kept.raw_data
