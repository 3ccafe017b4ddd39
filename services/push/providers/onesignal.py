"""OneSignal: https://documentation.onesignal.com/reference/push-notification.

A device is a subscription, its token the subscription's id. Every call carries an idempotency key, which OneSignal
keeps for 30 days (https://documentation.onesignal.com/reference/idempotent-notification-requests): a repetition is
answered as the first call was, with `Idempotent-Replayed: true` (https://github.com/OneSignal/onesignal-python-api,
`create_notification_with_retry`), and nothing is sent twice. That is also how a doubt is settled: a message can be
looked up by OneSignal's id (https://documentation.onesignal.com/reference/view-message), which nobody in doubt has, and
no look-up by the key is documented.
"""

from dataclasses import dataclass
from uuid import UUID

from services.push.providers.onesignal_codes import problem
from services.push.providers.onesignal_message import onesignal_message
from shared.http import HttpClient
from shared.messages.push import PushMessage
from shared.providers.port import Sent
from shared.settings import setting, url_of


def _app_id(value: str) -> str | None:
    try:
        UUID(value)
    except ValueError:
        return "must be a UUID, as OneSignal shows it: Settings, Keys & IDs."
    return None


@dataclass(frozen=True)
class OneSignalSettings:
    """The OneSignal app."""

    app_id: str = setting("ONESIGNAL_APP_ID", "The OneSignal app.", check=_app_id)
    api_key: str = setting("ONESIGNAL_API_KEY", "An API key of that app.", secret=True)
    base_url: str = setting(
        "ONESIGNAL_BASE_URL", "Where the API is, or a stand-in for it.",
        default="https://api.onesignal.com", check=url_of("https", "http"),
    )  # fmt: skip


class OneSignal:
    """Sends pushes to the subscriptions and segments of one app over one pooled session."""

    name = "onesignal"
    concurrency = 100
    idempotent = True

    def __init__(self, settings: OneSignalSettings) -> None:
        self._app_id = settings.app_id
        self._url = f"{settings.base_url.rstrip('/')}/notifications"
        self._headers = {"Authorization": f"Key {settings.api_key}"}
        self._http = HttpClient(connections=self.concurrency)

    async def send(self, message: PushMessage) -> Sent:
        """Send one push to one subscription, or to a segment."""
        payload = onesignal_message(message, self._app_id)
        reply = await self._http.request("POST", self._url, headers=self._headers, json=payload)
        if error := problem(reply, None if message.topic else message.token):
            raise error
        repeated = reply.headers.get("Idempotent-Replayed", "").lower() == "true"
        return Sent(reference=reply.json()["id"], detail="Taken at an earlier try." if repeated else "")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()
