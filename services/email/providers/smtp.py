"""Any mail server, over SMTP (RFC 5321) as a submission client (RFC 6409).

The mail is for one recipient, and that one decides: refused, nothing is sent; taken, the mail is sent even where copies
(cc, bcc) are refused, and the timeline says so. Refusing the mail for a copy would keep it from whom it is for, and
repeating it for a copy would send it to the others twice.

With a DKIM key, mails from its domain and those below it are signed. Others are not: the signature of another domain
would not make them pass DMARC, and the server may have a key for theirs. The timeline says so.
"""

import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from aiosmtplib import SMTP, SMTPDataError, SMTPRecipientRefused
from aiosmtplib.response import SMTPResponse

from services.email.mime import Mail, build, mailbox
from services.email.providers.smtp_connection import connect, meaning
from services.email.providers.smtp_dkim import Signer, is_aligned, read_key
from services.email.providers.smtp_pool import SmtpPool
from services.email.providers.smtp_settings import SmtpSettings
from services.email.providers.writing import written
from shared.errors import Ambiguous, Rejected, Unavailable
from shared.messages.email import EmailMessage
from shared.providers.port import Sent

_DOT_AT_LINE_START = re.compile(rb"^\.", re.MULTILINE)
_READY_FOR_CONTENT, _TAKEN = 354, 250


class Smtp:
    """Sends mail through one server, over connections that are used again."""

    name = "smtp"
    concurrency = 8

    def __init__(self, settings: SmtpSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._clock = clock
        self._sender = mailbox(settings.sender)
        self._tls = None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file)
        self._signer = _signer(settings)
        self._pool = SmtpPool(self._connect, size=self.concurrency, patience=settings.connect_timeout)

    async def send(self, message: EmailMessage) -> Sent:
        """Send one mail. Its `Message-ID`, which bounces quote, is the reference."""
        mail, content = await written(message, self._prepare, slow=self._signer is not None)
        async with self._pool.connection(lambda smtp: _begin(smtp, mail)) as smtp:
            refused = await _address(smtp, mail)
            reply = await _hand_over(smtp, content, alone=len(mail.recipients) == 1)
        notes = [f"{reply.code} {reply.message}", *(f"a copy was refused: {text}" for text in refused)]
        if self._signer and not _signs(self._signer, mail):
            notes.append(f"not signed: the DKIM key is for {self._signer.domain}")
        return Sent(reference=mail.message_id.strip("<>"), detail="; ".join(notes))

    @staticmethod
    def destination(message: EmailMessage) -> str:
        """The recipient's domain: what a server puts off because of it says nothing of the others."""
        return message.to.rpartition("@")[2].strip().lower()

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._pool.close()

    async def _connect(self) -> SMTP:
        return await connect(self._settings, self._tls, self._sender.domain)

    def _prepare(self, message: EmailMessage) -> tuple[Mail, bytes]:
        """The mail, and its content as it goes over the wire (RFC 5321 section 4.5.2)."""
        mail = build(message, self._sender, self._clock())
        if self._signer and _signs(self._signer, mail):
            mail = replace(mail, content=self._signer.sign(mail.content))
        return mail, _DOT_AT_LINE_START.sub(b"..", mail.content) + b".\r\n"


def _signer(settings: SmtpSettings) -> Signer | None:
    if settings.dkim_domain and settings.dkim_selector and settings.dkim_key_path:
        return Signer(settings.dkim_domain, settings.dkim_selector, read_key(settings.dkim_key_path))
    return None


def _signs(signer: Signer, mail: Mail) -> bool:
    return is_aligned(mail.sender.rpartition("@")[2], signer.domain)


async def _begin(smtp: SMTP, mail: Mail) -> None:
    options = []
    if mail.utf8:
        if not smtp.supports_extension("smtputf8"):
            raise Rejected(f"{smtp.hostname} does not take addresses outside ASCII.", code="SMTPUTF8")
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    if smtp.supports_extension("size"):
        limit = smtp.esmtp_extensions["size"]
        if limit.isdigit() and 0 < int(limit) < len(mail.content):
            raise Rejected(f"The mail has {len(mail.content)} bytes; {smtp.hostname} takes {limit}.", code="SIZE")
        options.append(f"SIZE={len(mail.content)}")
    with meaning(smtp, Unavailable):
        await smtp.mail(mail.sender, options=options, encoding=_charset(mail))


async def _address(smtp: SMTP, mail: Mail) -> list[str]:
    """Name the recipients; returns the refusals of copies."""
    refused = []
    for index, recipient in enumerate(mail.recipients):
        with meaning(smtp, Unavailable, of_target=True):
            try:
                await smtp.rcpt(recipient, encoding=_charset(mail))
            except SMTPRecipientRefused as refusal:
                if index == 0:
                    raise
                refused.append(f"{refusal.code} {refusal.message}")
    return refused


async def _hand_over(smtp: SMTP, content: bytes, *, alone: bool) -> SMTPResponse:
    """Send the content. In two steps, because only a connection lost in the second leaves a doubt."""
    with meaning(smtp, Unavailable, of_target=alone):
        reply = await smtp.execute_command(b"DATA")
        if reply.code != _READY_FOR_CONTENT or smtp.protocol is None:
            raise SMTPDataError(reply.code, reply.message)
    with meaning(smtp, Ambiguous, of_target=alone):
        smtp.protocol.write(content)
        reply = await smtp.protocol.read_response()
        if reply.code != _TAKEN:
            raise SMTPDataError(reply.code, reply.message)
    return reply


def _charset(mail: Mail) -> str:
    return "utf-8" if mail.utf8 else "ascii"
