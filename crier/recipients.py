"""The client's side of `/v1/recipients`: whom a project writes to, and what they want. `Client().recipients`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack, cast
from urllib.parse import quote

from crier.answers import ImportedRecipients, Preferences, StoredRecipient
from crier.encoding import given
from crier.upload import Form, Progress, Source, uploading

PATH = "/v1/recipients"
Channel = Literal["email", "sms", "whatsapp", "push"]
Window = TypedDict("Window", {"from": str, "until": str})


class Profile(TypedDict, total=False):
    """What is known of a person. `quiet_hours`: their own, `off` for none, None for the project's."""

    name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    quiet_hours: Window | Literal["off"] | None
    metadata: Mapping[str, str] | None


class Choice(TypedDict, total=False):
    """What a user wants of a category by a channel; of all, where one is left out. `wanted` None forgets it."""

    category: str | None
    channel: Channel | None
    wanted: bool | None


class Recipients:
    """A project's recipients.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._call = call
        self._pages = pages

    def put(self, user_id: str, **profile: Unpack[Profile]) -> StoredRecipient:
        """Store a recipient, all of them: what is left out is forgotten. Then `to={"user_id": …}` is enough."""
        return cast(StoredRecipient, self._call("PUT", _path(user_id), json=profile))

    def change(self, user_id: str, **profile: Unpack[Profile]) -> StoredRecipient:
        """Store something anew; None forgets a field."""
        return cast(StoredRecipient, self._call("PATCH", _path(user_id), json=profile))

    def get(self, user_id: str) -> StoredRecipient:
        """A stored recipient."""
        return cast(StoredRecipient, self._call("GET", _path(user_id)))

    def remove(self, user_id: str) -> None:
        """Forget a recipient. What they want stays."""
        self._call("DELETE", _path(user_id))

    def list(self, *, prefix: str | None = None, email: str | None = None) -> Iterator[StoredRecipient]:
        """Recipients by their ids, fetched page by page; those whose id begins so, or with this address."""
        return cast(Iterator[StoredRecipient], self._pages(PATH, given({"prefix": prefix, "email": email})))

    def store_file(
        self, source: Source, *, form: Form | None = None, progress: Progress | None = None
    ) -> ImportedRecipients:
        """Store everybody in a file, CSV or NDJSON, up to 64 MB: each row is as good as `put`. Bad rows are named.

        Parameters:
            source: a path, or a file open for bytes.
            form: how it is written, where its name does not say it (.csv, .ndjson, .jsonl).
            progress: called with the bytes sent, and how many there are.
        """
        with uploading(source, form, {}, progress) as (upload, _):
            return cast(ImportedRecipients, self._call("POST", f"{PATH}/import", upload=upload))

    def preferences(self, user_id: str) -> Preferences:
        """What was said of a user's wishes, and what holds for each category and channel."""
        return cast(Preferences, self._call("GET", _path(user_id, "preferences")))

    def set_preferences(self, user_id: str, choices: Sequence[Choice]) -> Preferences:
        """Say all that a user wants; what was said before is forgotten."""
        return cast(Preferences, self._call("PUT", _path(user_id, "preferences"), json={"choices": list(choices)}))

    def change_preferences(self, user_id: str, choices: Sequence[Choice]) -> Preferences:
        """Say some of what a user wants; the rest stays."""
        return cast(Preferences, self._call("PATCH", _path(user_id, "preferences"), json={"choices": list(choices)}))

    def preferences_link(self, user_id: str) -> str:
        """A signed address where the user says what they want, without a login: for an SMS, or an app."""
        return str(self._call("POST", _path(user_id, "preferences-link"))["url"])


def _path(user_id: str, *rest: str) -> str:
    return "/".join((PATH, quote(user_id, safe=""), *rest))
