"""A project's sender identity: the address its mails come from, its brand, its SMS senders."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from email.utils import quote
from typing import Any

from shared.templates.brand import Brand

BRAND_FIELDS = tuple(each.name for each in fields(Brand))


@dataclass(frozen=True)
class SenderIdentity:
    """What a project's messages say of where they come from.

    Parameters:
        brand: what templates show.
        email_from: address mails come from; None where the provider's own setting applies.
        email_name: the name beside it.
        reply_to: where answers to mails go, where the content does not say it.
        sms_senders: who SMS come from by ISO 3166 country, `*` for all others; over CRIER_SMS_SENDERS.
    """

    brand: Brand
    email_from: str | None = None
    email_name: str | None = None
    reply_to: str | None = None
    sms_senders: Mapping[str, str] = field(default_factory=dict)

    @property
    def email_sender(self) -> str | None:
        """`Name <address>`, as an EmailMessage has it."""
        if not self.email_from or not self.email_name:
            return self.email_from
        return f'"{quote(self.email_name)}" <{self.email_from}>'

    @classmethod
    def of(cls, stored: Mapping[str, Any], brand: Brand) -> "SenderIdentity":
        """The identity in its JSON form, over the installation's brand. Fields of later versions are passed over."""
        mail, sms = stored.get("email", {}), stored.get("sms", {})
        branded = {name: value for name, value in stored.get("brand", {}).items() if name in BRAND_FIELDS}
        return cls(
            replace(brand, **branded), mail.get("from"), mail.get("name"), mail.get("reply_to"), sms.get("senders", {})
        )
