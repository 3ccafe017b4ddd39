"""What only SendGrid has: its JSON, its limits, its headers."""

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from email.header import decode_header, make_header
from typing import Any
from uuid import uuid4

import pytest

from crier.sandbox import Entry, Sandbox
from services.email.providers.sendgrid import SendGrid, SendGridSettings
from shared.errors import Rejected, SendError, SettingsError, Unavailable
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.settings import load_one

LEAST = {"SENDGRID_API_KEY": "SG.a.b", "SENDGRID_FROM": "Crier <crier@example.com>"}


def mail(to: str = "ada@example.org", to_name: str | None = None, **content: Any) -> EmailMessage:
    return EmailMessage(uuid4(), to, replace(EmailContent("Subject", "Text"), **content), to_name=to_name)


def send(sandbox: Sandbox, message: EmailMessage | None = None, **environ: str) -> Sent:
    async def main() -> Sent:
        provider = SendGrid(load_one(SendGridSettings, sandbox.environment | environ))
        try:
            return await provider.send(message or mail())
        finally:
            await provider.close()

    return asyncio.run(main())


def failure(sandbox: Sandbox, message: EmailMessage, **environ: str) -> SendError:
    with pytest.raises(SendError) as caught:
        send(sandbox, message, **environ)
    assert [entry for entry in sandbox.calls("sendgrid") if entry.accepted] == []
    return caught.value


def taken(sandbox: Sandbox) -> Entry:
    [entry] = sandbox.calls("sendgrid")
    assert entry.accepted
    return entry


def body(sandbox: Sandbox) -> Any:
    return json.loads(taken(sandbox).received["body"])


def test_everything_a_mail_can_have_arrives(sandbox: Sandbox) -> None:
    message = replace(
        mail(
            to_name="Ada Lovelace", html="<p>Text</p>", reply_to="help@example.com", cc=("bob@example.org",),
            bcc=("carol@example.org",), headers={"X-Order": "7"}, tags=("receipt", "shop"),
            attachments=(Attachment("receipt.pdf", "application/pdf", b"%PDF"),),
        ),
        sender="Shop <shop@example.com>",
    )  # fmt: skip
    send(sandbox, message)
    assert body(sandbox) == {
        "personalizations": [
            {
                "to": [{"email": "ada@example.org", "name": "Ada Lovelace"}],
                "cc": [{"email": "bob@example.org"}],
                "bcc": [{"email": "carol@example.org"}],
            }
        ],
        "from": {"email": "shop@example.com", "name": "Shop"},
        "reply_to": {"email": "help@example.com"},
        "subject": "Subject",
        "content": [{"type": "text/plain", "value": "Text"}, {"type": "text/html", "value": "<p>Text</p>"}],
        "attachments": [
            {"content": "JVBERg==", "type": "application/pdf", "filename": "receipt.pdf", "disposition": "attachment"}
        ],
        "headers": {"X-Order": "7", "X-Crier-Id": str(message.delivery_id)},
        "categories": ["receipt", "shop"],
        "custom_args": {"crier_id": str(message.delivery_id)},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def test_without_a_sender_of_its_own_a_mail_comes_from_the_configured_one(sandbox: Sandbox) -> None:
    send(sandbox, SENDGRID_FROM='"Café, Berlin" <cafe@example.com>')
    assert body(sandbox)["from"] == {"email": "cafe@example.com", "name": "Café, Berlin"}


def test_the_reference_is_the_message_id_of_the_answer(sandbox: Sandbox) -> None:
    sent = send(sandbox)
    assert sent.reference == taken(sandbox).reference
    assert sent.detail == "202 Accepted"


def test_our_id_is_found_in_the_call(sandbox: Sandbox) -> None:
    message = mail()
    send(sandbox, message)
    assert taken(sandbox).delivery == str(message.delivery_id)


@pytest.mark.parametrize("name", ['Ada "Countess" Lovelace', "Зоя Ада", "Ada (work) <x>", "O'Neil-Å"])
def test_a_name_arrives_as_it_is(sandbox: Sandbox, name: str) -> None:
    sent = send(sandbox, mail(to_name=name))
    assert body(sandbox)["personalizations"][0]["to"] == [{"email": "ada@example.org", "name": name}]
    assert sent.detail == "202 Accepted"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Lovelace, Ada", {"name": "Lovelace Ada"}),
        ("Ada  (x); Countess ,", {"name": "Ada  (x) Countess"}),
        (" ,;", {}),
    ],
)
def test_a_recipients_name_loses_what_sendgrid_would_drop_the_mail_for(
    sandbox: Sandbox, name: str, written: dict[str, str]
) -> None:
    sent = send(sandbox, mail(to_name=name))
    assert body(sandbox)["personalizations"][0]["to"] == [{"email": "ada@example.org", **written}]
    assert sent.detail == "202 Accepted; the recipient's name is written without , and ;"


