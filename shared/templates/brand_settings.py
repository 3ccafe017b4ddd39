"""The brand of an installation, from the environment."""

from dataclasses import dataclass

from shared.errors import InvalidInput
from shared.settings import setting
from shared.templates.brand import Brand


@dataclass(frozen=True)
class BrandSettings:
    """What every template shows of the product that sends it."""

    name: str = setting("CRIER_BRAND_NAME", "The product's name, as people call it.", default="Your product")
    accent: str = setting("CRIER_BRAND_ACCENT", "Colour of buttons and marks, #rrggbb.", default="#1f6feb")
    logo_url: str | None = setting("CRIER_BRAND_LOGO_URL", "https address of a logo.", default=None)
    website: str | None = setting("CRIER_BRAND_WEBSITE", "https address of the product.", default=None)
    support_email: str | None = setting("CRIER_BRAND_SUPPORT_EMAIL", "Where a person answers.", default=None)
    postal_address: str | None = setting(
        "CRIER_BRAND_POSTAL_ADDRESS", "The sender's postal address, on one line.", default=None
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
        return Brand(self.name, self.accent, self.logo_url, self.website, self.support_email, self.postal_address)
