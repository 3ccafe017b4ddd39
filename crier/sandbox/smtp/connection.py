"""One SMTP connection: aiosmtpd's protocol, with rules, faults and the journal put in."""

import asyncio
import logging
import ssl
import warnings
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from crier.sandbox import mail
from crier.sandbox.behaviour import Behaviour, Fault, Rules
from crier.sandbox.journal import Entry, Journal
from crier.sandbox.smtp.replies import magic, refusal
from crier.sandbox.wire import HUGE, break_connection, drip, reset

_log = logging.getLogger(__name__)
_OTHER = ("command", "")


class House(Protocol):
    """What the connections of one server share."""

    rules: Rules
    journal: Journal
    size_limit: int
    auth_without_tls: bool
    login: LoginPassword

    def opened(self, connection: "Connection") -> int:
        """Count a connection and return its number."""
        ...

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""
        ...


class Connection(SMTP):
    """One connection of a client.

    Parameters:
        starttls: the context for STARTTLS; `None` where TLS came first.
    """

    def __init__(self, house: House, starttls: ssl.SSLContext | None) -> None:
        self._house = house
        self._number = 0
        self._messages = 0
        self._step = ("connect", "")
        self._behaviour: Behaviour | None = None
        self._journalled = False
        self._recipient: str | None = None
        with warnings.catch_warnings():
            # aiosmtpd cannot know that on the other port everything is inside TLS already.
            warnings.simplefilter("ignore", UserWarning)
            super().__init__(
                _Hooks(),
                data_size_limit=house.size_limit,
                enable_SMTPUTF8=True,
                hostname="localhost",
                ident="Crier sandbox",
                tls_context=starttls,
                auth_required=True,
                auth_require_tls=starttls is not None and not house.auth_without_tls,
                authenticator=self._check_login,
                loop=asyncio.get_running_loop(),
            )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Number the connection; STARTTLS comes here a second time."""
        if not self._number:
            self._number = self._house.opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the house."""
        self._house.closed(self)
        super().connection_lost(error)

    def close(self) -> None:
        """End the connection."""
        if self.transport is not None:
            self.transport.close()

    async def _handle_client(self) -> None:
        if refused := self.rule("connect"):
            await self.push(refused)
            self.close()
        else:
            await super()._handle_client()

    async def smtp_HELO(self, hostname: str) -> None:
        """HELO."""
        await self._do("ehlo", super().smtp_HELO, hostname)

    async def smtp_EHLO(self, hostname: str) -> None:
        """EHLO."""
        await self._do("ehlo", super().smtp_EHLO, hostname)

    async def smtp_AUTH(self, arg: str) -> None:
        """AUTH."""
        await self._do("auth", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """MAIL FROM."""
        await self._do("mail", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """RCPT TO."""
        await self._do("rcpt", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:
        """DATA."""
        await self._do("data", super().smtp_DATA, arg)

    async def _do(self, stage: str, command: Callable[[Any], Awaitable[None]], arg: str | None) -> None:
        self._step = (stage, "…" if stage == "auth" else arg or "")
        self._recipient = None
        # RCPT's rule is looked up in the hook, where the address is known.
        if stage != "rcpt" and (refused := self.rule(stage)):
            await self.push(refused)
        else:
            await command(arg)
        self._step = _OTHER

    def rule(self, stage: str, recipients: Iterable[str] = ()) -> str | None:
        """Look for a rule for `stage`. Returns its reply if it refuses; else the next reply follows it."""
        for recipient in recipients or (None,):
            found = self._house.rules.take(stage, recipient)
            if found is None and recipient is not None:
                found = magic(stage, recipient)
            if found is not None:
                self._behaviour = found
                return None if found.error is None else refusal(found.error)
        return None

    def rcpt(self, envelope: Envelope, address: str) -> str:
        """Take or refuse a recipient; returns the reply."""
        self._recipient = address
        if refused := _unreadable(envelope, address) or self.rule("rcpt", [address]):
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def receive(self, envelope: Envelope) -> str:
        """Take the message that ended with the final dot, or do as told; returns the reply."""
        content = envelope.original_content or b""
        refused = self.rule("message", envelope.rcpt_tos)
        accepted = refused is None and (self._behaviour is None or self._behaviour.accepts)
        self._messages += 1
        reference = uuid4().hex[:16].upper()
        reply = refused or f"250 2.0.0 Ok: queued as {reference}"
        received = {
            "number": self._messages,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "message_base64": b64encode(content).decode(),
        }
        self._recipient = ",".join(envelope.rcpt_tos)
        await self._write(
            "message",
            received,
            reply,
            accepted=accepted,
            delivery=mail.delivery(content),
            reference=reference if accepted else None,
        )
        return reply

    async def push(self, status: Any) -> None:
        """Send a reply, as the rule found for this step wants it sent; refusals go to the journal first."""
        if self.transport is None or self.transport.is_closing():
            return
        reply = status if isinstance(status, bytes) else status.encode()
        stage, argument = self._step
        if not self._journalled and (self._behaviour is not None or reply[:1] in (b"4", b"5")):
            await self._write(stage, {"argument": argument}, reply.decode())
        behaviour, self._behaviour, self._journalled = self._behaviour, None, False
        if behaviour is not None and behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour is None or behaviour.fault is None:
            await super().push(reply)
        else:
            await self._break(reply, behaviour.fault, behaviour.pause)

    async def _break(self, reply: bytes, fault: Fault, pause: float) -> None:
        transport = self.transport
        if not isinstance(transport, asyncio.Transport):
            return
        if fault is Fault.DRIP:
            await drip(transport, reply + b"\r\n", pause)
        elif fault is Fault.TRUNCATE:
            await super().push(reply[: max(3, len(reply) // 2)])
        elif fault is Fault.HUGE:
            line = reply[:3] + b"-" + b"x" * 500 + b"\r\n"
            await super().push(line * (HUGE // len(line)) + reply)
        else:
            await break_connection(transport, reply + b"\r\n", fault, pause)

    async def handle_exception(self, error: Exception) -> str:
        """End the connection: what is not in the journal must not be answered."""
        _log.error("the sandbox failed, so an SMTP connection is reset", exc_info=error)
        if self.transport is not None:
            reset(self.transport)
        return "421 4.3.0 Service not available"

    async def _write(
        self,
        action: str,
        received: dict[str, Any],
        reply: str,
        *,
        accepted: bool = False,
        delivery: str | None = None,
        reference: str | None = None,
    ) -> None:
        answered: dict[str, Any] = {"reply": reply}
        if self._behaviour is not None:
            answered["behaviour"] = self._behaviour.describe()
        where = {
            "connection": self._number,
            "helo": self.session.host_name if self.session else None,
            "tls": self._tls_protocol is not None or self.tls_context is None,
            "authenticated": bool(self.session and self.session.authenticated),
        }
        self._journalled = True
        await self._house.journal.append(
            Entry(
                vendor="smtp",
                action=action,
                received={**where, **received},
                answered=answered,
                accepted=accepted,
                recipient=self._recipient,
                delivery=delivery,
                reference=reference,
            )
        )

    def _check_login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data == self._house.login, handled=False)


class _Hooks:
    """aiosmtpd's hooks, where it has parsed an address or a whole message."""

    async def handle_MAIL(
        self, server: Connection, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refused := _unreadable(envelope, address):
            return refused
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: Connection, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return server.rcpt(envelope, address)

    async def handle_DATA(self, server: Connection, session: Session, envelope: Envelope) -> str:
        return await server.receive(envelope)


def _unreadable(envelope: Envelope, address: str) -> str | None:
    """The reply to an address in other than ASCII whose sender did not ask for SMTPUTF8 (RFC 6531)."""
    return None if address.isascii() or envelope.smtp_utf8 else "553 5.6.7 Non-ASCII addresses need SMTPUTF8"
