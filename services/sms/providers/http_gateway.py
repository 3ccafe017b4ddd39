"""Any SMS vendor with an HTTP API: what it is sent and what it answers is described by settings."""

from services.sms.providers.http_answer import read
from services.sms.providers.http_request import request_for
from services.sms.providers.http_settings import HttpGatewaySettings
from shared.http import HttpClient
from shared.messages.sms import SmsMessage
from shared.providers.port import Sent


class HttpGateway:
    """Sends SMS as the settings say."""

    name = "http"
    concurrency = 50

    def __init__(self, settings: HttpGatewaySettings) -> None:
        self._settings = settings
        self._http = HttpClient(connections=self.concurrency)

    async def send(self, message: SmsMessage) -> Sent:
        """Send one SMS."""
        request = request_for(message, self._settings)
        return read(await self._http.request(request.method, request.url, **request.options), self._settings)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()
