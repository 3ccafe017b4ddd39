"""The SMS channel as the product has it, but for its providers and its limits: `dramatiq bench.ours.service`.

The limits against toll fraud are off, as with `CRIER_SMS_NUMBER_LIMIT=none` and `CRIER_SMS_BLOCK_LIMIT=none`: what is
measured here is what they are against. They cost a batch two statements more.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bench import texts
from bench.tally import Tally
from shared.delivery.service import declare_channel
from shared.errors import Ambiguous, Rejected
from shared.http import HttpClient
from shared.ledger.work import Claimed
from shared.messages.content import Content
from shared.messages.countries import country_of, is_premium_rate
from shared.messages.segments import measure
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.port import Sent
from shared.providers.route import Vendor
from shared.runtime import Runtime, host
from shared.settings import setting

MAX_SEGMENTS = 3


@dataclass(frozen=True)
class NullSettings:
    """Where calls are written down."""

    tally: Path = setting("BENCH_TALLY", "The file that calls are written down in.")


class Null:
    """A provider in this process that answers at once."""

    name = "null"
    concurrency = 1000

    def __init__(self, settings: NullSettings) -> None:
        self._tally = Tally(settings.tally)

    async def send(self, message: SmsMessage) -> Sent:
        """Write the call down."""
        self._tally.add(message.to)
        return Sent(reference=str(message.delivery_id))

    async def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class RemoteSettings:
    """Where the stand-in is."""

    url: str = setting("BENCH_PROVIDER_URL", "The stand-in's address, or addresses: see `texts.provider_of`.")


class Remote:
    """A provider behind HTTP (see `bench.provider`)."""

    name = "remote"
    concurrency = 1000

    def __init__(self, settings: RemoteSettings) -> None:
        self._url = texts.provider_of(settings.url)
        self._http = HttpClient(connections=1000)

    async def send(self, message: SmsMessage) -> Sent:
        """Send one message."""
        reply = await self._http.request(
            "POST", self._url(message.to), json={"to": message.to, "body": message.content.body}
        )
        if not reply.ok:
            raise Ambiguous(f"HTTP {reply.status}")
        return Sent(reference=reply.json()["id"])

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()


VENDORS = {"null": Vendor(NullSettings, Null), "remote": Vendor(RemoteSettings, Remote)}


def message(item: Claimed, content: Content) -> SmsMessage:
    """What `services.sms` makes of a delivery (whose modules cannot be imported without hosting that service)."""
    text = cast(SmsContent, content)
    if country_of(item.target) is None or is_premium_rate(item.target):
        raise Rejected("No SMS goes there.", code="country")
    if (segments := measure(text.body).segments) > MAX_SEGMENTS:
        raise Rejected(f"The text takes {segments} SMS.", code="too-long")
    return SmsMessage(item.id, item.target, text, validity=item.expires_in)


def declare(runtime: Runtime) -> None:
    """Declare the lanes. The provider is the one whose setting is there."""
    declare_channel(runtime, "sms", message, VENDORS, route=())


broker = host(declare)
