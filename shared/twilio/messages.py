"""Twilio's Messages resource: https://www.twilio.com/docs/messaging/api/message-resource.

The vendor's package writes the request and reads the answer; the connection, the deadlines and what a failure means
are ours.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from shared.errors import SendError
from shared.http import HttpClient, Reply, refusal
from shared.providers.port import LookUp
from shared.twilio.account import PLACEHOLDER, TwilioAccount
from shared.twilio.codes import explained, outcome_of
from shared.twilio.finding import PAGE_SIZE, found

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
        self,
        delivery_id: UUID,
        *,
        validity: float | None = None,
        own_sender: bool = False,
        **parameters: str | list[str] | None,
    ) -> Any:
        """Send one message: the package's `MessageInstance`.

        Nothing of ours travels with it but the address of its status callbacks.

        Parameters:
            validity: seconds after which Twilio drops the message from its queue.
            own_sender: the sender is the project's own, not the installation's.
            parameters: of the resource, as the package spells them (`to`, `from_`, `body`); `None` is left out.

        Raises:
            Rejected, Unavailable, Ambiguous: as `shared.twilio.codes` and the status say.
        """
        given: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
        if self._callback:
            given["status_callback"] = self._callback.replace(PLACEHOLDER, str(delivery_id))
        if validity is not None:
            given["validity_period"] = min(max(int(validity), 1), MAX_VALIDITY)
        try:
            return await self._client.messages.create_async(**given)
        except _NotTaken as refused:
            raise _problem(refused.reply, own_sender=own_sender) from None

    async def find(self, to: str, words: str | None, asked_at: datetime) -> LookUp:
        """Whether the account has a message to `to` with these words, of a call that was begun at `asked_at`.

        Raises:
            SendError: the list was not to be had.
        """
        try:
            page = await self._client.messages.page_async(to=to, page_size=PAGE_SIZE)
        except _NotTaken as refused:
            raise _problem(refused.reply) from None
        return found(page, words, asked_at, all_listed=page.next_page_url is None)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()


class _NotTaken(Exception):
    """An answer that is neither that to a message that was taken nor a list."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class _Transport(AsyncHttpClient):
    """The package's requests over our client: its own keeps requests in memory, reads all of a reply and knows no
    Retry-After. What is neither a message that was taken nor a list never reaches the package."""

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
        answer = reply.json()
        if not reply.ok or _code(answer) is not None or not (answer.get("sid") or "messages" in answer):
            raise _NotTaken(reply)
        return Response(reply.status, reply.text, reply.headers)


def _problem(reply: Reply, *, own_sender: bool = False) -> SendError:
    """What an answer means that is not the one hoped for: Twilio's code first, then the status."""
    answer = reply.json()
    code = _code(answer)
    words = str(answer.get("error_message") or answer.get("message") or f"HTTP {reply.status} without an explanation")
    reason = explained(code, words)
    return outcome_of(code, reason, own_sender=own_sender) or refusal(
        reply, reason, code=None if code is None else str(code)
    )


def _code(answer: Mapping[str, Any]) -> Any:
    return answer.get("error_code") or answer.get("code")
