"""How long each part of answering a bell may take."""

from dataclasses import dataclass

from shared.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class Timing:
    """The numbers of a lane that hang together, in seconds: call ≤ batch ≤ time limit ≤ lease."""

    call: float
    batch: float
    time_limit: float
    lease: float

    @classmethod
    def of(cls, settings: EngineSettings, lane: str) -> "Timing":
        """Half of everything on `critical`: a one-time code is worth less every second."""
        share = 0.5 if lane == "critical" else 1.0
        return cls(
            settings.provider_timeout * share,
            settings.batch_timeout * share,
            settings.time_limit * share,
            settings.lease * share,
        )
