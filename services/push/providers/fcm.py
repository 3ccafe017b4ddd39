"""Firebase Cloud Messaging, HTTP v1.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send. Our id goes along in the data.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.push.providers.fcm_codes import OUTCOMES, code_of, refused
from services.push.providers.fcm_message import fcm_message
from services.push.providers.google_token import GoogleToken, service_account_file
from shared.http import HttpClient, Reply
from shared.messages.push import PushMessage
from shared.providers.port import Sent
from shared.settings import setting, url_of

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


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
        if reply.status == 401 and code_of(reply) not in OUTCOMES:
            reply = await self._post(payload, await self._token.renew(token))
        name = reply.json().get("name")
        if reply.ok and isinstance(name, str):
            return Sent(reference=name)
        raise refused(reply, topic=message.topic is not None)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    async def _post(self, payload: Mapping[str, Any], token: str) -> Reply:
        return await self._http.request("POST", self._url, headers={"Authorization": f"Bearer {token}"}, json=payload)
