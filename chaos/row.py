"""What a row of the matrix is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chaos.seen import Seen
from chaos.system import System

SHORT: Mapping[str, str] = {
    "CRIER_PROVIDER_TIMEOUT": "3",
    "CRIER_BATCH_TIMEOUT": "5",
    "CRIER_TIME_LIMIT": "6",
    "CRIER_LEASE": "8",
    "CRIER_RETRY_BASE": "1",
}
"""In the proportions of production, whose values are 10, 15, 20, 30 and 60 seconds."""

PRODUCTION: Mapping[str, str] = {
    "CRIER_PROVIDER_TIMEOUT": "10",
    "CRIER_BATCH_TIMEOUT": "15",
    "CRIER_TIME_LIMIT": "20",
    "CRIER_LEASE": "30",
}
"""The defaults, but for the pause before a retry, which stays short."""

BLIND: Mapping[str, str] = {"CRIER_SMS_ROUTE": "http"}
"""A provider that cannot be asked later what it took, as Twilio can after a minute: doubt is left to the policy."""


@dataclass(frozen=True)
class Row:
    """A fault, and what must be seen.

    Parameters:
        number: of the matrix; several rows may be about the same one.
        fault: what is done; bar: what must hold besides that nothing is lost.
        seconds: about how long it takes, in full and quick: for the time left.
        settings: of the services, beside `SHORT`.
    """

    number: int
    fault: str
    bar: str
    run: Callable[[System], Seen]
    seconds: tuple[float, float]
    settings: Mapping[str, str] = field(default_factory=dict)
