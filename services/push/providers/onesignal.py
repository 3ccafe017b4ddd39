"""OneSignal: https://documentation.onesignal.com/reference/push-notification.

A device is a subscription, its token the subscription's id. Every call carries an idempotency key, which OneSignal
keeps for 30 days (https://documentation.onesignal.com/reference/idempotent-notification-requests): a repetition is
answered as the first call was, with `Idempotent-Replayed: true` (https://github.com/OneSignal/onesignal-python-api,
`create_notification_with_retry`), and nothing is sent twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.push.providers.onesignal_message import onesignal_message
from shared.errors import SendError
from shared.http import HttpClient, Reply, refusal
from shared.messages.push import PushMessage
from shared.providers.outcomes import DEAD, FAULT, REFUSED
from shared.providers.port import Sent
from shared.settings import setting, url_of

NOBODY = "All included players are not subscribed"
"""What a 200 says that sent nothing (https://documentation.onesignal.com/reference/push-notification)."""


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
        if error := _problem(reply, message):
            raise error
        repeated = reply.headers.get("Idempotent-Replayed", "").lower() == "true"
        return Sent(reference=reply.json()["id"], detail="Taken at an earlier try." if repeated else "")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()


def _problem(reply: Reply, message: PushMessage) -> SendError | None:
    """What is wrong with an answer, if anything. OneSignal has words and no codes, and says some with a 200.

    - 200 without an id: nothing was sent. A subscription nobody is subscribed with is dead; a segment has nobody in it,
      or there is none of that name.
    - 200 with `invalid_player_ids`: those subscriptions exist and are unsubscribed.
    - 404 in OneSignal's words: the app is not there.
    - The rest goes by its status: 400 is refused; 401 and 403 are about the key; 429 says when to come back; what a 5xx
      did nobody knows, and with the key it may be asked again (https://documentation.onesignal.com/reference/rate-limits).
    """
    answer = reply.json()
    errors, identifier = answer.get("errors"), answer.get("id")
    reason = _words(errors) or f"HTTP {reply.status} without an explanation"
    if reply.ok and message.topic is None and message.token in _unsubscribed(errors):
        return DEAD("This subscription is unsubscribed.", code="invalid_player_ids")
    if reply.ok and isinstance(identifier, str) and identifier:
        return None
    if reply.ok and identifier == "" and errors:
        dead = message.topic is None and NOBODY in reason
        return (DEAD if dead else REFUSED)(reason, code="not-subscribed" if NOBODY in reason else None)
    if reply.status == 404 and errors:
        return FAULT(reason, code="404")
    return refusal(reply, reason)


def _words(errors: Any) -> str:
    """`errors` in one line: a list of sentences, of objects with a `title`, or an object."""
    if isinstance(errors, Mapping):
        return "; ".join(f"{name}: {found}" for name, found in errors.items() if found)
    if not isinstance(errors, list):
        return ""
    return " ".join(str(error.get("title", error)) if isinstance(error, dict) else str(error) for error in errors)


def _unsubscribed(errors: Any) -> list[Any]:
    found = errors.get("invalid_player_ids") if isinstance(errors, dict) else None
    return found if isinstance(found, list) else []
