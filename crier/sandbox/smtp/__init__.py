"""A local SMTP server that takes mail as a submission server does (RFC 6409) and can be told to misbehave.

STARTTLS on one port, implicit TLS on another (RFC 8314); AUTH PLAIN and LOGIN, only inside TLS unless told
otherwise (RFC 4954), and no mail without it; SIZE (RFC 1870), SMTPUTF8 (RFC 6531), enhanced status codes
(RFC 3463).

Magic recipients, by local part:

    bounce+550-5.1.1@…  refused at RCPT with this reply; any 4xx or 5xx, the enhanced code may be left out
    reject+554-5.7.1@…  refused with this reply after the final dot
    slow+5@…            accepted, answered 5 s after the final dot
    hang@…              accepted, never answered
    drop@…              accepted, the connection closed without an answer
"""

import asyncio
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from socket import socket

from aiosmtpd.smtp import LoginPassword

from crier.sandbox import mail
from crier.sandbox.behaviour import Behaviour, Rules
from crier.sandbox.certificate import make_tls
from crier.sandbox.journal import Entry, Journal
from crier.sandbox.preview import Preview
from crier.sandbox.smtp.connection import Connection
from crier.sandbox.smtp.replies import STAGES, is_refusal

USERNAME, PASSWORD = "sandbox", "sandbox-password"
SENDER = "Crier sandbox <sandbox@example.com>"
SIZE_LIMIT = 25 * 1024 * 1024


class Smtp:
    """The server: two ports, one set of rules, one journal.

    Parameters:
        folder: where the certificates are put.
        size_limit: the largest mail, in bytes.
        auth_without_tls: let clients log in on the plain port before STARTTLS.
    """

    name = "smtp"

    def __init__(
        self, folder: Path, rules: Rules, journal: Journal, *, size_limit: int, auth_without_tls: bool
    ) -> None:
        self.rules = rules
        self.journal = journal
        self.size_limit = size_limit
        self.auth_without_tls = auth_without_tls
        self.login = LoginPassword(USERNAME.encode(), PASSWORD.encode())
        self.ca_file, self._tls = make_tls(folder)
        self._servers: list[asyncio.Server] = []
        self._open: set[Connection] = set()
        self._connections = 0

    async def start(self, starttls: socket, implicit: socket) -> None:
        """Serve on two listening sockets."""
        loop = asyncio.get_running_loop()
        self._servers = [
            await loop.create_server(lambda: Connection(self, self._tls), sock=starttls),
            await loop.create_server(lambda: Connection(self, None), sock=implicit, ssl=self._tls),
        ]

    async def stop(self) -> None:
        """Close both ports and every connection."""
        for server in self._servers:
            server.close()
        for connection in list(self._open):
            connection.close()

    def opened(self, connection: Connection) -> int:
        """Count a connection and return its number."""
        self._open.add(connection)
        self._connections += 1
        return self._connections

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def environment(self, port: int) -> dict[str, str]:
        """The settings that point Crier at the STARTTLS port."""
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
            "SMTP_USERNAME": USERNAME,
            "SMTP_PASSWORD": PASSWORD,
            "SMTP_TLS": "starttls",
            "SMTP_CA_FILE": str(self.ca_file),
            "SMTP_FROM": SENDER,
        }

    def admit(self, rule: Behaviour) -> Behaviour:
        """`rule` with its stage filled in.

        Raises:
            ValueError: there is no such stage, or `error` is no reply that refuses.
        """
        stage = rule.stage or ("message" if rule.error is None else "rcpt")
        if stage not in STAGES:
            raise ValueError(f"stage: smtp has {', '.join(STAGES)}; not {stage!r}")
        if rule.error is not None and not is_refusal(rule.error):
            raise ValueError(f"error: smtp wants a reply such as 451 or 550 5.1.1; not {rule.error!r}")
        if rule.status is not None or rule.retry_after is not None or rule.body is not None:
            raise ValueError("status, body, retry_after: SMTP has none of them; give error")
        return replace(rule, stage=stage)

    def preview(self, entry: Entry) -> Preview:
        """The mail."""
        return mail.preview(raw(entry)) if entry.action == "message" else Preview()


def raw(entry: Entry) -> bytes:
    """The mail of an entry whose action is `message`, byte for byte as it was received."""
    return b64decode(entry.received["message_base64"])
