"""Amazon SES, API v2: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html.

The mail goes as we build it (`Raw`), so that headers and inline images are as with every other provider. Of its headers
SES writes `Message-ID` and `Date` anew (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html). The tag
`crier_id`, and the header `X-Crier-Id`, carry our id into every event.

boto3 finds the credentials and signs. It does not call: its connections wait for each read and not for the call, and
read answers to their end, so a server that drips would keep a thread for ever.
"""

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from boto3.session import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from services.email.mime import build, mailbox
from services.email.providers.sender import sender_setting
from services.email.providers.ses_codes import refused
from shared.errors import Rejected
from shared.http import HttpClient
from shared.messages.email import EmailMessage
from shared.providers.outcomes import FAULT
from shared.providers.port import Sent
from shared.settings import setting, url_of

MAX_BYTES = 40 * 1024 * 1024
"""What a mail may have, encoded (https://docs.aws.amazon.com/ses/latest/dg/quotas.html)."""
ID_TAG = "crier_id"

# At DEBUG it writes down what it signs, the session token included.
logging.getLogger("botocore.auth").setLevel(logging.INFO)


def _region(value: str) -> str | None:
    found = re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+", value)
    return None if found else f"must be a region such as eu-west-1, not {value!r}."


@dataclass(frozen=True)
class SesSettings:
    """The account, and who mails come from. That `SES_FROM` is set says that SES is to be used."""

    sender: str = sender_setting("SES_FROM")
    region: str | None = setting("AWS_REGION", "Region whose SES sends, e.g. eu-west-1.", default=None, check=_region)
    access_key_id: str | None = setting(
        "AWS_ACCESS_KEY_ID", "Access key; unset: what boto3 finds, such as the role of the machine.", default=None
    )
    secret_access_key: str | None = setting(
        "AWS_SECRET_ACCESS_KEY", "The secret that goes with the access key.", default=None, secret=True
    )
    session_token: str | None = setting(
        "AWS_SESSION_TOKEN", "Token that goes with a temporary access key.", default=None, secret=True
    )
    configuration_set: str | None = setting(
        "SES_CONFIGURATION_SET", "Configuration set that says where events go.", default=None
    )
    endpoint_url: str | None = setting(
        "SES_ENDPOINT_URL", "Where the API is, or a stand-in for it; unset: the region's.",
        default=None, check=url_of("https", "http"),
    )  # fmt: skip

    def problems(self) -> list[str]:
        """What does not go together."""
        found = []
        if not self.region:
            found.append("AWS_REGION is not set. SES has accounts and verified senders in each region, e.g. eu-west-1.")
        if bool(self.access_key_id) != bool(self.secret_access_key):
            found.append("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: set both or neither.")
        if self.session_token and not self.access_key_id:
            found.append("AWS_SESSION_TOKEN has no effect without AWS_ACCESS_KEY_ID: set both or neither.")
        return found


class Ses:
    """Sends mail through one account in one region."""

    name = "ses"
    concurrency = 50

    def __init__(self, settings: SesSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._clock = clock
        self._sender = mailbox(settings.sender)
        self._http = HttpClient(connections=self.concurrency)
        base_url = settings.endpoint_url or f"https://email.{settings.region}.amazonaws.com"
        self._url = f"{base_url.rstrip('/')}/v2/email/outbound-emails"
        self._session = Session(settings.access_key_id, settings.secret_access_key, settings.session_token)

    async def send(self, message: EmailMessage) -> Sent:
        """Send one mail. The reference is the id under which SES reports events."""
        # In a thread: an attachment takes a while to encode and to sign, and credentials may have to be fetched.
        request = await asyncio.to_thread(self._prepare, message)
        reply = await self._http.request("POST", self._url, headers=dict(request.headers), content=request.data)
        reference = reply.json().get("MessageId")
        if reply.ok and reference:
            return Sent(reference=str(reference))
        raise refused(reply)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    def _prepare(self, message: EmailMessage) -> AWSRequest:
        """The request, signed with credentials that are good for now."""
        body = orjson.dumps(self._payload(message))
        request = AWSRequest("POST", self._url, {"Content-Type": "application/json"}, body)
        try:
            credentials = self._session.get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise FAULT(f"there are no AWS credentials to be had: {error}") from None
        if not frozen:
            raise FAULT("There are no AWS credentials: set AWS_ACCESS_KEY_ID, or give this machine a role.")
        SigV4Auth(frozen, "ses", self._settings.region).add_auth(request)
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
