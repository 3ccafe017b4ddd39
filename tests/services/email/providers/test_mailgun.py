"""What only Mailgun has: the mail as a file in a form, its options, its regions, its limits."""

import asyncio
import email
import email.policy
import json
from base64 import b64decode
from dataclasses import replace
from email.message import EmailMessage as Mime
from typing import Any
from uuid import uuid4

import pytest

from crier.sandbox import Entry, Sandbox
from crier.sandbox.mailgun.request import Request, read
from services.email.providers.mailgun import MAX_BYTES, Mailgun, MailgunSettings
from shared.errors import Ambiguous, Rejected, SendError, SettingsError, Unavailable
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.settings import load_one

LEAST = {"MAILGUN_API_KEY": "key-1", "MAILGUN_DOMAIN": "mg.example.com", "MAILGUN_FROM": "Crier <crier@example.com>"}


def mail(to: str = "ada@example.org", to_name: str | None = None, **content: Any) -> EmailMessage:
    return EmailMessage(uuid4(), to, replace(EmailContent("Subject", "Text"), **content), to_name=to_name)


def send(sandbox: Sandbox, message: EmailMessage | None = None, **environ: str) -> Sent:
    async def main() -> Sent:
        provider = Mailgun(load_one(MailgunSettings, sandbox.environment | environ))
        try:
            return await provider.send(message or mail())
        finally:
            await provider.close()

    return asyncio.run(main())


def failure(sandbox: Sandbox, message: EmailMessage, **environ: str) -> SendError:
    with pytest.raises(SendError) as caught:
        send(sandbox, message, **environ)
    assert [entry for entry in sandbox.calls("mailgun") if entry.accepted] == []
    return caught.value


def taken(sandbox: Sandbox) -> Entry:
    [entry] = sandbox.calls("mailgun")
    assert entry.accepted
    return entry


def request(sandbox: Sandbox) -> Request:
    received = taken(sandbox).received
    body = b64decode(received["body_base64"]) if "body_base64" in received else received["body"].encode()
    return read(received["headers"]["content-type"], body)


def mime(sandbox: Sandbox) -> Mime:
    parsed = email.message_from_bytes(request(sandbox).message or b"", policy=email.policy.default)
    assert isinstance(parsed, Mime)
    return parsed


def test_everything_a_mail_can_have_arrives(sandbox: Sandbox) -> None:
    message = replace(
        mail(
            to_name='Lovelace, "Ada" Å', html="<p>Text</p>", reply_to="help@example.com", cc=("bob@example.org",),
            bcc=("carol@example.org",), headers={"X-Order": "7"}, tags=("receipt", "shop"),
            attachments=(Attachment("Quittung €.pdf", "application/pdf", b"%PDF"),),
        ),
        sender="Shop, Inc. <shop@example.com>",
    )  # fmt: skip
    send(sandbox, message)
    got = mime(sandbox)
    assert request(sandbox).to == ("ada@example.org", "bob@example.org", "carol@example.org")
    assert str(got["To"].addresses[0]) == '"Lovelace, \\"Ada\\" Å" <ada@example.org>'
    assert got["From"].addresses[0].display_name == "Shop, Inc."
    assert (got["Cc"], got["Reply-To"], got["Bcc"]) == ("bob@example.org", "help@example.com", None)
    assert (got["Subject"], got["X-Order"], got["X-Crier-Id"]) == ("Subject", "7", str(message.delivery_id))
    text, html = got.get_body(("plain",)), got.get_body(("html",))
    assert text is not None and html is not None
    assert (text.get_content().strip(), html.get_content().strip()) == ("Text", "<p>Text</p>")
    [attached] = got.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("Quittung €.pdf", b"%PDF")
    assert request(sandbox).options == (
        ("v:crier_id", str(message.delivery_id)),
        ("o:tracking", "no"),
        ("o:tag", "receipt"),
        ("o:tag", "shop"),
    )


def test_the_configured_sender_and_domain_are_used(sandbox: Sandbox) -> None:
    send(sandbox, MAILGUN_FROM="Café <cafe@example.org>")
    assert str(mime(sandbox)["From"]) == "Café <cafe@example.org>"
    assert taken(sandbox).received["path"] == "/v3/example.com/messages.mime"


def test_the_reference_is_the_id_without_brackets(sandbox: Sandbox) -> None:
    message = mail()
    sent = send(sandbox, message)
    assert sent.reference == taken(sandbox).reference == f"{message.delivery_id}@example.com"
    assert sent.detail == "Queued. Thank you."


def test_our_id_is_found_in_the_call(sandbox: Sandbox) -> None:
    message = mail()
    send(sandbox, message)
    assert taken(sandbox).delivery == str(message.delivery_id)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://api.mailgun.net/v3/mg.example.com/messages.mime"),
        ({"MAILGUN_REGION": "eu"}, "https://api.eu.mailgun.net/v3/mg.example.com/messages.mime"),
        ({"MAILGUN_REGION": "eu", "MAILGUN_BASE_URL": "http://127.0.0.1:9/"},
         "http://127.0.0.1:9/v3/mg.example.com/messages.mime"),
    ],
)  # fmt: skip
def test_a_domain_belongs_to_a_region(environ: dict[str, str], url: str) -> None:
    assert load_one(MailgunSettings, LEAST | environ).url == url


