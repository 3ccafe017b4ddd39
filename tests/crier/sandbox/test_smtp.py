"""The SMTP server, driven by smtplib and aiosmtplib."""

import asyncio
import smtplib
import ssl
from base64 import b64decode
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from crier.sandbox import Sandbox
from tests.crier.sandbox.clients import DELIVERY, mail, only_call

USER, PASSWORD = "sandbox", "sandbox-password"


@pytest.fixture
def plain(sandbox: Sandbox) -> Iterator[smtplib.SMTP]:
    """A client that has said EHLO and nothing else."""
    client = smtplib.SMTP("127.0.0.1", sandbox.ports.smtp, timeout=10)
    client.ehlo()
    yield client
    client.close()


def test_a_mail_is_kept_byte_for_byte(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    content = b"Subject: Dots\r\nX-Crier-Id: " + DELIVERY.encode() + b"\r\n\r\n.\r\n..two\r\n\xc3\xa9\r\n"
    smtp.sendmail("shop@example.com", ["ada@example.com", "bob@example.com"], content, ["BODY=8BITMIME"])
    entry = only_call(sandbox, "smtp")
    assert (entry.action, entry.accepted, entry.delivery) == ("message", True, DELIVERY)
    assert entry.recipient == "ada@example.com,bob@example.com"
    assert b64decode(entry.received["message_base64"]) == content
    assert entry.received["from"] == "shop@example.com"
    assert entry.received["to"] == ["ada@example.com", "bob@example.com"]
    assert entry.answered == {"reply": f"250 2.0.0 Ok: queued as {entry.reference}"}


def test_the_delivery_is_found_in_the_message_id(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    message = mail()
    del message["X-Crier-Id"]
    message["Message-ID"] = f"<{DELIVERY.replace('-', '')}@example.com>"
    smtp.send_message(message)
    assert only_call(sandbox, "smtp").delivery == DELIVERY


def test_several_mails_over_one_connection_are_counted(
    sandbox: Sandbox, smtp: smtplib.SMTP, trust: ssl.SSLContext
) -> None:
    for _ in range(3):
        smtp.send_message(mail())
    with smtplib.SMTP_SSL("localhost", sandbox.ports.smtps, context=trust, timeout=10) as another:
        another.login(USER, PASSWORD)
        another.send_message(mail())
    seen = [(entry.received["connection"], entry.received["number"]) for entry in sandbox.calls("smtp")]
    first = seen[0][0]
    assert seen == [(first, 1), (first, 2), (first, 3), (first + 1, 1)]


def test_starttls_comes_before_auth_and_auth_before_mail(plain: smtplib.SMTP, trust: ssl.SSLContext) -> None:
    assert plain.has_extn("starttls")
    assert not plain.has_extn("auth")
    assert plain.docmd("MAIL", "FROM:<shop@example.com>") == (530, b"5.7.0 Authentication required")
    assert plain.docmd("AUTH", "PLAIN AHNhbmRib3gAc2FuZGJveC1wYXNzd29yZA==")[0] == 538
    plain.starttls(context=trust)
    plain.ehlo()
    assert not plain.has_extn("starttls")
    assert plain.esmtp_features["auth"].split() == ["LOGIN", "PLAIN"]
    assert plain.docmd("MAIL", "FROM:<shop@example.com>")[0] == 530
    plain.login(USER, PASSWORD)
    assert plain.docmd("MAIL", "FROM:<shop@example.com>")[0] == 250


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_credentials_are_checked(sandbox: Sandbox, trust: ssl.SSLContext, mechanism: str) -> None:
    with smtplib.SMTP_SSL("localhost", sandbox.ports.smtps, context=trust, timeout=10) as client:
        client.ehlo()
        authenticate = getattr(client, f"auth_{mechanism.lower()}")
        client.user, client.password = USER, "wrong"
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.auth(mechanism, authenticate)
        assert refused.value.smtp_code == 535
        client.password = PASSWORD
        assert client.auth(mechanism, authenticate)[0] == 235
        client.send_message(mail())
    first, second = sandbox.calls("smtp")
    assert (first.action, first.answered["reply"][:3], first.received["argument"]) == ("auth", "535", "…")
    assert (second.accepted, second.received["authenticated"], second.received["tls"]) == (True, True, True)


def test_the_certificate_is_only_good_with_the_sandboxs_authority(sandbox: Sandbox) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL("localhost", sandbox.ports.smtps, context=ssl.create_default_context(), timeout=10)


def test_auth_without_tls_must_be_asked_for(tmp_path: Path) -> None:
    with (
        Sandbox(tmp_path, auth_without_tls=True) as sandbox,
        smtplib.SMTP("127.0.0.1", sandbox.ports.smtp, timeout=10) as client,
    ):
        client.login(USER, PASSWORD)
        client.send_message(mail())
        entry = only_call(sandbox, "smtp")
    assert (entry.accepted, entry.received["tls"]) == (True, False)


def test_a_mail_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with Sandbox(tmp_path, size_limit=1000) as sandbox:
        trust = ssl.create_default_context(cafile=sandbox.environment["SMTP_CA_FILE"])
        with smtplib.SMTP_SSL("localhost", sandbox.ports.smtps, context=trust, timeout=10) as client:
            client.login(USER, PASSWORD)
            assert client.esmtp_features["size"] == "1000"
            with pytest.raises(smtplib.SMTPSenderRefused) as announced:
                client.sendmail("a@example.com", ["b@example.com"], b"x\r\n" * 1000)
            assert announced.value.smtp_code == 552
            client.mail("a@example.com")
            client.rcpt("b@example.com")
            assert client.data(b"x\r\n" * 1000)[0] == 552
        assert not any(entry.accepted for entry in sandbox.calls("smtp"))


def test_addresses_in_other_alphabets_need_smtputf8(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    assert smtp.has_extn("smtputf8")
    smtp.command_encoding = "utf-8"
    smtp.mail("shop@example.com")
    assert smtp.rcpt("жанна@example.com")[0] == 553
    smtp.rset()
    smtp.mail("shop@example.com", ["SMTPUTF8", "BODY=8BITMIME"])
    assert smtp.rcpt("жанна@example.com")[0] == 250
    assert smtp.data("Subject: Привет\r\n\r\nПривет\r\n".encode())[0] == 250
    assert [entry.recipient for entry in sandbox.calls("smtp") if entry.accepted] == ["жанна@example.com"]


@pytest.mark.parametrize(
    ("recipient", "code", "words"),
    [
        ("bounce+550-5.1.1@example.com", 550, b"5.1.1 Mailbox unavailable"),
        ("bounce+451@example.com", 451, b"4.0.0 Local error in processing"),
        ("Bounce+421-4.7.0@example.com", 421, b"4.7.0 Service not available, closing transmission channel"),
    ],
)
def test_a_recipient_that_bounces(
    sandbox: Sandbox, smtp: smtplib.SMTP, recipient: str, code: int, words: bytes
) -> None:
    smtp.mail("shop@example.com")
    assert smtp.rcpt(recipient) == (code, words)
    entry = only_call(sandbox, "smtp")
    assert (entry.action, entry.recipient, entry.accepted) == ("rcpt", recipient, False)
    assert entry.answered["reply"] == f"{code} {words.decode()}"


@pytest.mark.parametrize("local", ["bounce", "bounce+250", "bounce+tomorrow", "bouncer+550", "hangman"])
def test_a_recipient_that_only_looks_like_magic(smtp: smtplib.SMTP, local: str) -> None:
    assert smtp.send_message(mail(f"{local}@example.com")) == {}


def test_one_recipient_that_bounces_does_not_stop_the_others(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    refused = smtp.send_message(mail("ada@example.com", "bounce+550-5.1.1@example.com"))
    assert list(refused) == ["bounce+550-5.1.1@example.com"]
    assert [entry.recipient for entry in sandbox.calls("smtp") if entry.accepted] == ["ada@example.com"]


def test_a_recipient_that_rejects_the_message(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.send_message(mail("reject+554-5.7.1@example.com"))
    assert (refused.value.smtp_code, refused.value.smtp_error) == (554, b"5.7.1 Transaction failed")
    entry = only_call(sandbox, "smtp")
    assert (entry.action, entry.accepted, entry.delivery) == ("message", False, DELIVERY)
    assert "message_base64" in entry.received


def test_a_recipient_whose_answer_is_lost(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.send_message(mail("drop@example.com"))
    assert only_call(sandbox, "smtp").accepted


def test_aiosmtplib_sends_as_crier_does(sandbox: Sandbox) -> None:
    """STARTTLS with the authority's file, AUTH, several mails over one connection."""
    settings = sandbox.environment

    async def send() -> None:
        client = aiosmtplib.SMTP(
            hostname=settings["SMTP_HOST"],
            port=int(settings["SMTP_PORT"]),
            username=settings["SMTP_USERNAME"],
            password=settings["SMTP_PASSWORD"],
            start_tls=True,
            tls_context=ssl.create_default_context(cafile=settings["SMTP_CA_FILE"]),
            timeout=10,
        )
        async with client:
            for _ in range(2):
                await client.send_message(mail())
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                await client.send_message(mail("bounce+550-5.1.1@example.com"))

    asyncio.run(send())
    assert [entry.accepted for entry in sandbox.calls("smtp")] == [True, True, False]


def test_a_subject_in_other_alphabets_is_read(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    message: EmailMessage = mail(subject="Ваша поездка — вовремя 🚌")
    smtp.send_message(message)
    assert sandbox.preview(only_call(sandbox, "smtp")).title == "Ваша поездка — вовремя 🚌"
