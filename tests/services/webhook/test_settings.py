"""When webhooks are tried again, and for how long."""

import pytest

from services.webhook.settings import DAY, WebhookSettings
from shared.delivery.outcomes import RetryPolicy
from shared.errors import SettingsError
from shared.settings import load_one


def test_by_default_it_is_tried_ten_times_over_three_days() -> None:
    settings = load_one(WebhookSettings, {})
    assert settings.seconds == (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    assert RetryPolicy(delays=settings.seconds).attempts == 10
    assert 3 * DAY < sum(settings.seconds) < 4 * DAY
    assert settings.patience == 5 * DAY


def test_an_endpoint_may_fail_for_ever() -> None:
    assert load_one(WebhookSettings, {"CRIER_WEBHOOK_FAILING_DAYS": "-1"}).patience > 1000 * DAY


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CRIER_WEBHOOK_RETRY_DELAYS", "5,soon", "must be seconds separated by commas"),
        ("CRIER_WEBHOOK_RETRY_DELAYS", "5,0", "not '0'"),
        ("CRIER_WEBHOOK_RETRY_DELAYS", "1e9", "at most 2592000"),
        ("CRIER_WEBHOOK_FAILING_DAYS", "0", "must be above 0, or -1 for never; not 0."),
    ],
)
def test_what_is_no_time_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        load_one(WebhookSettings, {name: value})
    assert said in str(caught.value)
