"""Settings of the email service and of SMTP, checked against each other."""

from pathlib import Path

import pytest

from services.email.providers import VENDORS
from services.email.providers.smtp_settings import SmtpSettings
from services.email.settings import EmailSettings
from shared.errors import SettingsError
from shared.settings import load_one

LEAST = {"SMTP_HOST": "mail.example.com", "SMTP_FROM": "Crier <crier@example.com>"}
LOGIN = {"SMTP_USERNAME": "crier", "SMTP_PASSWORD": "canary-7d1f"}


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("implicit", 465), ("none", 25)])
def test_the_port_is_the_customary_one(tls: str, port: int) -> None:
    assert load_one(SmtpSettings, LEAST | {"SMTP_TLS": tls}).effective_port == port


def test_a_port_of_its_own_counts() -> None:
    assert load_one(SmtpSettings, LEAST | {"SMTP_PORT": "2525"}).effective_port == 2525


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"SMTP_HOST": "mail.example.com"}, "SMTP_FROM is not set"),
        (LEAST | {"SMTP_FROM": "Crier"}, "SMTP_FROM must be an address, or Name <address>"),
        (LEAST | {"SMTP_PORT": "0"}, "SMTP_PORT must be between 1 and 65535"),
        (LEAST | {"SMTP_TLS": "ssl"}, "SMTP_TLS must be one of starttls, implicit, none"),
        (LEAST | {"SMTP_USERNAME": "crier"}, "SMTP_PASSWORD is not set, but SMTP_USERNAME is"),
        (LEAST | {"SMTP_PASSWORD": "canary-7d1f"}, "SMTP_USERNAME is not set, but SMTP_PASSWORD is"),
        (LEAST | LOGIN | {"SMTP_TLS": "none"}, "SMTP_PASSWORD to mail.example.com for everyone to read"),
        (LEAST | {"SMTP_CA_FILE": "/nowhere.pem"}, "SMTP_CA_FILE names /nowhere.pem, .* No such file"),
        (LEAST | {"SMTP_CA_FILE": __file__}, "SMTP_CA_FILE names .* holds no certificate"),
        (LEAST | {"SMTP_CONNECT_TIMEOUT": "0"}, "SMTP_CONNECT_TIMEOUT must be above 0"),
    ],
)  # fmt: skip
def test_what_smtp_cannot_start_with(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        load_one(SmtpSettings, environ)
    assert "canary-7d1f" not in str(caught.value)


def test_a_certificate_without_tls_has_no_effect(tmp_path: Path) -> None:
    import certifi

    with pytest.raises(SettingsError, match="SMTP_CA_FILE has no effect while SMTP_TLS is none"):
        load_one(SmtpSettings, LEAST | {"SMTP_TLS": "none", "SMTP_CA_FILE": certifi.where()})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_password_may_stay_on_this_machine_in_the_clear(host: str) -> None:
    assert load_one(SmtpSettings, LEAST | LOGIN | {"SMTP_TLS": "none", "SMTP_HOST": host}).password == "canary-7d1f"


def test_smtp_counts_as_configured_by_its_host() -> None:
    assert VENDORS["smtp"].configured({"SMTP_HOST": "mail.example.com"})
    assert not VENDORS["smtp"].configured(LOGIN)


def test_the_route_is_a_list() -> None:
    assert load_one(EmailSettings, {"CRIER_EMAIL_ROUTE": "smtp,outbox"}).route == ("smtp", "outbox")
