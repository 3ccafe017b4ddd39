"""Which domains projects may send mail from: what keeps one tenant from writing in another's name."""

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from shared.settings import setting

VARIABLE = "CRIER_EMAIL_SENDER_DOMAINS"


def _domains(names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            validate_email(f"x@{name}", check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return f"must be domains such as example.com, with commas between them; {name} is none."
    return None


@dataclass(frozen=True)
class AllowedSenders:
    """The domains that a project's sender identity may have addresses of."""

    domains: tuple[str, ...] = setting(
        VARIABLE,
        "Domains (and with each its subdomains) that projects may send mail from; unset: any. "
        "The providers' own senders are always allowed.",
        default=(), check=_domains,
    )  # fmt: skip

    def refusal(self, address: str) -> str | None:
        """Why `address` may not send; None when it may."""
        domain = address.rpartition("@")[2].lower()
        if not self.domains or any(domain == one.lower() or domain.endswith(f".{one.lower()}") for one in self.domains):
            return None
        return f"{domain} is not a domain this installation sends mail from: {VARIABLE} has {', '.join(self.domains)}."
