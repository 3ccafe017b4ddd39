"""Twilio Programmable Messaging: https://www.twilio.com/docs/messaging/api/message-resource.

Nothing of ours travels with an SMS: Twilio takes no id or metadata of the caller's. A receipt finds its delivery by
the message's SID.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from services.sms.providers.twilio_codes import OUTCOMES
from shared.errors import SendError
from shared.http import HttpClient, Reply, refusal
from shared.messages.sms import SmsMessage
from shared.providers.port import Sent
from shared.settings import Check, setting, url_of

MAX_VALIDITY = 36_000
"""Seconds a message may wait in Twilio's queue: the most `ValidityPeriod` takes, and what applies without it."""


def _sid(prefix: str, where: str) -> Check:
    def check(value: str) -> str | None:
        if re.fullmatch(prefix + "[0-9a-fA-F]{32}", value):
            return None
        return f"must be {prefix} and 32 hexadecimal digits, as {where} shows it."

    return check


@dataclass(frozen=True)
class TwilioSettings:
    """The account, and who sends."""

    account_sid: str = setting("TWILIO_ACCOUNT_SID", "The Twilio account.", check=_sid("AC", "the Twilio console"))
    auth_token: str = setting("TWILIO_AUTH_TOKEN", "The account's auth token.", secret=True)
    sender: str | None = setting(
        "TWILIO_FROM", "Number, short code or alphanumeric sender ID messages come from.", default=None
    )
    messaging_service_sid: str | None = setting(
        "TWILIO_MESSAGING_SERVICE_SID", "Messaging Service that chooses the sender.",
        default=None, check=_sid("MG", "the service's page"),
    )  # fmt: skip
    base_url: str = setting(
        "TWILIO_BASE_URL", "Where the API is, or a stand-in for it.",
        default="https://api.twilio.com", check=url_of("https", "http"),
    )  # fmt: skip

    def problems(self) -> list[str]:
        """A message has to come from somebody."""
        if self.sender or self.messaging_service_sid:
            return []
        return ["TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must be set: it says who the messages come from."]


class Twilio:
    """Sends SMS through one account over one pooled session."""

    name = "twilio"
    concurrency = 50

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings
        self._http = HttpClient(connections=self.concurrency)
        credentials = {"TWILIO_ACCOUNT_SID": settings.account_sid, "TWILIO_AUTH_TOKEN": settings.auth_token}
        # Without an environment of its own the client would read TWILIO_REGION and others behind our settings' back.
        self._client = Client(http_client=_Transport(self._http), environment=credentials)
        self._client.api.base_url = settings.base_url.rstrip("/")

    async def send(self, message: SmsMessage) -> Sent:
        """Send one SMS. Twilio drops it from its queue when `message.validity` seconds have passed."""
        parameters = {
            "from_": message.sender or self._settings.sender,
            "messaging_service_sid": self._settings.messaging_service_sid,
            "validity_period": _validity(message.validity),
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        made = await self._client.messages.create_async(to=message.to, body=message.content.body, **given)
        return Sent(reference=made.sid, detail=f"{made.status}, segments: {made.num_segments}")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()


class _Transport(AsyncHttpClient):
    """The package's requests over our client: its own keeps requests in memory, reads all of a reply and knows no
    Retry-After. What is not the answer to a message that was taken never reaches the package."""

    def __init__(self, http: HttpClient) -> None:
        self.is_async = True
        self._http = http

    async def request(
        self,
        method: str,
        uri: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        sent = dict(headers or {})
        if auth:
            sent["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
        reply = await self._http.request(method, uri, headers=sent, params=params, form=data)
        if error := _problem(reply):
            raise error
        return Response(reply.status, reply.text, reply.headers)


def _problem(reply: Reply) -> SendError | None:
    """What is wrong with an answer, if anything: Twilio's code first, then the status."""
    answer = reply.json()
    code = answer.get("error_code") or answer.get("code")
    if reply.ok and code is None and answer.get("sid"):
        return None
    reason = str(answer.get("error_message") or answer.get("message") or f"HTTP {reply.status} without an explanation")
    if isinstance(code, int) and code in OUTCOMES:
        return OUTCOMES[code](reason, code=str(code))
    return refusal(reply, reason, code=None if code is None else str(code))


def _validity(seconds: float | None) -> int | None:
    return None if seconds is None else min(max(int(seconds), 1), MAX_VALIDITY)
