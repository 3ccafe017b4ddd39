"""The guard against toll fraud: how much a project may have sent, checked before a batch is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.sms.limit_settings import SmsLimitSettings
from shared.errors import Rejected, SendError, Unavailable
from shared.ledger.sms_limits import Excess, Limit, Sms
from shared.ledger.sms_usage import SmsUsage
from shared.ledger.work import Claimed
from shared.messages.countries import EVERYWHERE, country_of
from shared.messages.segments import measure
from shared.messages.sms import SmsMessage

BLOCK = 4
"""Digits in which the numbers of a block differ: ten thousand numbers, as operators are given them."""


@dataclass(frozen=True)
class Guard:
    """Lets through what is within the limits.

    What is not makes no call: it waits for room, which costs it no attempt. A one-time code fails instead, since it is
    worth nothing later, and codes are what fraud asks for.
    """

    usage: SmsUsage
    settings: SmsLimitSettings

    def admit(self, ready: Sequence[tuple[Claimed, SmsMessage]]) -> Mapping[UUID, SendError]:
        """Whom not to send to, now or at all, and why.

        Raises:
            LedgerUnavailable: it cannot be counted.
        """
        excesses = self.usage.admit([self._counted(item, message) for item, message in ready], self.settings.limits)
        return {item.id: self._error(item, excesses[item.id]) for item, _ in ready if item.id in excesses}

    def _counted(self, item: Claimed, message: SmsMessage) -> Sms:
        block = None if item.lane == "bulk" else message.to[:-BLOCK]
        return Sms(item.id, item.project_id, message.to, block, self._cost(message))

    def _cost(self, message: SmsMessage) -> Decimal:
        prices: Mapping[Any, Decimal] = self.settings.prices
        if not prices:
            return Decimal(0)
        price = prices.get(country_of(message.to), prices.get(EVERYWHERE, Decimal(0)))
        return price * measure(message.content.body).segments

    def _error(self, item: Claimed, excess: Excess) -> SendError:
        reason, code = _reason(excess.limit, self.settings), f"{excess.limit}-limit"
        if item.kind == "code":
            return Rejected(f"{reason} A one-time code does not wait.", code=code)
        return Unavailable(f"{reason} It waits for room.", code=code, retry_after=excess.seconds)


def _reason(limit: Limit, settings: SmsLimitSettings) -> str:
    match limit:
        case Limit.NUMBER:
            much, allowed = "as many SMS to this number as", f"CRIER_SMS_NUMBER_LIMIT allows ({settings.number})"
        case Limit.BLOCK:
            much, allowed = (
                "as many SMS to this block of numbers as",
                f"CRIER_SMS_BLOCK_LIMIT allows ({settings.block})",
            )
        case Limit.SPEND:
            much, allowed = "for as much today (UTC) as", f"CRIER_SMS_DAILY_SPEND allows ({settings.daily_spend})"
    return f"The project has sent {much} {allowed}."
