"""Settings of the limits against toll fraud: how much a project may have sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property

from services.sms.by_country import by_country, each_country
from shared.ledger.sms_limits import Limits, Rate
from shared.messages.countries import EVERYWHERE
from shared.settings import setting

NO_LIMIT = ("0", "none")
MOST = 10_000
LONGEST = 86_400.0
"""Seconds. What was sent longer ago is forgotten."""

_UNITS = {"s": 1, "m": 60, "h": 3600}
_RATE = re.compile(r"(\d+)/(\d+)([smh])")


def rate(value: str) -> Rate | None:
    """`3/10m` as three in ten minutes; None for no limit."""
    if (found := _RATE.fullmatch(value)) is None:
        return None
    count, time, unit = found.groups()
    return Rate(int(count), float(int(time) * _UNITS[unit]))


def _rate_problem(value: str) -> str | None:
    if value.lower() in NO_LIMIT:
        return None
    if (found := rate(value)) is None:
        return f"must be a number in a time, such as 3/10m, 100/1h or 5/30s, or none for no limit; not {value!r}."
    if 1 <= found.count <= MOST and 1 <= found.seconds <= LONGEST:
        return None
    return f"must be 1 to {MOST} in at most {LONGEST / 3600:g}h, or none for no limit; not {value!r}."


def _amount(value: str) -> Decimal | None:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _spend_problem(value: str) -> str | None:
    if value.lower() in NO_LIMIT or _amount(value) is not None:
        return None
    return f"must be an amount such as 50 or 49.90, or none for no limit; not {value!r}."


def _price_problem(country: str, value: str) -> str | None:
    if _amount(value) is not None:
        return None
    return f"the price of {country} must be an amount such as 0.04, not {value!r}."


@dataclass(frozen=True)
class SmsLimitSettings:
    """How much a project may have sent. What is over a limit waits; a one-time code fails."""

    number: str = setting(
        "CRIER_SMS_NUMBER_LIMIT", "SMS to one number in a time; none: no limit.", default="3/10m", check=_rate_problem
    )
    block: str = setting(
        "CRIER_SMS_BLOCK_LIMIT",
        "SMS to one block of numbers (all but the last four digits) in a time, the bulk lane aside; none: no limit.",
        default="100/10m", check=_rate_problem,
    )  # fmt: skip
    daily_spend: str = setting(
        "CRIER_SMS_DAILY_SPEND",
        "What a project's SMS of a day (UTC) may cost, by CRIER_SMS_PRICES; none: no limit.",
        default="none", check=_spend_problem,
    )  # fmt: skip
    price_entries: tuple[str, ...] = setting(
        "CRIER_SMS_PRICES",
        "The price of one SMS (a segment) by ISO 3166 country, as GB=0.04,US=0.0079,*=0.10; in any one currency.",
        default=(), check=each_country(_price_problem),
    )  # fmt: skip

    @cached_property
    def prices(self) -> Mapping[str, Decimal]:
        """Prices by country."""
        return {country: Decimal(price) for country, price in by_country(self.price_entries).items()}

    @cached_property
    def limits(self) -> Limits:
        """The limits, as the ledger counts by them."""
        spend = None if self.daily_spend.lower() in NO_LIMIT else Decimal(self.daily_spend)
        return Limits(rate(self.number), rate(self.block), spend or None)

    def problems(self) -> list[str]:
        """What a limit of money needs to be counted by."""
        if self.limits.spend is None or EVERYWHERE in self.prices:
            return []
        return [
            "CRIER_SMS_PRICES must have a price for every country when CRIER_SMS_DAILY_SPEND is set: "
            f"add {EVERYWHERE}=… for those it does not name."
        ]
