"""Amazon SES, API v2: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html.

The mail goes as we build it (`Raw`), so that headers and inline images are as with every other provider. Of its headers
SES writes `Message-ID` and `Date` anew (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html). The tag
`crier_id`, and the header `X-Crier-Id`, carry our id into every event.

boto3 finds the credentials and signs. It does not call: its connections wait for each read and not for the call, and
read answers to their end, so a server that drips would keep a thread for ever.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from services.email.mime import build, mailbox
from services.email.providers.ses_codes import refused
from services.email.providers.ses_credentials import SesCredentials
from services.email.providers.ses_settings import SesSettings
from shared.errors import Rejected
from shared.http import HttpClient
from shared.messages.email import EmailMessage
from shared.providers.port import CONNECT_TIMEOUT, Sent

MAX_BYTES = 40 * 1024 * 1024
"""What a mail may have, encoded (https://docs.aws.amazon.com/ses/latest/dg/quotas.html)."""
ID_TAG = "crier_id"

# At DEBUG it writes down what it signs, the session token included.
logging.getLogger("botocore.auth").setLevel(logging.INFO)


class Ses:
    """Sends mail through one account in one region.

    Parameters:
        patience: seconds to wait for credentials where the settings have none.
    """

    name = "ses"
    concurrency = 50

    def __init__(
        self,
        settings: SesSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = CONNECT_TIMEOUT,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._credentials = SesCredentials(settings, patience)
        self._sender = mailbox(settings.sender)
        self._http = HttpClient(connections=self.concurrency)
        base_url = settings.endpoint_url or f"https://email.{settings.region}.amazonaws.com"
        self._url = f"{base_url.rstrip('/')}/v2/email/outbound-emails"

    async def send(self, message: EmailMessage) -> Sent:
        """Send one mail. The reference is the id under which SES reports events."""
        credentials = await self._credentials.now()
        # In a thread: an attachment takes a while to encode and to sign.
        request = await asyncio.to_thread(self._prepare, message, credentials)
        reply = await self._http.request("POST", self._url, headers=dict(request.headers), content=request.data)
        reference = reply.json().get("MessageId")
        if reply.ok and reference:
            return Sent(reference=str(reference))
        raise refused(reply, own_sender=message.sender is not None)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    def _prepare(self, message: EmailMessage, credentials: ReadOnlyCredentials) -> AWSRequest:
        """The signed request."""
        body = orjson.dumps(self._payload(message))
        request = AWSRequest("POST", self._url, {"Content-Type": "application/json"}, body)
        SigV4Auth(credentials, "ses", self._settings.region).add_auth(request)
        return request

    def _payload(self, message: EmailMessage) -> dict[str, Any]:
        mail = build(message, self._sender, self._clock())
        if mail.utf8:
            raise Rejected("SES does not take addresses outside ASCII before the @.", code="SMTPUTF8")
        if len(mail.content) > MAX_BYTES:
            raise Rejected(f"The mail has {len(mail.content)} bytes; SES takes {MAX_BYTES}.", code="SIZE")
        if ID_TAG in message.content.tags:
            raise Rejected(f"The tag {ID_TAG} carries Crier's own id: choose another.", code="tags")
        to, *copies = mail.recipients
        named = {mailbox(one).address for one in message.content.cc}
        tags = {**dict.fromkeys(message.content.tags, "true"), ID_TAG: str(message.delivery_id)}
        # Without FromEmailAddress, which would replace the mail's From, name and all: SES reads the sender there.
        payload: dict[str, Any] = {
            "Destination": {
                "ToAddresses": [to],
                "CcAddresses": [one for one in copies if one in named],
                "BccAddresses": [one for one in copies if one not in named],
            },
            "Content": {"Raw": {"Data": b64encode(mail.content).decode()}},
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
        }
        if self._settings.configuration_set:
            payload["ConfigurationSetName"] = self._settings.configuration_set
        return payload
