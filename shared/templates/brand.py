"""Who the mail is from: the few things every template shows of the product that sends it."""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from shared.errors import InvalidInput

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Brand:
    """The product's name and look.

    Parameters:
        name: the product, as people call it.
        accent: colour of buttons and marks, `#rrggbb`.
        logo_url: https address of a logo at least 64 pixels high; without one the name is written out.
        website: https address of the product.
        support_email: where a person answers.
        postal_address: the sender's address on one line, which the law of many countries wants in promotions.

    Raises `InvalidInput` when a value could not be shown safely.
    """

    name: str = "Your product"
    accent: str = "#1f6feb"
    logo_url: str | None = None
    website: str | None = None
    support_email: str | None = None
    postal_address: str | None = None

    def __post_init__(self) -> None:
        problems: dict[str, list[str]] = {}
        if not self.name.strip():
            problems["brand.name"] = ["Write the product's name."]
        if not _COLOUR.fullmatch(self.accent):
            problems["brand.accent"] = ["Must be a colour such as #1f6feb."]
        for field in ("logo_url", "website"):
            url = getattr(self, field)
            if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
                problems[f"brand.{field}"] = ["Must be an absolute https address."]
        if problems:
            raise InvalidInput(problems)

    @cached_property
    def on_accent(self) -> str:
        """Black or white, whichever reads better on the accent (WCAG 2.2 contrast ratio)."""
        channels = [int(self.accent[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"

    @cached_property
    def context(self) -> dict[str, str | None]:
        """What templates see as `brand`."""
        return {
            "name": self.name,
            "accent": self.accent,
            "on_accent": self.on_accent,
            "logo_url": self.logo_url,
            "website": self.website,
            "support_email": self.support_email,
            "postal_address": self.postal_address,
        }
