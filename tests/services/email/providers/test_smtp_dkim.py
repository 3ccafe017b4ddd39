"""DKIM signatures, checked by dkimpy's verifier on the bytes a server received."""

import asyncio
import re
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from crier.sandbox import Sandbox
from services.email.providers.smtp import Smtp
from services.email.providers.smtp_dkim import Signer, read_key
from services.email.providers.smtp_settings import SmtpSettings
from shared.errors import SettingsError
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.settings import load_one

RSA, ED25519 = make_rsa(65537, 2048), Ed25519PrivateKey.generate()
both_kinds = pytest.mark.parametrize("key", [RSA, ED25519], ids=["RSA", "Ed25519"])
RICH = EmailContent(
    "Grüße und ein Betreff, der so lang ist, dass er auf mehr als eine Zeile gebrochen werden muss 🎉",
    "Text\n.\n..\nFrom me\n   trailing   \n\n\n",
    '<p>Hello <img src="cid:logo"></p>',
    reply_to="help@example.com",
    cc=("bob@example.org",),
    headers={"X-Campaign": "spring", "In-Reply-To": "<1@example.org>"},
    attachments=(
        Attachment("logo.png", "image/png", b"png", content_id="logo"),
        Attachment("all.bin", "application/octet-stream", bytes(range(256)) * 200),
    ),
    tags=("welcome",),
)


@pytest.fixture(scope="module")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), durable=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.clear()
    return running_sandbox


