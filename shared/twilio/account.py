"""The Twilio account: the settings that all channels over Twilio share."""

import re
from dataclasses import dataclass

from shared.settings import Check, setting, url_of

PLACEHOLDER = "{delivery_id}"
"""In the address of status callbacks: where a delivery's id is put."""
RECEIPTS = f"/v1/receipts/twilio?delivery={PLACEHOLDER}"
"""Where the gateway takes status callbacks."""


def sid(prefix: str, where: str) -> Check:
    """A check: the value is one of Twilio's identifiers of that kind. `where` says which page shows it."""

    def check(value: str) -> str | None:
        if re.fullmatch(prefix + "[0-9a-fA-F]{32}", value):
            return None
        return f"must be {prefix} and 32 hexadecimal digits, as {where} shows it."

    return check


def _callback(value: str) -> str | None:
    if re.search(r"[{}]", value.replace(PLACEHOLDER, "")):
        return f"may hold {PLACEHOLDER} and no other braces."
    return url_of("https")(value)


@dataclass(frozen=True)
class TwilioAccount:
    """The Twilio account. Its auth token signs it in, or an API key, which can be revoked by itself."""

    account_sid: str = setting("TWILIO_ACCOUNT_SID", "The Twilio account.", check=sid("AC", "the Twilio console"))
    auth_token: str | None = setting(
        "TWILIO_AUTH_TOKEN", "The account's auth token; needed unless there is an API key.", default=None, secret=True
    )
    api_key_sid: str | None = setting(
        "TWILIO_API_KEY_SID", "API key to sign in with instead of the auth token.",
        default=None, check=sid("SK", "the page of API keys"),
    )  # fmt: skip
    api_key_secret: str | None = setting("TWILIO_API_KEY_SECRET", "The API key's secret.", default=None, secret=True)
    base_url: str = setting(
        "TWILIO_BASE_URL", "Where the API is, or a stand-in for it.",
        default="https://api.twilio.com", check=url_of("https", "http"),
    )  # fmt: skip
    callback_url: str | None = setting(
        "TWILIO_STATUS_CALLBACK_URL",
        f"https address Twilio reports to what became of a message; {PLACEHOLDER} in it becomes the delivery's id. "
        "Unset: the gateway's at CRIER_PUBLIC_URL, or without that what the Messaging Service says.",
        default=None, check=_callback,
    )  # fmt: skip
    public_url: str | None = setting(
        "CRIER_PUBLIC_URL", "https address at which the gateway is reached from outside: Twilio reports there.",
        default=None, check=url_of("https", "http"),
    )  # fmt: skip

    @property
    def status_callback_url(self) -> str | None:
        """The address of status callbacks, with `PLACEHOLDER` in it; None: the Messaging Service's, if any."""
        gateways = self.public_url.rstrip("/") + RECEIPTS if self.public_url else None
        return self.callback_url or gateways

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of a call (https://www.twilio.com/docs/usage/requests-to-twilio#credentials)."""
        if self.api_key_sid and self.api_key_secret:
            return self.api_key_sid, self.api_key_secret
        return self.account_sid, self.auth_token or ""

    def problems(self) -> list[str]:
        """Somebody has to sign in."""
        if bool(self.api_key_sid) != bool(self.api_key_secret):
            return ["TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET belong together: set both or neither."]
        if self.auth_token or self.api_key_sid:
            return []
        return ["TWILIO_AUTH_TOKEN is not set, nor TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET: one signs in."]
