"""Settings of the cleanup service: how long things are kept, and how gently they are removed."""

from dataclasses import dataclass
from pathlib import Path

from shared.settings import positive, setting


def days_or_never(value: int) -> str | None:
    """A check: a sensible number of days, or -1."""
    return None if value == -1 or 1 <= value <= 10_000 else f"must be 1 to 10000 days, or -1 for ever, not {value}."


def positive_or_never(value: float) -> str | None:
    """A check: above zero, or -1."""
    return None if value == -1 or value > 0 else f"must be above 0, or -1 for no bound, not {value}."


def month_or_never(value: int) -> str | None:
    """A check: no less than the days in which bounces are counted, or -1."""
    return None if value == -1 or 30 <= value <= 10_000 else f"must be 30 to 10000 days, or -1 for ever, not {value}."


def below_a_second(value: float) -> str | None:
    """A check: within what PostgreSQL lets pass before it looks for deadlocks."""
    return None if 0 < value < 1 else f"must be above 0 and below 1 second, not {value}."


def not_negative(value: float) -> str | None:
    """A check: zero or more."""
    return None if value >= 0 else f"must be 0 or more, not {value}."


@dataclass(frozen=True)
class CleanupSettings:
    """What is old, and how much of it goes at a time."""

    retention_days: int = setting(
        "CRIER_RETENTION_DAYS",
        "Days a notification's record is kept after it ended; -1: for ever. Whole months go at once, so with a month "
        "or more a record stays until its month is over too.",
        default=90, check=days_or_never,
    )  # fmt: skip
    outbox_days: int = setting(
        "CRIER_OUTBOX_DAYS", "Days a message is kept in the outbox; -1: for ever.", default=30, check=days_or_never
    )
    inbox_days: int = setting(
        "CRIER_INBOX_DAYS", "Days a notification is kept in a person's inbox, read or not; -1: for ever.", default=90,
        check=days_or_never,
    )  # fmt: skip
    ticks_days: int = setting(
        "CRIER_TICKS_DAYS", "Days a run of a periodic job is remembered; -1: for ever.", default=30, check=days_or_never
    )
    receipts_days: int = setting(
        "CRIER_RECEIPTS_DAYS",
        "Days that what providers reported is kept as it came, at least 30: bounces are counted in them; -1: for ever.",
        default=90, check=month_or_never,
    )  # fmt: skip
    events_days: int = setting(
        "CRIER_EVENTS_DAYS",
        "Days an event is kept after it was to begin, with its reminders; -1: for ever.",
        default=90, check=days_or_never,
    )  # fmt: skip
    schedules_days: int = setting(
        "CRIER_SCHEDULES_DAYS",
        "Days that what became of a schedule's times is kept, and a schedule after it ended; -1: for ever.",
        default=90, check=days_or_never,
    )  # fmt: skip
    idempotency_keep: float = setting(
        "CRIER_IDEMPOTENCY_KEEP",
        "Seconds an Idempotency-Key is remembered; a request repeated later is a new one.",
        default=259200.0, check=positive,
    )  # fmt: skip
    dead_letters_age: float = setting(
        "CRIER_DEAD_LETTERS_AGE",
        "Seconds a dead letter is kept; -1: for ever. Without it a delivery is failed all the same.",
        default=86400.0, check=positive_or_never,
    )  # fmt: skip
    dead_letters_count: int = setting(
        "CRIER_DEAD_LETTERS_COUNT",
        "Dead letters of a project that are kept, the newest; -1: any number.",
        default=10_000, check=positive_or_never,
    )  # fmt: skip
    policies: Path | None = setting(
        "CRIER_CLEANUP_POLICIES",
        "A TOML file with policies of your own, on databases, Redis keys and folders; read before every run.",
        default=None,
    )  # fmt: skip
    batch: int = setting("CRIER_CLEANUP_BATCH", "Rows removed by one transaction.", default=1000, check=positive)
    pause: float = setting(
        "CRIER_CLEANUP_PAUSE", "Seconds between two such transactions.", default=0.1, check=not_negative
    )
    lock_timeout: float = setting(
        "CRIER_CLEANUP_LOCK_TIMEOUT",
        "Seconds cleanup waits for a lock, with everybody else behind it, before it gives way.",
        default=0.2, check=below_a_second,
    )  # fmt: skip
