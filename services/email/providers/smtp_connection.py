"""A connection to a mail server that is ready for mail, and what aiosmtplib's errors mean."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from services.email.providers.smtp_codes import outcome
from services.email.providers.smtp_settings import SmtpSettings
from shared.errors import Ambiguous, Unavailable
from shared.providers.outcomes import FAULT, LATER

_AUTHENTICATION_AWAY = 454


async def connect(settings: SmtpSettings, tls: ssl.SSLContext | None, hostname: str) -> SMTP:
    """Connect, greet, encrypt, log in. Nothing has been sent, so whatever goes wrong here can be repeated.

    Parameters:
        hostname: how we introduce ourselves. The library's own guess asks the name server, which may take longer
            than all the rest.

    Raises:
        Unavailable: the server is not there, or does not let us in.
    """
    smtp = SMTP(
        hostname=settings.host,
        port=settings.effective_port,
        use_tls=settings.tls == "implicit",
        start_tls=settings.tls == "starttls",
        tls_context=tls,
        username=settings.username,
        password=settings.password,
        local_hostname=hostname,
        timeout=None,
    )
    try:
        with _refused_at_the_door(settings):
            async with asyncio.timeout(settings.connect_timeout):
                await smtp.connect()
                if smtp.is_ehlo_or_helo_needed:
                    await smtp.ehlo()
    except BaseException:
        smtp.close()
        raise
    return smtp


@contextmanager
def _refused_at_the_door(settings: SmtpSettings) -> Iterator[None]:
    server = f"{settings.host}:{settings.effective_port}"
    try:
        yield
    except SMTPResponseException as error:
        # Whatever is refused here, it is us and not the mail.
        meaning = FAULT if error.code >= 500 or error.code == _AUTHENTICATION_AWAY else LATER
        raise meaning(f"{server} refuses us: {error.message}", code=str(error.code)) from None
    except (SMTPConnectError, SMTPServerDisconnected, SMTPTimeoutError) as error:
        raise Unavailable(f"cannot connect to {server}: {error.message}") from None
    except SMTPException as error:
        # STARTTLS or AUTH is not offered: the settings do not fit the server.
        raise FAULT(f"{server}: {error.message}") from None
    except TimeoutError:
        raise Unavailable(f"{server} was not ready within {settings.connect_timeout:g} s") from None
    except OSError as error:
        raise Unavailable(f"cannot connect to {server}: {error}") from None


@contextmanager
def meaning(smtp: SMTP, lost: type[Unavailable | Ambiguous], *, of_target: bool = False) -> Iterator[None]:
    """Turn the errors of a step into ours.

    Parameters:
        lost: what it means if the connection breaks in this step.
        of_target: a refusal can only be about the recipient the mail is for.
    """
    try:
        yield
    except SMTPResponseException as error:
        if 400 <= error.code < 600:
            raise outcome(error.code, error.message, of_target=of_target) from None
        # Out of step: the rest of this would be read as the answer to the next command.
        smtp.close()
        raise lost(f"{smtp.hostname} answered what is no reply") from None
    except (SMTPException, OSError) as error:
        smtp.close()
        raise lost(f"the connection to {smtp.hostname} was lost: {error}") from None
