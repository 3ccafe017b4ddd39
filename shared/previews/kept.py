"""What the outbox kept, as something to draw."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.previews.shown import Shown


def shown(
    message: Mapping[str, Any], *, channel: str, at: datetime, product: str | None = None, facts: Mapping[str, str]
) -> Shown:
    """The kept `message` (an EmailMessage, SmsMessage, … in JSON), which was kept `at`.

    Parameters:
        product: shown as its sender where the message names none; a lock screen shows the app's name.
    """
    to = message.get("to") or message.get("token")
    if message.get("service"):
        to = f"{message.get('name')} ({message['service']}, {to})"
    if message.get("to_name"):
        to = f"{message['to_name']} <{to}>"
    more = {"Unsubscribe": message["unsubscribe_url"]} if message.get("unsubscribe_url") else {}
    return Shown(channel, message["content"], to, message.get("sender") or product, at, {**more, **facts})
