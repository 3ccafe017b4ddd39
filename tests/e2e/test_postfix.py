"""Mail through a real Postfix: what it stores is what was sent, and what it refuses means what we say it means."""

import asyncio
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from crier.local.errors import ServerMissing
from crier.sandbox.certificate import make_tls
from services.email.mime import build, mailbox
from services.email.providers.smtp import Smtp
from services.email.providers.smtp_settings import SmtpSettings
from shared.errors import Rejected, SendError, Unavailable
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.settings import load_one
from tests.crier.sandbox.clients import wait_for
from tests.e2e.postfix import SIZE_LIMIT, Postfix

T = TypeVar("T")
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
USERS = ("ada", "bob", "carol", "dan", "eve", "ünï")


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """A running Postfix; without one installed, or root to start it, the test is skipped, except in CI."""
    with tempfile.TemporaryDirectory(prefix="crier-postfix-") as folder:
        Path(folder).chmod(0o755)
        server = Postfix(Path(folder), USERS)
        try:
            server.start()
        except ServerMissing as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))
        yield server
        server.stop()


def using(environment: Mapping[str, str], action: Callable[[Smtp], Awaitable[T]]) -> T:
    async def main() -> T:
        provider = Smtp(load_one(SmtpSettings, environment), clock=lambda: NOW)
        try:
            async with asyncio.timeout(30):
                return await action(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def mail(user: str, **content: Any) -> EmailMessage:
    return EmailMessage(uuid4(), f"{user}@example.org", EmailContent("Subject", **({"text": "Text"} | content)))


def send(environment: Mapping[str, str], message: EmailMessage) -> Sent:
    return using(environment, lambda provider: provider.send(message))


def failure(environment: Mapping[str, str], message: EmailMessage) -> SendError:
    with pytest.raises(SendError) as caught:
        send(environment, message)
    return caught.value


def arrived(postfix: Postfix, user: str, count: int = 1) -> list[bytes]:
    wait_for(lambda: len(postfix.mails(user)) >= count, 30)
    found = postfix.mails(user)
    assert len(found) == count
    return found


def test_a_rich_mail_arrives_as_it_was_sent_and_its_signature_is_good(postfix: Postfix, tmp_path: Path) -> None:
    key = generate_private_key(65537, 2048)
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    message = EmailMessage(
        uuid4(),
        "ada@example.org",
        EmailContent(
            "Grüße: ein Betreff, der länger ist als eine Zeile und deshalb gebrochen wird 🎉",
            "Téxt\n.\n..dots\nFrom me\n   spaces   \n\n\n" + "long " * 500,
            '<p>مرحبا <img src="cid:logo"></p>',
            reply_to="help@example.com",
            cc=("bob@example.org",),
            bcc=("carol@example.org",),
            headers={"X-Campaign": "spring"},
            attachments=(
                Attachment("logo.png", "image/png", bytes(range(256)), content_id="logo"),
                Attachment("résumé.bin", "application/octet-stream", bytes(range(256)) * 3000),
            ),
            tags=("welcome",),
        ),
        to_name="Ada, “the” Countess",
        unsubscribe_url="https://example.com/u/" + "x" * 300,
    )
    signing = {
        "SMTP_DKIM_DOMAIN": "example.com", "SMTP_DKIM_SELECTOR": "s1", "SMTP_DKIM_KEY_PATH": str(file),
    }  # fmt: skip
    # The boundaries of the parts are drawn: the same ones for what is sent and what is expected.
    random.seed(1)
    expected = build(message, mailbox(postfix.environment["SMTP_FROM"]), NOW).content
    random.seed(1)
    sent = send({**postfix.environment, **signing}, message)
    assert sent.detail.startswith("250 2.0.0 Ok: queued as ")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    record = "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])
    for user in ("ada", "bob", "carol"):
        [stored] = arrived(postfix, user)
        assert stored.endswith(expected)
        assert dkim.verify(stored, dnsfunc=lambda *_, **__: record.encode())
        assert b"Return-Path: <crier@example.com>\r\n" in stored
        assert b" with ESMTPSA id " in stored  # encrypted and logged in (RFC 3848)
        assert b"carol" not in expected


def test_many_at_once_each_arrive_once(postfix: Postfix) -> None:
    messages = [mail("dan") for _ in range(50)]

    async def all_of_them(provider: Smtp) -> None:
        await asyncio.gather(*(provider.send(message) for message in messages))

    using(postfix.environment, all_of_them)
    stored = arrived(postfix, "dan", len(messages))
    for message in messages:
        assert sum(str(message.delivery_id).encode() in one for one in stored) == 1


def test_a_mailbox_outside_ascii(postfix: Postfix) -> None:
    message = mail("ünï")
    send(postfix.environment, message)
    [stored] = arrived(postfix, "ünï")
    assert "To: ünï@example.org".encode() in stored


def test_a_wrong_password_is_the_accounts_fault(postfix: Postfix) -> None:
    error = failure({**postfix.environment, "SMTP_PASSWORD": "wrong"}, mail("eve"))
    assert isinstance(error, Unavailable)
    assert (error.provider_fault, error.code) == (True, "535")
    assert "authentication failed" in error.reason


def test_without_encryption_it_takes_nothing(postfix: Postfix) -> None:
    plain = {**postfix.environment, "SMTP_TLS": "none", "SMTP_USERNAME": "", "SMTP_PASSWORD": "", "SMTP_CA_FILE": ""}
    error = failure(plain, mail("eve"))
    assert isinstance(error, Unavailable)
    assert (error.provider_fault, error.code) == (True, "530 5.7.0")


def test_without_a_login_it_takes_nothing(postfix: Postfix) -> None:
    error = failure({**postfix.environment, "SMTP_USERNAME": "", "SMTP_PASSWORD": ""}, mail("eve"))
    assert isinstance(error, Rejected)
    assert (error.target_is_dead, error.code) == (False, "554 5.7.1")


def test_a_certificate_nobody_vouches_for_ends_it_before_the_password(postfix: Postfix, tmp_path: Path) -> None:
    stranger, _ = make_tls(tmp_path)
    error = failure({**postfix.environment, "SMTP_CA_FILE": str(stranger)}, mail("eve"))
    assert isinstance(error, Unavailable)
    assert not error.provider_fault
    assert "certificate" in error.reason.lower()


def test_a_mailbox_that_is_not_there_is_dead(postfix: Postfix) -> None:
    error = failure(postfix.environment, mail("nobody"))
    assert isinstance(error, Rejected)
    assert (error.target_is_dead, error.code) == (True, "550 5.1.1")
    assert "User unknown" in error.reason


def test_a_mail_that_is_too_large_is_refused_before_or_after_it_was_sent(postfix: Postfix) -> None:
    large = mail("eve", text="All work and no play.\n" * (SIZE_LIMIT // 20))
    error = failure(postfix.environment, large)
    assert isinstance(error, Rejected)
    assert (error.target_is_dead, error.code) == (False, "SIZE")
    error = failure({**postfix.environment, "SMTP_PORT": str(postfix.port_that_hides_its_limit)}, large)
    assert isinstance(error, Rejected)
    assert (error.target_is_dead, error.code) == (False, "552 5.3.4")
