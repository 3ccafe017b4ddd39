"""The client's side of `/v1/inbox`: a person's in-app notifications. `Client().inbox("u_1")`."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal, cast
from urllib.parse import quote, urlsplit

import requests

from crier.answers import InboxEvent, InboxItem, InboxToken
from crier.encoding import given
from shared.errors import CrierError

State = Literal["inbox", "unread", "archived"]

CONNECTING, SILENCE = 3.05, 60.0
"""Seconds: what a stream is waited for, and for how long it may say nothing; it says something every 15."""

LONGEST_PAUSE = 30.0


class Inbox:
    """A person's inbox.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, user_id: str, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self.user_id = user_id
        self._call = call
        self._pages = pages

    def list(self, *, state: State | None = None) -> Iterator[InboxItem]:
        """What is not archived, or of it what is unread, or what is archived; newest first, fetched page by page."""
        return cast(Iterator[InboxItem], self._pages(self._path(), given({"state": state})))

    def count(self) -> int:
        """How many are unread."""
        return int(self._call("GET", self._path("count"))["unread"])

    def read(self, notification_id: str) -> InboxItem:
        """Mark one as read."""
        return self._mark(notification_id, "read")

    def unread(self, notification_id: str) -> InboxItem:
        """Mark one as unread."""
        return self._mark(notification_id, "unread")

    def archive(self, notification_id: str) -> InboxItem:
        """Archive one: it is no longer counted, and shown only among the archived."""
        return self._mark(notification_id, "archive")

    def unarchive(self, notification_id: str) -> InboxItem:
        """Take one out of the archive."""
        return self._mark(notification_id, "unarchive")

    def read_all(self, *, up_to: str | None = None) -> int:
        """Mark everything as read that is not archived; how many that were.

        Parameters:
            up_to: the id of an event: what came after it stays unread.
        """
        return int(self._call("POST", self._path("read-all"), json=given({"up_to": up_to}))["marked"])

    def token(self, *, expires_in: int | None = None) -> InboxToken:
        """A token for the page of this person, whom you have logged in. It cannot be taken back.

        Parameters:
            expires_in: seconds, 3600 when None.
        """
        return cast(InboxToken, self._call("POST", self._path("token"), json=given({"expires_in": expires_in})))

    def watch(self, *, after: str | None = None) -> Iterator[InboxEvent]:
        """What happens in the inbox, as it happens, for ever: it connects again where it was cut off.

        Parameters:
            after: the id of the last event that was seen: nothing after it is missed. None: from now on.

        Raises:
            CrierError: the gateway does not know where inboxes are served (CRIER_INAPP_URL).
        """
        failures, token = 0, self._token()
        while True:
            try:
                for event in self._stream(token, after):
                    failures = 0
                    if event["event"] == "expired":
                        token = self._token()
                        break
                    after = event["id"] or after
                    yield event
            except requests.RequestException as error:
                failures += 1
                if error.response is not None and error.response.status_code == HTTPStatus.UNAUTHORIZED:
                    token = self._token()
            time.sleep(min(LONGEST_PAUSE, 0.25 * 2**failures) * random.uniform(0.5, 1.0))

    def _token(self) -> InboxToken:
        token = self.token()
        if token["url"] is None:
            raise CrierError("CRIER_INAPP_URL is not set where the gateway runs: it does not know where streams are.")
        return token

    def _stream(self, token: InboxToken, after: str | None) -> Iterator[InboxEvent]:
        url = f"{token['url']}/v1/inbox/{quote(self.user_id, safe='')}/stream"
        headers = {"Authorization": f"Bearer {token['token']}", "Accept": "text/event-stream"}
        with requests.Session() as session:
            # A proxy of the environment's does not know this machine's own addresses.
            session.trust_env = urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")
            session.auth = _as_it_is
            answer = session.get(
                url, headers={**headers, **({"Last-Event-ID": after} if after else {})},
                stream=True, timeout=(CONNECTING, SILENCE), allow_redirects=False,
            )  # fmt: skip
            with answer:
                answer.raise_for_status()
                yield from _events(answer)

    def _mark(self, notification_id: str, mark: str) -> InboxItem:
        return cast(InboxItem, self._call("POST", self._path(notification_id, mark))["item"])

    def _path(self, *rest: str) -> str:
        return "/".join(("/v1/inbox", *(quote(part, safe="") for part in (self.user_id, *rest))))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In place of an authorisation, which requests would otherwise take from a ~/.netrc."""
    return request


def _events(answer: requests.Response) -> Iterator[InboxEvent]:
    fields: dict[str, str] = {}
    # What has come is given on at once, however little it is.
    for line in answer.iter_lines(chunk_size=None):
        name, _, value = line.decode().partition(": ")
        if line and name:
            fields[name] = value
        elif not line and "event" in fields:
            data: Mapping[str, Any] = json.loads(fields.get("data", "{}"))
            yield {"id": fields.get("id"), "event": fields["event"], "data": data}
            fields = {}
        elif not line:
            fields = {}
