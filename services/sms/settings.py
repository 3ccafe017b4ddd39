"""Settings of the SMS service. Those of a vendor are beside its adapter."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from services.sms.by_country import by_country, countries, each_country
from shared.messages.sms_senders import sender_problem
from shared.providers.route_settings import rates_setting, route_setting
from shared.settings import one_of, positive, setting


@dataclass(frozen=True)
class SmsSettings:
    """The route and its rates, who messages come from, where they may go, and what becomes of long texts."""

    route: tuple[str, ...] = route_setting("sms")
    rates: tuple[str, ...] = rates_setting("sms")
    sender_entries: tuple[str, ...] = setting(
        "CRIER_SMS_SENDERS",
        "Who messages come from by ISO 3166 country, as GB=Crier,US=+15005550006,*=+447700900000: a number, a short "
        "code or a name of at most 11 characters. Unset: the provider's own setting.",
        default=(), check=each_country(sender_problem),
    )  # fmt: skip
    countries: tuple[str, ...] = setting(
        "CRIER_SMS_COUNTRIES",
        "ISO 3166 countries that may be written to, as GB,IE,US; unset or *: all. Others are refused.",
        default=(), check=countries,
    )  # fmt: skip
    premium: bool = setting(
        "CRIER_SMS_PREMIUM", "Send to premium-rate numbers too, which are refused otherwise.", default=False
    )
    length: str = setting(
        "CRIER_SMS_LENGTH",
        "A text of more segments than allowed is refused (reject), cut (truncate) or sent as it is (allow).",
        default="reject",
        check=one_of("reject", "truncate", "allow"),
    )
    max_segments: int = setting("CRIER_SMS_MAX_SEGMENTS", "SMS that one text may take.", default=3, check=positive)
    transliterate: str = setting(
        "CRIER_SMS_TRANSLITERATE",
        "Curly quotes, dashes, ellipses and unusual spaces become plain ones where that makes the whole text GSM-7, "
        "of which more than twice as much fits (punctuation); or every text is sent as it is (none).",
        default="punctuation", check=one_of("punctuation", "none"),
    )  # fmt: skip

    @cached_property
    def senders(self) -> Mapping[str, str]:
        """Senders by country."""
        return by_country(self.sender_entries)
