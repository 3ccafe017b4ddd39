"""Who the mail is from: the few things every template shows of the product that sends it."""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from shared.errors import InvalidInput
from shared.templates.locales import canonical

DARK_CARD = "#17191e"
"""What a mail's text stands on in the dark; `templates/_layout/email.html` has the same colour."""

_DISTINCT = 2.0
"""The least contrast of a button that can be told from the dark card."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Brand:
    """The product's name and look.

    Parameters:
        name: the product, as people call it.
        accent: colour of buttons and marks, `#rrggbb`.
        accent_dark: the same on a dark page; without one `accent`, or white where it could hardly be seen there.
        logo_url: https address of a logo at least 64 pixels high; without one the name is written out.
        logo_dark_url: https address of the logo for a dark page; without one `logo_url`.
        website: https address of the product.
        support_email: where a person answers.
        postal_address: the sender's address on one line, which the law of many countries wants in promotions.
        footer: a line of one's own at the foot of every mail, e.g. the company's registration.
        locale: tag of the language its messages are in where a recipient's is not known, or a template has no such
            variant; without one the template's own.

    Raises `InvalidInput` when a value could not be shown safely.
    """

    name: str = "Your product"
    accent: str = "#1f6feb"
    accent_dark: str | None = None
    logo_url: str | None = None
    logo_dark_url: str | None = None
    website: str | None = None
    support_email: str | None = None
    postal_address: str | None = None
    footer: str | None = None
    locale: str | None = None

    def __post_init__(self) -> None:
        problems: dict[str, list[str]] = {}
        if not self.name.strip():
            problems["brand.name"] = ["Write the product's name."]
        for field in ("accent", "accent_dark"):
            colour = getattr(self, field)
            if colour is not None and not _COLOUR.fullmatch(colour):
                problems[f"brand.{field}"] = ["Must be a colour such as #1f6feb."]
        if self.logo_dark_url and not self.logo_url:
            problems["brand.logo_dark_url"] = ["Give logo_url too: it is what a light page shows."]
        for field in ("logo_url", "logo_dark_url", "website"):
            url = getattr(self, field)
            if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
                problems[f"brand.{field}"] = ["Must be an absolute https address."]
        if self.locale is not None and canonical(self.locale) is None:
            problems["brand.locale"] = ["Must be a language tag such as de or pt-BR."]
        if problems:
            raise InvalidInput(problems)

    @cached_property
    def on_accent(self) -> str:
        """Black or white, whichever reads better on the accent."""
        return _readable_on(self.accent)

    @cached_property
    def on_dark(self) -> str:
        """The accent on a dark page."""
        if self.accent_dark:
            return self.accent_dark
        return self.accent if _contrast(self.accent, DARK_CARD) >= _DISTINCT else "#ffffff"

    @cached_property
    def context(self) -> dict[str, str | None]:
        """What templates see as `brand`."""
        return {
            "name": self.name,
            "accent": self.accent,
            "on_accent": self.on_accent,
            "accent_dark": self.on_dark,
            "on_accent_dark": _readable_on(self.on_dark),
            "logo_url": self.logo_url,
            "logo_dark_url": self.logo_dark_url,
            "website": self.website,
            "support_email": self.support_email,
            "postal_address": self.postal_address,
            "footer": self.footer,
        }


def _readable_on(colour: str) -> str:
    return "#ffffff" if _contrast("#ffffff", colour) >= _contrast("#000000", colour) else "#000000"


def _contrast(one: str, other: str) -> float:
    """How well one colour stands out from the other, 1 to 21 (WCAG 2.2, contrast ratio)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
