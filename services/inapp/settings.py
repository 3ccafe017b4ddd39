"""Settings of what shows browsers their inboxes. The channel's workers need none."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.settings import positive, setting, within


def _origins(values: Sequence[str]) -> str | None:
    for value in values:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or value != f"{parts.scheme}://{parts.netloc}":
            return f"must be origins separated by commas, each as https://app.example.com; not {value!r}."
    return None


@dataclass(frozen=True)
class InAppSettings:
    """Where browsers reach their inboxes, from which pages, and how many may follow at once."""

    host: str = setting("CRIER_INAPP_HOST", "The address that browsers' inboxes are served on.", default="127.0.0.1")
    port: int = setting(
        "CRIER_INAPP_PORT", "The port that browsers' inboxes are served on.", default=8026, check=within(0, 65535)
    )
    origins: tuple[str, ...] = setting(
        "CRIER_INAPP_ORIGINS",
        "Origins of the pages that may show inboxes, separated by commas, as https://app.example.com; pages of the "
        "same host need none.",
        default=(), check=_origins,
    )  # fmt: skip
    streams: int = setting(
        "CRIER_INAPP_STREAMS", "Streams a process keeps open at most.", default=10_000, check=positive
    )
    streams_each: int = setting(
        "CRIER_INAPP_STREAMS_EACH", "Streams of one inbox that a process keeps open at most.",
        default=20, check=positive,
    )  # fmt: skip
    heartbeat: float = setting(
        "CRIER_INAPP_HEARTBEAT",
        "Seconds after which something is sent on a quiet stream, lest what lies between take it for dead.",
        default=15.0, check=positive,
    )  # fmt: skip
    patience: float = setting(
        "CRIER_INAPP_PATIENCE", "Seconds that a browser may leave its stream unread before it is closed.",
        default=30.0, check=positive,
    )  # fmt: skip
    heal: float = setting(
        "CRIER_INAPP_HEAL", "Seconds after which the ledger is asked what a stream might have missed.",
        default=10.0, check=positive,
    )  # fmt: skip
    grace: float = setting(
        "CRIER_INAPP_GRACE", "Seconds that requests under way have to finish after SIGTERM.", default=10.0,
        check=positive,
    )  # fmt: skip
