"""Settings of the service of campaigns."""

from dataclasses import dataclass

from shared.settings import positive, setting


@dataclass(frozen=True)
class CampaignSettings:
    """How much of a campaign is in the ledger at once."""

    window: int = setting(
        "CRIER_CAMPAIGN_WINDOW",
        "Deliveries of a campaign that may wait for workers before more of its members are taken.",
        default=20_000, check=positive,
    )  # fmt: skip