def test_a_mailbox_outside_ascii_is_written_as_it_is(sandbox: Sandbox) -> None:
    send(sandbox, mail("ünï@bücher.example", subject="Grüße"))
    assert request(sandbox).to == ("ünï@xn--bcher-kva.example",)
    assert "ünï@xn--bcher-kva.example".encode() in (request(sandbox).message or b"")


def test_who_is_named_twice_gets_the_mail_once(sandbox: Sandbox) -> None:
    send(sandbox, mail(cc=("ada@example.org", "bob@example.org"), bcc=("bob@example.org",)))
    assert request(sandbox).to == ("ada@example.org", "bob@example.org")


def test_an_image_is_shown_where_the_html_names_it(sandbox: Sandbox) -> None:
    image = Attachment("logo.png", "image/png", b"\x89PNG", content_id="logo")
    send(sandbox, mail(html='<img src="cid:logo">', attachments=(image,)))
    assert sandbox.preview(taken(sandbox)).html == '<img src="data:image/png;base64,iVBORw==">\r\n'


def test_a_promotion_can_be_unsubscribed_from_with_one_click(sandbox: Sandbox) -> None:
    send(sandbox, replace(mail(), unsubscribe_url="https://crier.example/u/1"))
    assert mime(sandbox)["List-Unsubscribe"] == "<https://crier.example/u/1>"
    assert mime(sandbox)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_tracking_is_on_where_it_was_asked_for(sandbox: Sandbox) -> None:
    send(sandbox, MAILGUN_TRACKING="true")
    assert ("o:tracking", "htmlonly") in request(sandbox).options


@pytest.mark.parametrize("name", ["X-Mailgun-Drop-Message", "x-mailgun-variables"])
def test_no_header_is_taken_for_an_option(sandbox: Sandbox, name: str) -> None:
    error = failure(sandbox, mail(headers={name: "yes"}))
    assert isinstance(error, Rejected) and name in error.reason
    assert list(sandbox.calls("mailgun")) == []


def test_a_line_break_is_refused(sandbox: Sandbox) -> None:
    error = failure(sandbox, mail(subject="Hello\r\nBcc: eve@example.org"))
    assert isinstance(error, Rejected) and "single line" in error.reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (mail(tags=tuple(f"tag-{number}" for number in range(11))), "too many tags, max is 10"),
        (mail(tags=("x" * 129,)), "invalid value of 'o:tag'"),
        (mail(cc=tuple(f"a{number}@example.org" for number in range(1000))), "Too many recipients, max is 1000"),
    ],
)
def test_a_limit_is_told_in_mailguns_words(sandbox: Sandbox, message: EmailMessage, reason: str) -> None:
    error = failure(sandbox, message)
    assert isinstance(error, Rejected) and not error.target_is_dead
    assert (error.code, error.reason) == ("400", reason)


def test_a_mail_that_is_too_large_is_not_even_sent(sandbox: Sandbox) -> None:
    content = bytes(20 * 1024 * 1024)
    error = failure(sandbox, mail(attachments=(Attachment("a.bin", "application/octet-stream", content),)))
    assert isinstance(error, Rejected) and f"Mailgun takes {MAX_BYTES}" in error.reason
    assert list(sandbox.calls("mailgun")) == []


def test_a_large_attachment_arrives_as_it_is(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 16_000
    send(sandbox, mail(attachments=(Attachment("all.bin", "application/octet-stream", content),)))
    [attached] = mime(sandbox).iter_attachments()
    assert attached.get_content() == content


def test_a_domain_mailgun_does_not_know_is_the_accounts_fault(sandbox: Sandbox) -> None:
    error = failure(sandbox, mail(), MAILGUN_DOMAIN="other.example")
    assert isinstance(error, Unavailable) and error.provider_fault
    assert (error.code, error.reason) == ("404", "Domain not found: other.example")


def test_a_wrong_address_among_several_ends_nobodys_address(sandbox: Sandbox) -> None:
    sandbox.behave("mailgun", error="400 to")
    error = failure(sandbox, mail(cc=("bob@example.org",)))
    assert isinstance(error, Rejected) and not error.target_is_dead


@pytest.mark.parametrize("date", ["soon", "Mon, 99 Dec 2021 20:33:21 UTC"])
def test_a_limit_without_a_date_that_can_be_read_waits_as_usual(sandbox: Sandbox, date: str) -> None:
    message = f"Domain example.com is not allowed to send: bytes limit exceeded, try again after {date}"
    sandbox.behave("mailgun", status=429, body=json.dumps({"message": message}))
    error = failure(sandbox, mail())
    assert isinstance(error, Unavailable) and error.retry_after == 60


def test_an_answer_without_an_id_is_no_acceptance(sandbox: Sandbox) -> None:
    # What Mailgun answers to a path it does not know.
    sandbox.behave("mailgun", status=200, body="Mailgun Magnificent API")
    with pytest.raises(Ambiguous):
        send(sandbox)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"MAILGUN_API_KEY": "key-1"}, "MAILGUN_DOMAIN is not set"),
        (LEAST | {"MAILGUN_DOMAIN": "https://example.com/v3"}, "MAILGUN_DOMAIN must be a domain"),
        (LEAST | {"MAILGUN_FROM": "Crier"}, "MAILGUN_FROM must be an address, or Name <address>"),
        (LEAST | {"MAILGUN_REGION": "us-east-1"}, "MAILGUN_REGION must be one of us, eu"),
        (LEAST | {"MAILGUN_BASE_URL": "api.mailgun.net"}, "MAILGUN_BASE_URL must begin with https"),
    ],
)
def test_what_mailgun_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_one(MailgunSettings, environ)