def test_an_international_domain_is_written_in_ascii(sandbox: Sandbox) -> None:
    send(sandbox, mail("ada@bücher.example"))
    assert taken(sandbox).recipient == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "message",
    [mail("ünï@example.org"), mail(cc=("ünï@example.org",)), mail(reply_to="ünï@example.org"),
     replace(mail(), sender="ünï@example.org")],
)  # fmt: skip
def test_a_mailbox_outside_ascii_is_refused_and_not_even_sent(sandbox: Sandbox, message: EmailMessage) -> None:
    error = failure(sandbox, message)
    assert isinstance(error, Rejected) and "outside ASCII" in error.reason
    assert list(sandbox.calls("sendgrid")) == []


def test_who_is_named_twice_gets_the_mail_once(sandbox: Sandbox) -> None:
    copies = ("Ada@Example.org", "bob@example.org", "bob@example.org")
    send(sandbox, mail(cc=copies, bcc=("BOB@example.org", "carol@example.org")))
    assert body(sandbox)["personalizations"] == [
        {
            "to": [{"email": "ada@example.org"}],
            "cc": [{"email": "bob@example.org"}],
            "bcc": [{"email": "carol@example.org"}],
        }
    ]


def test_an_image_is_shown_where_the_html_names_it(sandbox: Sandbox) -> None:
    image = Attachment("logo.png", "image/png", b"\x89PNG", content_id="logo")
    send(sandbox, mail(html='<img src="cid:logo">', attachments=(image,)))
    [attached] = body(sandbox)["attachments"]
    assert (attached["disposition"], attached["content_id"]) == ("inline", "logo")
    preview = sandbox.preview(taken(sandbox))
    assert preview.html == '<img src="data:image/png;base64,iVBORw==">'
    assert preview.attachments[0].content == b"\x89PNG"


def test_a_promotion_can_be_unsubscribed_from_with_one_click(sandbox: Sandbox) -> None:
    send(sandbox, replace(mail(), unsubscribe_url="https://crier.example/u/1"))
    headers = body(sandbox)["headers"]
    assert headers["List-Unsubscribe"] == "<https://crier.example/u/1>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_header_outside_ascii_is_encoded(sandbox: Sandbox) -> None:
    send(sandbox, mail(headers={"X-Note": "Grüße aus Köln " * 10, "X-Trap": "=?utf-8?q?x?="}))
    headers = body(sandbox)["headers"]
    decoded = {name: str(make_header(decode_header(headers[name]))) for name in ("X-Note", "X-Trap")}
    assert all(value.isascii() and "\n" not in value for value in headers.values())
    assert decoded == {"X-Note": "Grüße aus Köln " * 10, "X-Trap": "=?utf-8?q?x?="}


@pytest.mark.parametrize(
    "message",
    [mail(subject="Hello\r\nBcc: eve@example.org"), mail(to_name="Ada\nEve"), mail(headers={"X-A": "1\r\nX-B: 2"})],
)
def test_a_line_break_is_refused(sandbox: Sandbox, message: EmailMessage) -> None:
    error = failure(sandbox, message)
    assert isinstance(error, Rejected) and "single line" in error.reason


