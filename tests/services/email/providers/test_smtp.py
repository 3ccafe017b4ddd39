"""What only SMTP has: connections that are used again, TLS, several recipients, extensions."""

import asyncio
import email
import email.policy
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from aiosmtplib import SMTP

from crier.sandbox import Entry, Sandbox
from crier.sandbox.certificate import make_tls
from services.email.providers.smtp import Smtp
from services.email.providers.smtp_connection import connect
from services.email.providers.smtp_pool import SmtpPool
from services.email.providers.smtp_settings import SmtpSettings
from shared.errors import Rejected, SendError, Unavailable
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.providers.port import Sent
from shared.settings import load_one

T = TypeVar("T")


def using(environment: Mapping[str, str], action: Callable[[Smtp], Awaitable[T]]) -> T:
    async def main() -> T:
        provider = Smtp(load_one(SmtpSettings, environment))
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


def taken(sandbox: Sandbox) -> list[Entry]:
    return [entry for entry in sandbox.calls("smtp") if entry.accepted]


def connections(sandbox: Sandbox) -> list[int]:
    """The connection each mail that was taken came over, in order."""
    return [entry.received["connection"] for entry in taken(sandbox)]


@pytest.mark.parametrize(
    ("to", "domain"), [("ada@example.org", "example.org"), ('"a@b"@Mail.Example.ORG', "mail.example.org")]
)
def test_a_recipients_domain_has_a_breaker_of_its_own(to: str, domain: str) -> None:
    assert Smtp.destination(mail(to)) == domain


def test_one_connection_carries_one_mail_after_the_other(sandbox: Sandbox) -> None:
    async def five(provider: Smtp) -> None:
        for _ in range(5):
            await provider.send(mail())

    using(sandbox.environment, five)
    assert len(connections(sandbox)) == 5
    assert len(set(connections(sandbox))) == 1


def test_no_more_connections_than_agreed_are_open(sandbox: Sandbox) -> None:
    async def forty(provider: Smtp) -> None:
        await asyncio.gather(*(provider.send(mail()) for _ in range(40)))

    using(sandbox.environment, forty)
    assert len(connections(sandbox)) == 40
    assert 1 < len(set(connections(sandbox))) <= Smtp.concurrency


def test_a_mail_is_encrypted_and_its_sender_logged_in(sandbox: Sandbox) -> None:
    send(sandbox.environment)
    [entry] = taken(sandbox)
    assert (entry.received["tls"], entry.received["authenticated"]) == (True, True)


def test_implicit_tls(sandbox: Sandbox) -> None:
    send({**sandbox.environment, "SMTP_TLS": "implicit", "SMTP_PORT": str(sandbox.ports.smtps)})
    assert len(taken(sandbox)) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_server_with_a_strangers_certificate_gets_nothing(sandbox: Sandbox, tls: str, tmp_path: Path) -> None:
    stranger, _ = make_tls(tmp_path)
    port = sandbox.ports.smtps if tls == "implicit" else sandbox.ports.smtp
    environment = {**sandbox.environment, "SMTP_TLS": tls, "SMTP_PORT": str(port), "SMTP_CA_FILE": str(stranger)}
    error = failure(environment)
    assert isinstance(error, Unavailable)
    assert "certificate" in error.reason.lower()
    assert list(sandbox.calls("smtp")) == []


