"""Which account at Amazon, and who mails come from."""

import re
from dataclasses import dataclass

from services.email.providers.sender import sender_setting
from shared.settings import setting, url_of


def _region(value: str) -> str | None:
    found = re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+", value)
    return None if found else f"must be a region such as eu-west-1, not {value!r}."


@dataclass(frozen=True)
class SesSettings:
    """The account, and who mails come from. That `SES_FROM` is set says that SES is to be used."""

    sender: str = sender_setting("SES_FROM")
    region: str | None = setting("AWS_REGION", "Region whose SES sends, e.g. eu-west-1.", default=None, check=_region)
    access_key_id: str | None = setting(
        "AWS_ACCESS_KEY_ID", "Access key; unset: what boto3 finds, such as the role of the machine.", default=None
    )
    secret_access_key: str | None = setting(
        "AWS_SECRET_ACCESS_KEY", "The secret that goes with the access key.", default=None, secret=True
    )
    session_token: str | None = setting(
        "AWS_SESSION_TOKEN", "Token that goes with a temporary access key.", default=None, secret=True
    )
    configuration_set: str | None = setting(
        "SES_CONFIGURATION_SET", "Configuration set that says where events go.", default=None
    )
    endpoint_url: str | None = setting(
        "SES_ENDPOINT_URL", "Where the API is, or a stand-in for it; unset: the region's.",
        default=None, check=url_of("https", "http"),
    )  # fmt: skip

    def problems(self) -> list[str]:
        """What does not go together."""
        found = []
        if not self.region:
            found.append("AWS_REGION is not set. SES has accounts and verified senders in each region, e.g. eu-west-1.")
        if bool(self.access_key_id) != bool(self.secret_access_key):
            found.append("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: set both or neither.")
        if self.session_token and not self.access_key_id:
            found.append("AWS_SESSION_TOKEN has no effect without AWS_ACCESS_KEY_ID: set both or neither.")
        return found
