"""Settings of the webhook service. Where webhooks may go is in `shared/ssrf.py`, since the gateway asks that too."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.settings import setting

SCHEDULE = ("5", "300", "1800", "7200", "18000", "36000", "50400", "72000", "86400")
"""5 s, 5 and 30 min, 2, 5, 10, 14, 20 and 24 h: the schedule that Standard Webhooks gives as an example.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability"""
DAY = 86_400.0
_EVER = 36_500.0


def _delays(values: Sequence[str]) -> str | None:
    for value in values:
        try:
            fine = 0 < float(value) <= 30 * DAY
        except ValueError:
            fine = False
        if not fine:
            return f"must be seconds separated by commas, each above 0 and at most {30 * DAY:.0f}; not {value!r}."
    return None


def _days(value: float) -> str | None:
    return None if value > 0 or value == -1 else f"must be above 0, or -1 for never; not {value:g}."


@dataclass(frozen=True)
class WebhookSettings:
    """When a webhook is tried again, and when an endpoint is given up."""

    delays: tuple[str, ...] = setting(
        "CRIER_WEBHOOK_RETRY_DELAYS",
        "Seconds before each retry of a webhook, up to a tenth more by chance; as many retries as are listed.",
        default=SCHEDULE, check=_delays,
    )  # fmt: skip
    failing_days: float = setting(
        "CRIER_WEBHOOK_FAILING_DAYS",
        "Days an endpoint may fail without a success before it is disabled; -1: for ever.",
        default=5.0, check=_days,
    )  # fmt: skip

    @cached_property
    def seconds(self) -> tuple[float, ...]:
        """Seconds before each retry."""
        return tuple(map(float, self.delays))

    @cached_property
    def patience(self) -> float:
        """Seconds an endpoint may fail."""
        return (_EVER if self.failing_days == -1 else self.failing_days) * DAY