class PlainServer:
    """A server that says what it is told to, and remembers what it was told."""

    def __init__(self, *extensions: str) -> None:
        self.commands: list[bytes] = []
        self._ehlo = b"".join(b"250-%s\r\n" % line.encode() for line in ("hello", *extensions)) + b"250 HELP\r\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        with suppress(asyncio.IncompleteReadError):
            while True:
                line = await reader.readuntil(b"\r\n")
                self.commands.append(line.strip())
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                writer.write(self._ehlo if verb == b"EHLO" else b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        writer.close()

    def run(self, message: EmailMessage, **environ: str) -> Sent:
        """Have one mail sent to it."""

        async def main() -> Sent:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            port = str(server.sockets[0].getsockname()[1])
            least = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": port, "SMTP_FROM": "crier@example.com"}
            provider = Smtp(load_one(SmtpSettings, least | environ))
            try:
                return await provider.send(message)
            finally:
                await provider.close()
                server.close()

        return asyncio.run(main())


def test_a_server_that_offers_no_encryption_gets_no_password() -> None:
    server = PlainServer("AUTH PLAIN LOGIN")
    with pytest.raises(Unavailable, match="STARTTLS") as caught:
        server.run(mail(), SMTP_USERNAME="crier", SMTP_PASSWORD="canary-7d1f")
    assert caught.value.provider_fault
    assert [command[:4] for command in server.commands] == [b"EHLO"]


def test_a_relay_on_this_machine_needs_neither_encryption_nor_login() -> None:
    server = PlainServer()
    sent = server.run(mail(), SMTP_TLS="none")
    assert sent.detail == "250 ok"
    assert [command.split(b" ")[0] for command in server.commands] == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT"]
    assert server.commands[0] == b"EHLO example.com"
    assert server.commands[1] == b"MAIL FROM:<crier@example.com>"


def test_a_mailbox_outside_ascii_is_refused_where_the_server_cannot_write_it() -> None:
    with pytest.raises(Rejected, match="does not take addresses outside ASCII"):
        PlainServer("SIZE").run(mail("ünï@example.org"), SMTP_TLS="none")


def test_a_mailbox_outside_ascii_is_written_where_the_server_can(sandbox: Sandbox) -> None:
    send(sandbox.environment, mail("ünï@bücher.example", subject="Grüße"))
    [entry] = taken(sandbox)
    assert entry.recipient == "ünï@xn--bcher-kva.example"
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(entry.received["options"])


def test_a_mail_larger_than_the_server_takes_is_not_even_begun(tmp_path: Path) -> None:
    with Sandbox(tmp_path, durable=False, size_limit=10_000) as sandbox:
        error = failure(sandbox.environment, mail(text="x" * 20_000))
        assert isinstance(error, Rejected)
        assert "takes 10000" in error.reason
        assert list(sandbox.calls("smtp")) == []


def test_a_large_attachment_arrives_as_it_is(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 40_000
    send(sandbox.environment, mail(attachments=(Attachment("all.bin", "application/octet-stream", content),)))
    [entry] = taken(sandbox)
    parsed: Any = email.message_from_bytes(b64decode(entry.received["message_base64"]), policy=email.policy.default)
    [attached] = parsed.iter_attachments()
    assert attached.get_content() == content


def test_the_message_id_is_the_reference(sandbox: Sandbox) -> None:
    message = mail()
    sent = send(sandbox.environment, message)
    assert sent.reference == f"{message.delivery_id}@example.com"
    assert sent.detail.startswith("250 2.0.0 Ok: queued as ")


@pytest.mark.parametrize("stage", ["connect", "ehlo", "auth", "mail", "rcpt", "data"])
@pytest.mark.parametrize("fault", ["close", "reset", "half", "huge"])
def test_a_connection_lost_before_the_content_left_is_no_doubt(sandbox: Sandbox, stage: str, fault: str) -> None:
    sandbox.behave("smtp", stage=stage, fault=fault)
    error = failure(sandbox.environment)
    assert isinstance(error, Unavailable)
    assert not error.provider_fault
    assert taken(sandbox) == []


@pytest.mark.parametrize(
    ("stage", "reply", "fault"),
    [
        ("connect", "421 4.3.2", False), ("connect", "554 5.7.1", True), ("ehlo", "550 5.7.1", True),
        ("auth", "535 5.7.8", True), ("auth", "454 4.7.0", True), ("auth", "421 4.3.2", False),
    ],
)  # fmt: skip
def test_a_refusal_at_the_door_is_about_us(sandbox: Sandbox, stage: str, reply: str, fault: bool) -> None:
    sandbox.behave("smtp", stage=stage, error=reply)
    error = failure(sandbox.environment)
    assert isinstance(error, Unavailable)
    assert error.provider_fault is fault


def test_a_server_that_refuses_us_is_not_kept_waiting() -> None:
    left = asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"550 5.7.1 not you\r\n")
        await reader.read()
        left.set()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = str(server.sockets[0].getsockname()[1])
        settings = load_one(SmtpSettings, {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": port, "SMTP_FROM": "a@example.com",
                                           "SMTP_TLS": "none"})  # fmt: skip
        with pytest.raises(Unavailable):
            await connect(settings, None, "example.com")
        await asyncio.wait_for(left.wait(), 10)
        server.close()

    asyncio.run(main())


@pytest.mark.parametrize("stage", ["mail", "data", "message"])
def test_a_refusal_of_the_sender_or_of_one_of_several_ends_no_address(sandbox: Sandbox, stage: str) -> None:
    sandbox.behave("smtp", stage=stage, error="550 5.1.1")
    error = failure(sandbox.environment, mail(cc=("bob@example.org",)))
    assert isinstance(error, Rejected)
    assert not error.target_is_dead


def test_a_refusal_after_the_content_is_about_the_only_recipient(sandbox: Sandbox) -> None:
    sandbox.behave("smtp", stage="message", error="550 5.1.1")
    error = failure(sandbox.environment)
    assert isinstance(error, Rejected)
    assert error.target_is_dead


@pytest.mark.parametrize("how", [{"fault": "close"}, {"fault": "reset"}, {"error": "421 4.4.2"}])
def test_a_used_connection_that_broke_is_replaced(sandbox: Sandbox, how: dict[str, str]) -> None:
    async def twice(provider: Smtp) -> Sent:
        await provider.send(mail())
        sandbox.behave("smtp", stage="mail", times=1, **how)
        return await provider.send(mail())

    using(sandbox.environment, twice)
    first, second = connections(sandbox)
    assert first != second


def test_it_is_replaced_once_and_not_again(sandbox: Sandbox) -> None:
    async def twice(provider: Smtp) -> None:
        await provider.send(mail())
        sandbox.behave("smtp", stage="mail", fault="close", times=2)
        with pytest.raises(Unavailable):
            await provider.send(mail())

    using(sandbox.environment, twice)
    assert len(taken(sandbox)) == 1


def test_a_refused_mail_leaves_its_connection_usable(sandbox: Sandbox) -> None:
    async def three(provider: Smtp) -> None:
        await provider.send(mail())
        with pytest.raises(Rejected):
            await provider.send(mail("bounce+550-5.1.1@example.org"))
        await provider.send(mail())

    using(sandbox.environment, three)
    first, second = connections(sandbox)
    assert first == second


def test_a_copy_that_is_refused_keeps_the_mail_from_nobody_else(sandbox: Sandbox) -> None:
    copies = ("bounce+550-5.1.1@example.org", "bob@example.org")
    sent = send(sandbox.environment, mail(cc=copies, bcc=("carol@example.org",)))
    [entry] = taken(sandbox)
    assert entry.received["to"] == ["ada@example.org", "bob@example.org", "carol@example.org"]
    assert sent.detail.endswith("; a copy was refused: 550 5.1.1 Mailbox unavailable")


def test_nobody_gets_a_copy_of_what_its_recipient_does_not_get(sandbox: Sandbox) -> None:
    error = failure(sandbox.environment, mail("bounce+550-5.1.1@example.org", cc=("bob@example.org",)))
    assert isinstance(error, Rejected)
    assert error.target_is_dead
    assert taken(sandbox) == []


def test_waiting_for_a_connection_is_no_attempt(sandbox: Sandbox) -> None:
    sandbox.behave("smtp", fault="hang")

    async def one_too_many(provider: Smtp) -> SendError:
        busy = [asyncio.create_task(provider.send(mail())) for _ in range(Smtp.concurrency)]
        try:
            async with asyncio.timeout(10):
                while len(taken(sandbox)) < len(busy):
                    await asyncio.sleep(0.01)
            with pytest.raises(Unavailable, match="busy") as caught:
                await provider.send(mail())
            return caught.value
        finally:
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)

    error = using({**sandbox.environment, "SMTP_CONNECT_TIMEOUT": "1"}, one_too_many)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 1.0


