"""The request the HTTP gateway is sent: its template, filled with one message."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from services.sms.providers.http_settings import HttpGatewaySettings
from services.sms.providers.http_template import Values, fill, placeholders
from shared.errors import Rejected
from shared.messages.sms import SmsMessage


@dataclass(frozen=True, slots=True)
class Request:
    """A call to make, as `HttpClient.request` wants it: the method, the URL, and the rest by name."""

    method: str
    url: str
    options: dict[str, Any] = field(repr=False)


def request_for(message: SmsMessage, settings: HttpGatewaySettings) -> Request:
    """The call that sends `message`.

    Raises:
        Rejected: it has a sender, and the template no place for one.
    """
    if message.sender and "from" not in placeholders([settings.url, settings.headers, settings.body]):
        raise Rejected("A sender is asked for, and SMS_API_BODY has no {from}: add it.", code="sender")
    values: Values = {
        "to": message.to,
        "to_digits": message.to.removeprefix("+"),
        "text": message.content.body,
        "from": message.sender or settings.sender,
        "id": str(message.delivery_id),
        "validity": None if message.validity is None else max(int(message.validity), 1),
        "api_key": settings.api_key,
    }
    quoted = {name: quote(str(value), safe="") for name, value in values.items() if value is not None}
    url = str(fill(settings.url, {**dict.fromkeys(values, ""), **quoted}))
    headers = {name: str(value) for name, value in fill(settings.headers, values).items()}
    fields = fill(settings.body, values)
    if settings.method == "GET":
        return Request("GET", url, {"headers": headers, "params": {name: str(value) for name, value in fields.items()}})
    return Request("POST", url, {"headers": headers, "form" if settings.is_form else "json": fields})
