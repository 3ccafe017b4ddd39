"""Where SMS may go: the countries that are listed, and no premium-rate numbers."""

from services.sms.settings import SmsSettings
from shared.errors import Rejected
from shared.messages.countries import EVERYWHERE, is_premium_rate


def refusal(number: str, country: str | None, settings: SmsSettings) -> Rejected | None:
    """Why nothing is sent to `number`; None when it may be.

    Parameters:
        country: of the number; None where it is no country's.
    """
    if settings.countries and EVERYWHERE not in settings.countries and country not in settings.countries:
        where = f"The number is of {country}" if country else "The number belongs to no country"
        return Rejected(f"{where}, and CRIER_SMS_COUNTRIES lists {', '.join(settings.countries)}.", code="country")
    if not settings.premium and is_premium_rate(number):
        return Rejected("The number is a premium-rate one, and CRIER_SMS_PREMIUM does not allow those.", code="premium")
    return None
