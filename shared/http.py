"""HTTP for adapters: one pooled session, bounded replies, and one place that says what a failure means.

An adapter holds an `HttpClient`, asks it for a `Reply`, and turns a refusal into an error with its own table of codes
or, where that has nothing to say, with `refusal`:

    reply = await self._http.request("POST", url, json=payload)
    if not reply.ok:
        raise OUTCOMES.get(code, ...)

The deadline of a call is the delivery loop's (`asyncio.timeout`), which takes it for ambiguous. Connecting has a
deadline of its own here, because as long as it lasts nothing has been sent.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson

from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.providers.port import CONNECT_TIMEOUT

MAX_REPLY_BYTES = 64 * 1024
DEFAULT_RETRY_AFTER = 60.0
MAX_RETRY_AFTER = 86_400.0

PROVIDER_FAULTS = frozenset({401, 402, 403})
NOT_PROCESSED = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, the headers (names are case-insensitive) and the first 64 KB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is anything else, cut off included."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """Seconds the `Retry-After` header asks for, as a number or as a date (RFC 9110 section 10.2.3).

        A date is measured against the server's own `Date`, where it sent one: our clock may differ from its.
        """
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value), MAX_RETRY_AFTER)
        until = _timestamp(value)
        return None if until is None else self.seconds_until(until)

    def seconds_until(self, moment: float) -> float:
        """Seconds to a moment of the server's (since 1970), between 0 and a day."""
        now = _timestamp(self.headers.get("Date", ""))
        return min(max(moment - (time.time() if now is None else now), 0.0), MAX_RETRY_AFTER)


class HttpClient:
    """A pooled session, made on the running loop when it is first used.

    Parameters:
        connections: how many may be open at once; at least the adapter's `concurrency`.
        connect_timeout: seconds that resolving, connecting and the TLS handshake may take together.
        connector: makes, on the loop, what connects, where not every address may be connected to.
    """

    def __init__(
        self, *, connections: int = 100, connect_timeout: float = CONNECT_TIMEOUT,
        connector: Callable[..., aiohttp.BaseConnector] = aiohttp.TCPConnector,
    ) -> None:  # fmt: skip
        self._connections = connections
        self._connector = connector
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        parts: Iterable[tuple[str, str | bytes]] = (),
        content: bytes | None = None,
    ) -> Reply:
        """Make one request. Redirects are not followed and nothing is tried twice.

        Parameters:
            json: a body to send as JSON.
            form: a body to send as a form; a list is sent as a repeated field.
            parts: a body to send as `multipart/form-data`: names and values; bytes are sent as a file of that name.
            content: a body to send as it is; `headers` say what it is.

        Raises:
            Unavailable: no connection was made, so nothing was sent.
            Ambiguous: the connection was lost after the request may have left.
        """
        # From a file it is sent in chunks; large bytes would hold the loop up.
        body: bytes | BytesIO | aiohttp.FormData | None = None if content is None else BytesIO(content)
        sent = dict(headers or {})
        if json is not None:
            body, sent["Content-Type"] = orjson.dumps(json), "application/json"
        elif form is not None:
            body, sent["Content-Type"] = urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        elif parts:
            body = _multipart(parts)
        host = urlsplit(url).netloc
        # `from None`: aiohttp's errors carry the request, and with it the credentials, into tracebacks and alerts.
        try:
            return await self._exchange(method, url, headers=sent, params=params, data=body)
        except aiohttp.ConnectionTimeoutError:
            raise Unavailable(f"no connection to {host} within {self._connect_timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"cannot connect to {host}: {_why(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Ambiguous(f"the connection to {host} was lost during the call: {_why(error)}") from None

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, method: str, url: str, **request: Any) -> Reply:
        async with self._opened().request(method, url, allow_redirects=False, **request) as response:
            return Reply(response.status, response.headers, await _beginning(response))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(limit=self._connections),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                # An answer is small; asking for it plain keeps a compressed bomb from being unpacked in memory.
                headers={"Accept-Encoding": "identity", "User-Agent": "Crier"},
                auto_decompress=False,
                middlewares=(_once,),
            )
        return self._session


def refusal(reply: Reply, reason: str, *, code: str | None = None, repeatable: bool = False) -> SendError:
    """What a reply means by its status alone, for adapters whose own table says nothing of it.

    Parameters:
        reason: the provider's words, for the timeline.
        code: the provider's own code.
        repeatable: the vendor documents its 5xx as not processed, or the call carried an idempotency key.
    """
    status = reply.status
    code = code or str(status)
    if status == 429:
        wait = reply.retry_after
        return Unavailable(reason, code=code, retry_after=DEFAULT_RETRY_AFTER if wait is None else wait)
    if status in PROVIDER_FAULTS:
        return Unavailable(reason, code=code, provider_fault=True)
    if status in NOT_PROCESSED or (status >= 500 and repeatable):
        return Unavailable(reason, code=code, retry_after=reply.retry_after)
    if status >= 500 or status < 300:
        # A success that cannot be read for what it is says as little as a server error.
        return Ambiguous(reason, code=code)
    return Rejected(reason, code=code)


def _multipart(parts: Iterable[tuple[str, str | bytes]]) -> aiohttp.FormData:
    body = aiohttp.FormData(quote_fields=False)
    for name, value in parts:
        if isinstance(value, bytes):
            # In chunks, as above.
            body.add_field(name, BytesIO(value), filename=name, content_type="application/octet-stream")
        else:
            body.add_field(name, value)
    return body


class _Lost(aiohttp.ClientError):
    """A lost connection, in a form that aiohttp does not take for one."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET whose connection was lost: to some vendors a GET is a message."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(_why(error)) from None


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The first 64 KB of a body, or as much as arrived: the status has been answered, whatever becomes of the rest."""
    body = bytearray()
    try:
        while len(body) < MAX_REPLY_BYTES and (part := await response.content.read(MAX_REPLY_BYTES - len(body))):
            body += part
    except (aiohttp.ClientError, OSError):
        pass
    if not response.content.at_eof():
        response.close()
    return bytes(body)


def _why(error: BaseException) -> str:
    """The cause in the system's words, without the URL and the headers that aiohttp's own text may repeat."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) if isinstance(cause, _Lost) else type(cause).__name__


def _timestamp(value: str) -> float | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