def test_tracking_is_on_where_it_was_asked_for(sandbox: Sandbox) -> None:
    send(sandbox, SENDGRID_TRACKING="true")
    assert body(sandbox)["tracking_settings"] == {
        "click_tracking": {"enable": True, "enable_text": False},
        "open_tracking": {"enable": True},
        "subscription_tracking": {"enable": False},
    }


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (mail(headers={"X-SG-EID": "1"}), "headers.X-SG-EID: .* reserved"),
        (mail(tags=tuple(f"tag-{number}" for number in range(11))), "categories: .* 10 categories"),
        (mail(cc=tuple(f"a{number}@example.org" for number in range(1000))), "limit of 1000 total recipients"),
        (mail(text=""), "content: .* at least one"),
        (mail(attachments=(Attachment("empty.txt", "text/plain", b""),)), "attachments.0.content"),
    ],
)
def test_a_limit_is_told_in_sendgrids_words(sandbox: Sandbox, message: EmailMessage, reason: str) -> None:
    error = failure(sandbox, message)
    assert isinstance(error, Rejected) and not error.target_is_dead
    assert error.code == "400"
    with pytest.raises(SendError, match=reason):
        raise error


def test_a_mail_that_is_too_large_is_refused(sandbox: Sandbox) -> None:
    error = failure(sandbox, mail(attachments=(Attachment("a.bin", "application/octet-stream", bytes(24_000_000)),)))
    assert isinstance(error, Rejected) and error.code == "413"


def test_a_large_attachment_arrives_as_it_is(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 40_000
    send(sandbox, mail(attachments=(Attachment("all.bin", "application/octet-stream", content),)))
    assert b64decode(body(sandbox)["attachments"][0]["content"]) == content


def test_the_installations_sender_that_nobody_verified_is_the_accounts_fault(sandbox: Sandbox) -> None:
    error = failure(sandbox, mail(), SENDGRID_FROM="unverified@example.com")
    assert isinstance(error, Unavailable) and error.provider_fault


def test_a_projects_own_sender_that_nobody_verified_stops_nobody_else(sandbox: Sandbox) -> None:
    error = failure(sandbox, replace(mail(), sender="unverified@example.com"))
    assert isinstance(error, Rejected) and error.alert
    assert error.reason.startswith("from: The from address does not match a verified Sender Identity.")


def test_an_address_of_a_copy_that_is_wrong_ends_nobodys_address(sandbox: Sandbox) -> None:
    problem = {"field": "personalizations.0.cc.0.email", "message": "Does not contain a valid address.", "help": None}
    sandbox.behave("sendgrid", status=400, body=json.dumps({"errors": [problem]}))
    error = failure(sandbox, mail(cc=("bob@example.org",)))
    assert isinstance(error, Rejected) and not error.target_is_dead
    assert error.reason == "personalizations.0.cc.0.email: Does not contain a valid address."


@pytest.mark.parametrize("body", ['{"errors": "no"}', '{"errors": [1, null]}', "[]", "<html>"])
def test_an_answer_without_errors_goes_by_its_status(sandbox: Sandbox, body: str) -> None:
    sandbox.behave("sendgrid", status=400, body=body)
    error = failure(sandbox, mail())
    assert isinstance(error, Rejected) and error.reason == "HTTP 400 without an explanation"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"SENDGRID_API_KEY": "SG.a.b"}, "SENDGRID_FROM is not set"),
        (LEAST | {"SENDGRID_FROM": "Crier"}, "SENDGRID_FROM must be an address, or Name <address>"),
        (LEAST | {"SENDGRID_BASE_URL": "api.eu.sendgrid.com"}, "SENDGRID_BASE_URL must begin with https"),
        (LEAST | {"SENDGRID_TRACKING": "some"}, "SENDGRID_TRACKING must be true or false"),
    ],
)
def test_what_sendgrid_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_one(SendGridSettings, environ)
