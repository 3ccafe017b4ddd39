"""Wrong settings are refused at start, with what would be right."""

import pytest

from services.cleanup.settings import CleanupSettings
from shared.errors import SettingsError
from shared.settings import load_one


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("CRIER_RETENTION_DAYS", "0", "1 to 10000 days, or -1 for ever"),
        ("CRIER_RETENTION_DAYS", "-2", "1 to 10000 days, or -1 for ever"),
        ("CRIER_OUTBOX_DAYS", "20000", "1 to 10000 days, or -1 for ever"),
        ("CRIER_TICKS_DAYS", "a week", "a whole number"),
        ("CRIER_IDEMPOTENCY_KEEP", "0", "above 0"),
        ("CRIER_DEAD_LETTERS_AGE", "0", "above 0, or -1 for no bound"),
        ("CRIER_DEAD_LETTERS_COUNT", "-2", "above 0, or -1 for no bound"),
        ("CRIER_CLEANUP_BATCH", "0", "above 0"),
        ("CRIER_CLEANUP_PAUSE", "-1", "0 or more"),
        ("CRIER_CLEANUP_LOCK_TIMEOUT", "1", "above 0 and below 1 second"),
    ],
)
def test_a_wrong_value_is_refused_by_name(variable, value, remedy):
    with pytest.raises(SettingsError, match=f"{variable} .*{remedy}"):
        load_one(CleanupSettings, {variable: value})


def test_everything_has_a_default_and_days_can_be_switched_off():
    assert load_one(CleanupSettings, {}).retention_days == 90
    assert load_one(CleanupSettings, {"CRIER_RETENTION_DAYS": "-1"}).retention_days == -1
