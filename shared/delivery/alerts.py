"""What somebody has to do something about: an account that is refused, a set-up that cannot work."""

import time

import structlog

from shared.errors import Rejected, SendError, Unavailable
from shared.providers.port import Sent
from shared.telemetry.metrics import ALERTS

log = structlog.get_logger(__name__)
QUIET_SECONDS = 60.0


class Alerts:
    """Counts them all, and logs each code of a provider once a minute: a million messages may get the same answer."""

    def __init__(self) -> None:
        self._logged: dict[tuple[str, str | None], float] = {}

    def heard(self, channel: str, provider: str, answer: Sent | SendError) -> None:
        """Tell people if `answer` concerns them."""
        match answer:
            case Rejected(alert=True):
                kind, effect = "set-up", "Messages like this one fail until the account's set-up is mended."
            case Unavailable(provider_fault=True):
                kind, effect = "account", "Messages wait, or go to the next provider, until the account is mended."
            case _:
                return
        ALERTS.labels(provider, kind).inc()
        key, now = (provider, answer.code), time.monotonic()
        if now - self._logged.get(key, float("-inf")) >= QUIET_SECONDS:
            if len(self._logged) > 1000:
                self._logged.clear()
            self._logged[key] = now
            log.error(effect, channel=channel, provider=provider, provider_code=answer.code, reason=answer.reason)
