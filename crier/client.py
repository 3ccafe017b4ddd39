"""A client for the gateway's HTTP API: docs/client.md.

client = Client()
receipt = client.send(template="welcome", channel="email", to={"email": "ada@example.com"}, data={"name": "Ada"})
client.wait(receipt)["state"]
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Self, Unpack, cast
from urllib.parse import quote
from uuid import uuid4

from crier.access import Access
from crier.answers import (
    Batch,
    BulkReceipt,
    Device,
    Job,
    Json,
    Kept,
    KeptSummary,
    Notification,
    Preview,
    Receipt,
    RowError,
    Summary,
    Template,
    TemplateSummary,
)
from crier.campaigns import Audiences, Campaigns
from crier.caps import Caps
from crier.chats import Chats
from crier.choices import Categories, QuietHours
from crier.encoding import as_query, given
from crier.errors import WaitTimeout
from crier.events import Events
from crier.inbox import Inbox
from crier.recipients import Recipients
from crier.request import Channel, Digest, Envelope, Filters, Identity, Platform, Recipient, Until
from crier.schedules import Schedules
from crier.suppressions import Suppressions
from crier.transport import Transport
from crier.upload import Form, Progress, Source, uploading
from crier.waiting import looks
from crier.webhooks import Webhooks
from shared.ledger.states import FINAL, State


class Client:
    """Talks to one gateway. Threads may share one, and so may processes that are forked.

    Parameters:
        url: its address; CRIER_URL, or the one `crier up` noted, when None.
        api_key: CRIER_API_KEY, or the one `crier up` noted, when None.
        timeout: seconds to wait for each part of an answer.
        retries: repetitions after a failed connection, a connection that broke, no answer in time, or an answer of 429,
            502, 503 or 504: what is sent is repeated under one Idempotency-Key, so nothing is sent twice. Between them
            `Retry-After` is heeded, up to 30 s; else it is 0, 0.5, 1, 2, … s. What has no key (`cancel`, `retry`,
            `preview`) is repeated only while no connection could be made.

    Raises:
        NoAccess: no gateway or key is known.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(
        self, url: str | None = None, api_key: str | None = None, *, timeout: float = 30.0, retries: int = 3
    ) -> None:
        self.access = Access.find(url, api_key)
        self._http = Transport(self.access, timeout=timeout, retries=retries)
        self.webhooks = Webhooks(self._http.call)
        self.chats = Chats(self._http.call)
        self.suppressions = Suppressions(self._http.call, self._pages)
        self.caps = Caps(self._http.call)
        self.schedules = Schedules(self._http.call, self._pages)
        self.events = Events(self._http.call, self._pages)
        self.recipients = Recipients(self._http.call, self._pages)
        self.categories = Categories(self._http.call)
        self.quiet_hours = QuietHours(self._http.call)
        self.audiences = Audiences(self._http.call, self._pages)
        self.campaigns = Campaigns(self._http.call, self._pages)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        self._http.close()

    def send(
        self, *, to: Recipient, channel: Channel | Sequence[Channel], fallback_after: str | Sequence[str] | None = None,
        until: Until | None = None, ordering_key: str | None = None, digest: Digest | str | None = None,
        idempotency_key: str | None = None, **fields: Unpack[Envelope],
    ) -> Receipt:  # fmt: skip
        """Send one notification; returns once it is durable.

        Parameters:
            to: whom: `user_id` of a stored recipient, or `email`, `phone`; for push `user_id`, `tokens` or `topic`, for
                in-app `user_id`, for a webhook `endpoint`, for chat `chat`; `name`, `locale`, `timezone`.
            channel: one; or several, which make a chain: each is tried when the one before failed, or was not enough.
            fallback_after: of a chain, how long each step is given (`10m`), or a list with one for each but the last.
            until: of a chain, how far a message must have come: `sent`, `delivered` (when None), `opened`, `clicked`.
            ordering_key: what has the same one is sent one at a time, in the order accepted.
            digest: collect it with others for so long (`30m`) and send one message of them all; `data` is one element
                then. See `crier.request.Digest` for the rest.
            idempotency_key: repeated under the same one, a request is answered as the first was.
            fields: `template` and `data`, or `content`, `kind` and `category`; `lane`, `send_at`, `expires_at`,
                `on_unknown`, `metadata`. See `crier.request.Envelope`.

        Raises:
            TypeError: JSON cannot say what is in `data`.
        """
        order = {"ordering_key": ordering_key} if ordering_key else {}
        chain = given({"fallback_after": fallback_after, "until": until})
        collected = {"digest": {"window": digest} if isinstance(digest, str) else digest} if digest else {}
        asked = {"to": to, "channel": channel, **chain, **order, **collected, **given(fields)}
        key = idempotency_key or str(uuid4())
        return cast(Receipt, self._http.call("POST", "/v1/notifications", json=asked, idempotency_key=key))

    def bulk(
        self, source: Source, *, channel: Channel, form: Form | None = None, idempotency_key: str | None = None,
        progress: Progress | None = None, **fields: Unpack[Envelope],
    ) -> BulkReceipt:  # fmt: skip
        """Send to everybody in a file or an iterator; returns once all rows are read, and the good ones durable.

        What broke off is sent again whole under the same key: rows that were accepted before add nothing. An iterator
        is therefore run through first, into a temporary file; when it raises, nothing has been sent. Up to 1 GB.

        Parameters:
            source: a path or a file open for bytes, CSV or NDJSON; or rows: `{"to": {…}}` with `data` and `metadata` of
                their own.
            form: how a file is written, where its name does not say it (.csv, .ndjson, .jsonl).
            progress: called with the bytes sent, and how many there are. They begin anew when it is repeated.
            fields: as for `send`; what every row shares.

        Raises:
            ValueError: it is not known how the file is written.
            TypeError: JSON cannot say what is in a row, whose number is named.
        """
        key = idempotency_key or str(uuid4())
        with uploading(source, form, {"channel": channel, **fields}, progress) as (upload, query):
            answer = self._http.call("POST", "/v1/notifications/bulk", query=query, upload=upload, idempotency_key=key)
        return cast(BulkReceipt, answer)

    def get(self, notification_id: str) -> Notification:
        """A notification with its deliveries and its timeline."""
        return cast(Notification, self._http.call("GET", _path("notifications", notification_id)))

    def wait(
        self, notification: str | Receipt, *, timeout: float = 60.0, until: Literal["sent", "delivered"] = "sent",
        watch: Callable[[Notification], None] | None = None,
    ) -> Notification:  # fmt: skip
        """Look at a notification every now and then until it has ended: sent, or never to be.

        Parameters:
            notification: its id, or the receipt of `send`.
            timeout: seconds.
            until: `delivered` waits for the provider's report too, where it sends one. A chain is waited for until it
                has ended: it has an `until` of its own.
            watch: called with what was seen, at each look.

        Raises:
            WaitTimeout: it has not ended by then; `last` is how it was.
        """
        identifier = notification if isinstance(notification, str) else notification["id"]
        enough = FINAL if until == "sent" else FINAL - {State.SENT}
        for found in looks(lambda: self.get(identifier), timeout):
            if watch:
                watch(found)
            if _has_ended(found, enough):
                return found
        raise WaitTimeout(f"Notification {identifier} is still {found['state']} after {timeout:g} s.", found)

    def list(self, **filters: Unpack[Filters]) -> Iterator[Summary]:
        """Notifications, newest first, fetched page by page.

        Parameters:
            filters: `state`, `channel`, `template`, `batch_id`, `recipient`, `accepted_after`, `accepted_before`.
        """
        return cast(Iterator[Summary], self._pages("/v1/notifications", as_query(filters)))

    def cancel(self, notification_id: str) -> int:
        """Stop what has not been started; how many deliveries, and of a chain steps that had not begun."""
        return int(self._http.call("POST", _path("notifications", notification_id, "cancel"))["cancelled"])

    def retry(self, notification_id: str) -> None:
        """Send again what failed, bounced, or is held as unknown."""
        self._http.call("POST", _path("notifications", notification_id, "retry"))

    def batch(self, batch_id: str) -> Batch:
        """How far a batch is."""
        return cast(Batch, self._http.call("GET", _path("batches", batch_id)))

    def batch_errors(self, batch_id: str) -> Iterator[RowError]:
        """Every refused row of a batch, in order."""
        return cast(Iterator[RowError], self._pages(_path("batches", batch_id, "errors"), {}))

    def wait_batch(
        self, batch: str | BulkReceipt, *, timeout: float = 600.0, progress: Progress | None = None
    ) -> Batch:
        """Look at a batch every now and then until all of it has ended, but for what is scheduled for later.

        Parameters:
            batch: its id, or the receipt of `bulk`.
            timeout: seconds.
            progress: called with how many deliveries have ended, and how many there are.

        Raises:
            WaitTimeout: not all of it has ended by then; `last` is how it was.
        """
        identifier = batch if isinstance(batch, str) else batch["batch_id"]
        for found in looks(lambda: self.batch(identifier), timeout):
            states = found["states"]
            done, total = sum(states.get(state, 0) for state in FINAL), sum(states.values())
            if progress:
                progress(done, total)
            if done + states.get(State.SCHEDULED, 0) == total:
                return found
        raise WaitTimeout(f"Of batch {identifier} {done} of {total} have ended after {timeout:g} s.", found)

    def register_device(
        self, user_id: str, token: str, platform: Platform, *, replaces: str | None = None
    ) -> tuple[Device, ...]:
        """Register a device (`android`, `ios` or `web`); the user's devices.

        Parameters:
            replaces: the token it had before, when the vendor gave it a new one. What waits for that one follows.
        """
        device = {"token": token, "platform": platform, **({"replaces": replaces} if replaces else {})}
        return tuple(self._http.call("PUT", _path("recipients", user_id, "devices"), json=device)["items"])

    def devices(self, user_id: str) -> tuple[Device, ...]:
        """A user's devices, oldest first. One the vendor says is dead is no more among them."""
        return tuple(self._http.call("GET", _path("recipients", user_id, "devices"))["items"])

    def remove_device(self, user_id: str, token: str) -> tuple[Device, ...]:
        """Forget a device; those that are left."""
        path = _path("recipients", user_id, "devices")
        return tuple(self._http.call("DELETE", path, query={"token": token})["items"])

    def inbox(self, user_id: str) -> Inbox:
        """A person's in-app notifications."""
        return Inbox(user_id, self._http.call, self._pages)

    def identity(self) -> Identity:
        """Who the project's messages come from, as far as the project says it; the rest is the installation's."""
        return cast(Identity, self._http.call("GET", "/v1/identity"))

    def set_identity(self, identity: Identity) -> Identity:
        """Say who the project's messages come from: all of it; what is left out is the installation's again.

        Needs a key with the scope `admin`.
        """
        return cast(Identity, self._http.call("PUT", "/v1/identity", json=identity))

    def templates(self) -> tuple[TemplateSummary, ...]:
        """The latest version of every template."""
        return tuple(self._http.call("GET", "/v1/templates")["items"])

    def template(self, name: str) -> Template:
        """A template with its variables, sample and files."""
        return cast(Template, self._http.call("GET", _path("templates", name)))

    def put_template(self, name: str, files: Mapping[str, str]) -> Template:
        """Add a version of a template, unless these are the files of the latest."""
        return cast(Template, self._http.call("PUT", _path("templates", name), json={"files": dict(files)}))

    def preview(
        self, name: str, *, data: Json | None = None, recipient: Json | None = None, locale: str | None = None
    ) -> Preview:
        """What a template makes of data (its own sample when None), by channel, for a recipient of `locale`."""
        asked = {"data": data, "recipient": recipient, **({"locale": locale} if locale else {})}
        return cast(Preview, self._http.call("POST", _path("templates", name, "preview"), json=asked))

    def outbox(self, channel: Channel | None = None) -> Iterator[KeptSummary]:
        """What channels without a provider kept instead of sending it, newest first, fetched page by page."""
        return cast(Iterator[KeptSummary], self._pages("/v1/outbox", {"channel": channel} if channel else {}))

    def kept(self, delivery_id: str) -> Kept:
        """A kept message, as a provider would have been given it."""
        return cast(Kept, self._http.call("GET", _path("outbox", delivery_id)))

    def calendar(self) -> tuple[Job, ...]:
        """Crier's own periodic jobs, in the order of their next runs, with what came of each."""
        return tuple(self._http.call("GET", "/v1/calendar")["items"])

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self._http.call(
                "GET", path, query={**query, "limit": "100", **({"cursor": cursor} if cursor else {})}
            )
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def _has_ended(found: Notification, enough: Collection[str]) -> bool:
    if chain := found.get("chain"):  # an older gateway does not know of them
        return chain["state"] != "active"
    return found["state"] in enough and not _is_looked_into(found)


def _is_looked_into(found: Notification) -> bool:
    """Nobody knows whether it was sent, and Crier is still finding out, or sending it again."""
    return any(one["state"] == State.UNKNOWN and one["next_at"] for one in found["deliveries"])


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)