def test_a_server_that_is_slow_to_greet_is_not_ready(sandbox: Sandbox) -> None:
    sandbox.behave("smtp", stage="connect", fault="hang")
    error = failure({**sandbox.environment, "SMTP_CONNECT_TIMEOUT": "0.3"})
    assert isinstance(error, Unavailable)
    assert "not ready within 0.3 s" in error.reason


def test_a_cancelled_mail_takes_its_connection_along(sandbox: Sandbox) -> None:
    async def cancelled(provider: Smtp) -> None:
        await provider.send(mail())
        sandbox.behave("smtp", stage="rcpt", fault="hang", times=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await provider.send(mail())
        await provider.send(mail())

    using(sandbox.environment, cancelled)
    first, second = connections(sandbox)
    assert first != second


class Pool:
    """A pool of one connection without TLS, and what it has opened."""

    def __init__(self, sandbox: Sandbox, idle: float) -> None:
        plain = {"SMTP_TLS": "none", "SMTP_USERNAME": "", "SMTP_PASSWORD": "", "SMTP_CA_FILE": ""}
        self._settings = load_one(SmtpSettings, sandbox.environment | plain)
        self.opened: list[SMTP] = []
        self.pool = SmtpPool(self._open, size=1, patience=1.0, idle=idle)

    async def _open(self) -> SMTP:
        self.opened.append(await connect(self._settings, None, "example.com"))
        return self.opened[-1]

    async def hold(self, seconds: float) -> None:
        async def begin(smtp: SMTP) -> None:
            await smtp.noop()

        async with self.pool.connection(begin):
            await asyncio.sleep(seconds)


def test_a_connection_nobody_uses_is_closed(sandbox: Sandbox) -> None:
    async def main() -> list[SMTP]:
        pool = Pool(sandbox, idle=0.05)
        await pool.hold(0)
        async with asyncio.timeout(10):
            while pool.opened[0].is_connected:
                await asyncio.sleep(0.01)
        await pool.hold(0)
        await pool.pool.close()
        return pool.opened

    opened = asyncio.run(main())
    assert len(opened) == 2
    assert not any(smtp.is_connected for smtp in opened)


def test_a_call_that_is_cancelled_closes_its_connection(sandbox: Sandbox) -> None:
    async def main() -> bool:
        pool = Pool(sandbox, idle=60)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await pool.hold(60)
        return pool.opened[0].is_connected

    assert asyncio.run(main()) is False
