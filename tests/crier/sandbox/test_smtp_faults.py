"""How the SMTP server can be told to fail, at each stage of a session."""

import smtplib
import socket
import ssl

import pytest

from crier.sandbox import Sandbox
from tests.crier.sandbox.clients import mail, only_call, wait_for

STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "message")


def attempt(sandbox: Sandbox, trust: ssl.SSLContext, *, timeout: float = 10) -> None:
    """One mail over a connection of its own."""
    with smtplib.SMTP_SSL("localhost", sandbox.ports.smtps, context=trust, timeout=timeout) as client:
        client.ehlo_or_helo_if_needed()
        client.login("sandbox", "sandbox-password")
        client.send_message(mail())


@pytest.mark.parametrize("stage", STAGES)
def test_a_refusal_at_each_stage(sandbox: Sandbox, trust: ssl.SSLContext, stage: str) -> None:
    # smtplib falls back from EHLO to HELO, and from one AUTH mechanism to the next.
    sandbox.behave("smtp", stage=stage, error="451 4.3.0 Told to", times=2 if stage in ("ehlo", "auth") else 1)
    with pytest.raises(smtplib.SMTPException) as refused:
        attempt(sandbox, trust)
    error = refused.value
    seen = error.recipients["ada@example.com"] if stage == "rcpt" else (error.smtp_code, error.smtp_error)
    assert seen == (451, b"4.3.0 Told to")
    entry = next(sandbox.calls("smtp"))
    assert (entry.action, entry.accepted) == (stage, False)
    assert entry.answered["reply"] == "451 4.3.0 Told to"
    attempt(sandbox, trust)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", ["close", "reset"])
def test_a_lost_connection_at_each_stage(sandbox: Sandbox, trust: ssl.SSLContext, stage: str, fault: str) -> None:
    sandbox.behave("smtp", stage=stage, fault=fault, times=1)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError, ssl.SSLError)):
        attempt(sandbox, trust)
    [entry] = sandbox.calls("smtp")
    assert (entry.action, entry.accepted) == (stage, stage == "message")
    assert entry.answered["behaviour"]["fault"] == fault
    attempt(sandbox, trust)


@pytest.mark.parametrize("stage", ["connect", "rcpt", "message"])
def test_silence_at_a_stage(sandbox: Sandbox, trust: ssl.SSLContext, stage: str) -> None:
    sandbox.behave("smtp", stage=stage, fault="hang")
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected), match="timed out"):
        attempt(sandbox, trust, timeout=0.5)
    assert only_call(sandbox, "smtp").accepted == (stage == "message")


def test_a_message_that_is_lost_before_it_is_taken(sandbox: Sandbox, trust: ssl.SSLContext) -> None:
    sandbox.behave("smtp", fault="close", accepts=False)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        attempt(sandbox, trust)
    entry = only_call(sandbox, "smtp")
    assert (entry.action, entry.accepted, entry.reference) == ("message", False, None)


def test_a_rule_for_some_recipients(sandbox: Sandbox, trust: ssl.SSLContext, smtp: smtplib.SMTP) -> None:
    sandbox.behave("smtp", recipient="*@busy.example", error="450 4.2.1")
    refused = smtp.send_message(mail("ada@example.com", "bob@busy.example"))
    assert refused == {"bob@busy.example": (450, b"4.2.1 Mailbox unavailable")}


def test_a_delayed_answer_comes_after_others(sandbox: Sandbox, smtp: smtplib.SMTP, trust: ssl.SSLContext) -> None:
    sandbox.behave("smtp", recipient="slow@example.com", delay=30)
    smtp.sock.settimeout(30)
    smtp.mail("shop@example.com")
    smtp.rcpt("slow@example.com")
    smtp.docmd("DATA")
    smtp.send("Subject: Slow\r\n\r\nx\r\n.\r\n")
    wait_for(lambda: any(entry.recipient == "slow@example.com" for entry in sandbox.calls("smtp")))
    attempt(sandbox, trust)
    smtp.sock.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        smtp.sock.recv(1)


def test_a_dripping_reply_is_whole_in_the_end(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    sandbox.behave("smtp", stage="rcpt", fault="drip", pause=0.001)
    smtp.mail("shop@example.com")
    assert smtp.rcpt("ada@example.com") == (250, b"2.1.5 Ok")


def test_half_a_reply(sandbox: Sandbox) -> None:
    sandbox.behave("smtp", stage="connect", fault="half")
    with socket.create_connection(("127.0.0.1", sandbox.ports.smtp), timeout=10) as client:
        received = client.makefile("rb").read()
    assert b"220 localhost Crier sandbox\r\n".startswith(received)
    assert received


def test_a_truncated_reply(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    sandbox.behave("smtp", stage="rcpt", fault="truncate")
    smtp.mail("shop@example.com")
    code, words = smtp.rcpt("ada@example.com")
    assert code == 250
    assert b"2.1.5 Ok".startswith(words)
    assert words != b"2.1.5 Ok"


def test_a_half_closed_connection(sandbox: Sandbox) -> None:
    sandbox.behave("smtp", stage="connect", fault="half-close")
    with socket.create_connection(("127.0.0.1", sandbox.ports.smtp), timeout=10) as client:
        assert client.recv(100) == b""
        for _ in range(50):  # into a closed connection the second would fail
            client.sendall(b"EHLO still.here\r\n")


def test_a_reply_of_ten_megabytes(sandbox: Sandbox) -> None:
    sandbox.behave("smtp", stage="connect", fault="huge")
    with socket.create_connection(("127.0.0.1", sandbox.ports.smtp), timeout=10) as client:
        received = 0
        last = b""
        for line in client.makefile("rb"):
            received += len(line)
            last = line
            if not line.startswith(b"220-"):
                break
    assert received > 10_000_000
    assert last == b"220 localhost Crier sandbox\r\n"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"error": "250"}, "451 or 550 5.1.1"),
        ({"error": "no"}, "451 or 550 5.1.1"),
        ({"stage": "vrfy"}, "stage: smtp has connect, ehlo"),
        ({"status": 500}, "SMTP has none of them"),
        ({"error": "451", "retry_after": 3}, "SMTP has none of them"),
    ],
)
def test_what_smtp_cannot_do_is_refused(sandbox: Sandbox, rule: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sandbox.behave("smtp", **rule)
