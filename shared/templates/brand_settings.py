"""The brand of an installation, from the environment."""

from dataclasses import asdict, dataclass

from shared.errors import InvalidInput
from shared.settings import setting
from shared.templates.brand import Brand


@dataclass(frozen=True)
class BrandSettings:
    """What every template shows of the product that sends it."""

    name: str = setting("CRIER_BRAND_NAME", "The product's name, as people call it.", default="Your product")
    accent: str = setting("CRIER_BRAND_ACCENT", "Colour of buttons and marks, #rrggbb.", default="#1f6feb")
    accent_dark: str | None = setting(
        "CRIER_BRAND_ACCENT_DARK", "The same where mails are shown dark; unset: the accent.", default=None
    )
    logo_url: str | None = setting("CRIER_BRAND_LOGO_URL", "https address of a logo.", default=None)
    logo_dark_url: str | None = setting(
        "CRIER_BRAND_LOGO_DARK_URL", "https address of a logo for mails shown dark.", default=None
    )
    website: str | None = setting("CRIER_BRAND_WEBSITE", "https address of the product.", default=None)
    support_email: str | None = setting("CRIER_BRAND_SUPPORT_EMAIL", "Where a person answers.", default=None)
    postal_address: str | None = setting(
        "CRIER_BRAND_POSTAL_ADDRESS", "The sender's postal address, on one line.", default=None
    )
    footer: str | None = setting(
        "CRIER_BRAND_FOOTER", "A line at the foot of every mail, e.g. the company's registration.", default=None
    )
    locale: str | None = setting(
        "CRIER_BRAND_LOCALE", "Language of messages to those whose own is not known, e.g. de.", default=None
    )

    def problems(self) -> list[str]:
        """What the templates could not show safely."""
        try:
            self.brand()
        except InvalidInput as error:
            return [
                f"CRIER_{path.replace('.', '_').upper()}: {' '.join(problems)}"
                for path, problems in error.fields.items()
            ]
        return []

    def brand(self) -> Brand:
        """The brand these settings describe."""
        return Brand(**asdict(self))
