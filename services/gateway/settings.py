"""What the gateway reads from the environment."""

from dataclasses import dataclass

from shared.settings import positive, setting, url_of


def _port(value: int) -> str | None:
    return None if 0 <= value <= 65535 else f"must be a port, from 1 to 65535, not {value}."


@dataclass(frozen=True)
class GatewaySettings:
    """Where the gateway listens, and how many requests it works on at once."""

    host: str = setting("CRIER_GATEWAY_HOST", "The address the gateway listens on.", default="127.0.0.1")
    port: int = setting("CRIER_GATEWAY_PORT", "The port the gateway listens on.", default=8025, check=_port)
    workers: int = setting("CRIER_GATEWAY_WORKERS", "Processes of the gateway.", default=1, check=positive)
    threads: int = setting(
        "CRIER_GATEWAY_THREADS", "Requests a process of the gateway works on at once.", default=16, check=positive
    )
    deadline: float = setting(
        "CRIER_GATEWAY_DEADLINE", "Seconds the ledger may take to answer before a caller is told to come back.",
        default=1.5, check=positive,
    )  # fmt: skip
    inbox_url: str | None = setting(
        "CRIER_INAPP_URL",
        "https address at which browsers reach their inboxes (the in-app service), told with each token.",
        default=None, check=url_of("https", "http"),
    )  # fmt: skip
    grace: float = setting(
        "CRIER_GATEWAY_GRACE", "Seconds that requests under way have to finish after SIGTERM.", default=25.0,
        check=positive,
    )  # fmt: skip