def pem(key: PrivateKeyTypes, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def record(key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    """What belongs into the DNS."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        return b"v=DKIM1; k=ed25519; p=" + b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return b"v=DKIM1; k=rsa; p=" + b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def settings_for(sandbox: Sandbox, folder: Path, key: bytes, **changes: str) -> dict[str, str]:
    file = folder / "dkim.pem"
    file.write_bytes(key)
    dkim_settings = {
        "SMTP_DKIM_DOMAIN": "example.com", "SMTP_DKIM_SELECTOR": "crier2030", "SMTP_DKIM_KEY_PATH": str(file),
    }  # fmt: skip
    return {**sandbox.environment, **dkim_settings, **changes}


def received(
    sandbox: Sandbox, environment: dict[str, str], content: EmailContent = RICH, sender: str | None = None
) -> tuple[bytes, Sent]:
    """A mail as it came out of the wire."""
    unsubscribe = "https://example.com/u/" + "x" * 200
    message = EmailMessage(uuid4(), "ada@example.org", content, sender=sender, unsubscribe_url=unsubscribe)

    async def main() -> Sent:
        provider = Smtp(load_one(SmtpSettings, environment))
        try:
            return await provider.send(message)
        finally:
            await provider.close()

    sent = asyncio.run(main())
    [entry] = [entry for entry in sandbox.calls("smtp") if entry.accepted]
    return b64decode(entry.received["message_base64"]), sent


def verified(mail: bytes, key: RSAPrivateKey | Ed25519PrivateKey, domain: str = "example.com") -> bool:
    name = f"crier2030._domainkey.{domain}.".encode()
    result: bool = dkim.verify(mail, dnsfunc=lambda asked, **_: record(key) if asked == name else None)
    return result


def signed_headers(mail: bytes) -> list[str]:
    signature = re.sub(rb"\s", b"", mail.partition(b"\r\nFrom:")[0]).decode()
    found = re.search(r";h=([^;]+);", signature)
    assert found
    return found[1].split(":")


@both_kinds
def test_what_a_server_receives_is_signed(
    sandbox: Sandbox, tmp_path: Path, key: RSAPrivateKey | Ed25519PrivateKey
) -> None:
    mail, sent = received(sandbox, settings_for(sandbox, tmp_path, pem(key)))
    assert mail.startswith(b"DKIM-Signature: v=1; a=")
    assert b"c=relaxed/relaxed; d=example.com;" in mail
    assert verified(mail, key)
    assert "not signed" not in sent.detail
    assert max(map(len, mail.split(b"\r\n"))) <= 300


@both_kinds
def test_one_altered_byte_breaks_the_signature(
    sandbox: Sandbox, tmp_path: Path, key: RSAPrivateKey | Ed25519PrivateKey
) -> None:
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, pem(key)), EmailContent("Subject", "Hello Ada"))
    assert verified(mail, key)
    for before, after in (
        (b"Hello Ada", b"Hello Bda"),
        (b"\r\nTo: ada@", b"\r\nTo: bda@"),
        (b"Subject: Subject", b"Subject: Subjecu"),
        (b"<https://example.com/u/x", b"<https://example.com/u/y"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-Clicl"),
        (b"d=example.com", b"d=example.org"),
    ):
        assert mail.count(before) == 1
        assert not verified(mail.replace(before, after), key)


@both_kinds
def test_the_key_of_another_does_not_verify(
    sandbox: Sandbox, tmp_path: Path, key: RSAPrivateKey | Ed25519PrivateKey
) -> None:
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, pem(key)))
    assert not verified(mail, make_rsa(65537, 2048) if key is RSA else Ed25519PrivateKey.generate())


def test_every_header_that_means_something_is_signed(sandbox: Sandbox, tmp_path: Path) -> None:
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, pem(RSA)))
    names = signed_headers(mail)
    assert {
        "from", "to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "mime-version", "content-type",
        "list-unsubscribe", "list-unsubscribe-post",
    } <= set(names)  # fmt: skip
    assert (names.count("from"), names.count("date")) == (2, 1)


@pytest.mark.parametrize(
    "header", [b"From: eve@example.net", b"Subject: Win", b"Reply-To: eve@example.net", b"Cc: e@e"]
)
def test_no_header_can_be_put_before_or_after_a_signed_one(sandbox: Sandbox, tmp_path: Path, header: bytes) -> None:
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, pem(RSA)), EmailContent("Subject", "Text"))
    assert not verified(header + b"\r\n" + mail, RSA)
    assert not verified(mail.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n", 1), RSA)


def test_what_a_relay_may_do_leaves_the_signature_good(sandbox: Sandbox, tmp_path: Path) -> None:
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, pem(RSA)))
    assert verified(b"Received: from crier (localhost [127.0.0.1])\r\n\tby mx.example.net\r\n" + mail, RSA)
    assert verified(mail.replace(b"Subject: ", b"subject:   "), RSA)


def test_a_sender_below_the_domain_is_signed_for(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_for(sandbox, tmp_path, pem(RSA), SMTP_DKIM_DOMAIN="Example.com")
    mail, _ = received(sandbox, settings, sender="a@news.eXample.com")
    assert verified(mail, RSA, domain="Example.com")


@pytest.mark.parametrize("sender", ["a@elsewhere.example", "a@notexample.com"])
def test_a_sender_elsewhere_is_not_signed_for_and_the_timeline_says_so(
    sandbox: Sandbox, tmp_path: Path, sender: str
) -> None:
    mail, sent = received(sandbox, settings_for(sandbox, tmp_path, pem(RSA)), sender=sender)
    assert b"DKIM-Signature" not in mail
    assert sent.detail.endswith("; not signed: the DKIM key is for example.com")


def test_without_a_key_nothing_is_signed(sandbox: Sandbox) -> None:
    mail, sent = received(sandbox, sandbox.environment)
    assert b"DKIM-Signature" not in mail
    assert "signed" not in sent.detail


def test_a_mailbox_outside_ascii_is_signed_as_it_is_written(sandbox: Sandbox, tmp_path: Path) -> None:
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, pem(RSA)), sender="Größe <größe@example.com>")
    assert "größe@example.com".encode() in mail
    assert verified(mail, RSA)


@pytest.mark.parametrize(
    "command", ["openssl genrsa -traditional -out {} 2048", "openssl genpkey -algorithm ed25519 -out {}"]
)
def test_keys_of_openssl_are_read(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    file = tmp_path / "made.pem"
    subprocess.run(command.format(file).split(), check=True, capture_output=True)
    mail, _ = received(sandbox, settings_for(sandbox, tmp_path, file.read_bytes()))
    assert mail.startswith(b"DKIM-Signature: ")


def test_a_key_is_in_no_text_about_it(tmp_path: Path) -> None:
    file = tmp_path / "dkim.pem"
    file.write_bytes(pem(ED25519))
    shown = repr(Signer("example.com", "s1", read_key(file)))
    assert "example.com" in shown
    assert b64encode(ED25519.private_bytes_raw()).decode() not in shown


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (b"nonsense", "holds no private key in PEM form"),
        (
            RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "holds no private key in PEM form",
        ),
        (pem(RSA, BestAvailableEncryption(b"x")), "is encrypted with a password"),
        (pem(make_ec(SECP256R1())), "of a kind DKIM does not know"),
    ],
    ids=["nonsense", "public", "encrypted", "EC"],
)
def test_a_file_that_is_no_key_stops_the_process(sandbox: Sandbox, tmp_path: Path, key: bytes, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"SMTP_DKIM_KEY_PATH names .*dkim.pem, .*{problem}"):
        load_one(SmtpSettings, settings_for(sandbox, tmp_path, key))


def test_a_key_that_is_too_short_stops_the_process(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "short.pem"
    subprocess.run(["openssl", "genrsa", "-out", file, "768"], check=True, capture_output=True)
    with pytest.raises(SettingsError, match="an RSA key of 768 bits: make one of 2048"):
        load_one(SmtpSettings, settings_for(sandbox, tmp_path, file.read_bytes()))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"SMTP_DKIM_KEY_PATH": "/nowhere/key.pem"}, "names /nowhere/key.pem, which cannot be read: No such file"),
        ({"SMTP_DKIM_KEY_PATH": ""}, "set all or none"),
        ({"SMTP_DKIM_SELECTOR": ""}, "set all or none"),
        ({"SMTP_DKIM_DOMAIN": ""}, "set all or none"),
        ({"SMTP_DKIM_DOMAIN": "bücher.example"}, "SMTP_DKIM_DOMAIN must be a name of the DNS in ASCII"),
        ({"SMTP_DKIM_SELECTOR": "a; d=evil"}, "SMTP_DKIM_SELECTOR must be a name of the DNS"),
        ({"SMTP_DKIM_DOMAIN": "example.org"}, "SMTP_FROM is at example.com, which SMTP_DKIM_DOMAIN, example.org"),
    ],
)
def test_settings_that_do_not_go_together_are_named(
    sandbox: Sandbox, tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_one(SmtpSettings, settings_for(sandbox, tmp_path, pem(RSA), **changes))
