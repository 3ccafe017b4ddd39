"""Firebase Cloud Messaging, HTTP v1.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send. Our id goes along in the data.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.push.providers.fcm_message import fcm_message
from services.push.providers.google_token import GoogleToken, service_account_file
from shared.errors import SendError, Unavailable
from shared.http import HttpClient, Reply, refusal
from shared.messages.push import PushMessage
from shared.providers.outcomes import DEAD, FAULT, REFUSED, Outcome
from shared.providers.port import Sent
from shared.settings import setting, url_of

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"

OUTCOMES: Mapping[str, Outcome] = {
    "UNREGISTERED": DEAD,
    "INVALID_ARGUMENT": REFUSED,
    "SENDER_ID_MISMATCH": REFUSED,
    "THIRD_PARTY_AUTH_ERROR": FAULT,
}
"""FCM's codes (https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode): those in the details of type
FcmError, or else the canonical status. What is not here goes by the HTTP status: QUOTA_EXCEEDED is 429, and
PERMISSION_DENIED 403. INVALID_ARGUMENT does not end a token: the payload may be what is invalid. NOT_FOUND without
UNREGISTERED is about the project."""

REPEATABLE = frozenset({"UNAVAILABLE", "INTERNAL"})
"""Codes after which FCM wants the same request again:
https://firebase.google.com/docs/cloud-messaging/scale-fcm#handling-retries"""
MIN_WAIT = 10.0
"""Seconds before that, at least (same page)."""


@dataclass(frozen=True)
class FcmSettings:
    """The Firebase project, by the key of a service account of it."""

    credentials_path: Path = setting(
        "FIREBASE_CREDENTIALS_PATH", "File with a service account's key (JSON).", check=service_account_file
    )
    base_url: str = setting(
        "FCM_BASE_URL", "Where the API is, or a stand-in for it.",
        default="https://fcm.googleapis.com", check=url_of("https", "http"),
    )  # fmt: skip


class Fcm:
    """Sends pushes to the devices of one Firebase project over one pooled session."""

    name = "fcm"
    concurrency = 200

    def __init__(self, settings: FcmSettings, clock: Callable[[], float] = time.time) -> None:
        account = json.loads(settings.credentials_path.read_bytes())
        self._url = f"{settings.base_url.rstrip('/')}/v1/projects/{account['project_id']}/messages:send"
        self._token = GoogleToken(account, [SCOPE])
        self._http = HttpClient(connections=self.concurrency)
        self._clock = clock

    async def send(self, message: PushMessage) -> Sent:
        """Send one push to one device, or to everybody who subscribed to a topic."""
        payload = fcm_message(message, self._clock())
        token = await self._token.get()
        reply = await self._post(payload, token)
        if reply.status == 401 and _code(reply) not in OUTCOMES:
            reply = await self._post(payload, await self._token.renew(token))
        name = reply.json().get("name")
        if reply.ok and isinstance(name, str):
            return Sent(reference=name)
        raise _error(reply, message.topic)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    async def _post(self, payload: Mapping[str, Any], token: str) -> Reply:
        return await self._http.request("POST", self._url, headers={"Authorization": f"Bearer {token}"}, json=payload)


def _error(reply: Reply, topic: str | None) -> SendError:
    error, code = _body(reply), _code(reply)
    reason = str(error.get("message") or f"HTTP {reply.status} without an explanation")
    if code and code in OUTCOMES:
        outcome = OUTCOMES[code]
        # A topic is nobody's device: there is nothing to forget.
        return (REFUSED if topic and outcome is DEAD else outcome)(reason, code=code)
    if code in REPEATABLE:
        wait = reply.retry_after
        return Unavailable(reason, code=code, retry_after=None if wait is None else max(wait, MIN_WAIT))
    return refusal(reply, reason, code=code)


def _code(reply: Reply) -> str | None:
    error = _body(reply)
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("fcm.v1.FcmError"):
            return str(detail.get("errorCode"))
    status = error.get("status")
    return status if isinstance(status, str) else None


def _body(reply: Reply) -> dict[str, Any]:
    error = reply.json().get("error")
    return error if isinstance(error, dict) else {}
