"""Twilio's Messages resource: https://www.twilio.com/docs/messaging/api/message-resource.

The vendor's package writes the request and reads the answer; the connection, the deadlines and what a failure means
are ours.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from shared.errors import SendError
from shared.http import HttpClient, Reply, refusal
from shared.twilio.account import PLACEHOLDER, TwilioAccount
from shared.twilio.codes import explained, outcome_of

MAX_VALIDITY = 36_000
"""Seconds a message may wait in Twilio's queue: the most `ValidityPeriod` takes, and what applies without it."""


class Messages:
    """Sends messages through one account over one pooled session.

    Parameters:
        connections: how many may be open at once.
    """

    def __init__(self, account: TwilioAccount, *, connections: int) -> None:
        self._callback = account.status_callback_url
        self._http = HttpClient(connections=connections)
        # Without an environment of its own the client would read TWILIO_REGION and others behind our settings' back.
        nothing = {"TWILIO_ACCOUNT_SID": account.account_sid}
        self._client = Client(
            *account.login, account.account_sid, http_client=_Transport(self._http), environment=nothing
        )
        self._client.api.base_url = account.base_url.rstrip("/")

    async def create(
        self, delivery_id: UUID, *, validity: float | None = None, **parameters: str | list[str] | None
    ) -> Any:
        """Send one message: the package's `MessageInstance`.

        Nothing of ours travels with it but the address of its status callbacks.

        Parameters:
            validity: seconds after which Twilio drops the message from its queue.
            parameters: of the resource, as the package spells them (`to`, `from_`, `body`); `None` is left out.

        Raises:
            Rejected, Unavailable, Ambiguous: as `shared.twilio.codes` and the status say.
        """
        given: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
        if self._callback:
            given["status_callback"] = self._callback.replace(PLACEHOLDER, str(delivery_id))
        if validity is not None:
            given["validity_period"] = min(max(int(validity), 1), MAX_VALIDITY)
        return await self._client.messages.create_async(**given)

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
    words = str(answer.get("error_message") or answer.get("message") or f"HTTP {reply.status} without an explanation")
    reason = explained(code, words)
    return outcome_of(code, reason) or refusal(reply, reason, code=None if code is None else str(code))
