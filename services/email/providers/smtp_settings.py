"""Which mail server, how it is reached, and who mails come from."""

import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from services.email.mime import mailbox
from services.email.providers.sender import sender_setting
from services.email.providers.smtp_dkim import is_aligned, read_key
from shared.providers.port import CONNECT_TIMEOUT
from shared.settings import one_of, positive, setting

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


def _port(value: int) -> str | None:
    return None if 0 < value < 65536 else f"must be between 1 and 65535, not {value}."


def _certificates(value: Path) -> str | None:
    try:
        ssl.create_default_context(cafile=value)
    except OSError as error:
        return f"names {value}, which holds no certificate that can be read: {error.strerror or error}"
    return None


def _dns_name(value: str) -> str | None:
    return None if _NAME.fullmatch(value) else "must be a name of the DNS in ASCII, such as example.com or xn--…"


def _private_key(value: Path) -> str | None:
    try:
        read_key(value)
    except ValueError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class SmtpSettings:
    """A mail server."""

    host: str = setting("SMTP_HOST", "The mail server.")
    sender: str = sender_setting("SMTP_FROM")
    port: int | None = setting(
        "SMTP_PORT", "Its port; unset: 587 with starttls, 465 with implicit, 25 with none.", default=None, check=_port
    )
    username: str | None = setting("SMTP_USERNAME", "Whom to log in as; unset: nobody.", default=None)
    password: str | None = setting("SMTP_PASSWORD", "The password that goes with it.", default=None, secret=True)
    tls: str = setting(
        "SMTP_TLS", "starttls, implicit (TLS from the first byte) or none.",
        default="starttls", check=one_of(*_PORTS),
    )  # fmt: skip
    ca_file: Path | None = setting(
        "SMTP_CA_FILE", "Certificates (PEM) of the authority the server's is signed by; unset: the system's.",
        default=None, check=_certificates,
    )  # fmt: skip
    connect_timeout: float = setting(
        "SMTP_CONNECT_TIMEOUT",
        "Seconds until a connection must be ready (TLS and login included); less than a call may take.",
        default=CONNECT_TIMEOUT, check=positive,
    )  # fmt: skip

    dkim_domain: str | None = setting(
        "SMTP_DKIM_DOMAIN", "Domain whose DKIM signature mails get; unset: none, the server may sign.",
        default=None, check=_dns_name,
    )  # fmt: skip
    dkim_selector: str | None = setting(
        "SMTP_DKIM_SELECTOR", "The key's name in the DNS: <selector>._domainkey.<domain>.",
        default=None, check=_dns_name,
    )  # fmt: skip
    dkim_key_path: Path | None = setting(
        "SMTP_DKIM_KEY_PATH", "File with the private key (PEM), RSA or Ed25519.", default=None, check=_private_key
    )

    @property
    def effective_port(self) -> int:
        """The port, or the customary one."""
        return self.port or _PORTS[self.tls]

    def problems(self) -> list[str]:
        """What does not go together."""
        found = []
        if self.username and not self.password:
            found.append("SMTP_PASSWORD is not set, but SMTP_USERNAME is: set both or neither.")
        if self.password and not self.username:
            found.append("SMTP_USERNAME is not set, but SMTP_PASSWORD is: set both or neither.")
        if self.tls == "none" and self.username and not _is_loopback(self.host):
            found.append(f"SMTP_TLS is none, which would send SMTP_PASSWORD to {self.host} for everyone to read.")
        if self.tls == "none" and self.ca_file:
            found.append("SMTP_CA_FILE has no effect while SMTP_TLS is none: remove one of them.")
        return found + self._dkim_problems()

    def _dkim_problems(self) -> list[str]:
        if not (self.dkim_domain and self.dkim_selector and self.dkim_key_path):
            if not (self.dkim_domain or self.dkim_selector or self.dkim_key_path):
                return []
            return ["SMTP_DKIM_DOMAIN, SMTP_DKIM_SELECTOR and SMTP_DKIM_KEY_PATH go together: set all or none."]
        sender = mailbox(self.sender).domain
        if is_aligned(sender, self.dkim_domain):
            return []
        return [f"SMTP_FROM is at {sender}, which SMTP_DKIM_DOMAIN, {self.dkim_domain}, does not cover."]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
