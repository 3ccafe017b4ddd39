"""Links by which people unsubscribe with one click (RFC 8058) and say what they want: made for mails, read here.

A link is all that is needed: who follows it has no login, and the record of the mail may be gone by then. So the token
holds everything, encrypted with a key made of CRIER_SECRET_KEY: nobody can read it, alter it or make one.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from cachetools import LRUCache

from shared.crypto import Sealed, Sealer
from shared.errors import CrierError

PATH = "/u/"
PURPOSE = "crier unsubscribe links"
_KEY_ID_LENGTH = 8
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link is about: what a project sends to a target, or to a user.

    Parameters:
        channel, target: empty where it is about a user alone, whichever way they are written to.
        delivery_id: the mail it was in.
        category: what that mail was about, which one click ends; None: promotions.
        user_id: whose choices it shows, if they are known.
        locale: the language of the page, as far as there is one.
    """

    project_id: int
    channel: str
    target: str
    delivery_id: UUID | None
    category: str | None = None
    user_id: str | None = None
    locale: str | None = None


class UnsubscribeLinks:
    """Makes and reads links.

    Parameters:
        public_url: https address of the gateway.
    """

    def __init__(self, public_url: str, sealer: Sealer) -> None:
        self._prefix = public_url.rstrip("/") + PATH
        self._sealer = sealer.for_purpose(PURPOSE)
        # A mail has its link twice, in a header and at its foot, and is asked for it each time.
        self._made: LRUCache[Subscription, str] = LRUCache(maxsize=1000)
        self._lock = Lock()

    @classmethod
    def of(cls, public_url: str | None, sealer: Sealer) -> "UnsubscribeLinks | None":
        """The links of an installation; None without an https address: mail programs would not use them.

        Nor would they use one of this machine alone, which is for trying them out.
        """
        parsed = urlsplit(public_url or "")
        usable = parsed.scheme == "https" or (parsed.scheme == "http" and parsed.hostname in _THIS_MACHINE)
        return cls(public_url, sealer) if public_url and usable else None

    def make(self, subscription: Subscription) -> str:
        """The address that ends a subscription; the same one while this process remembers it."""
        with self._lock:
            known = self._made.get(subscription)
        if known is not None:
            return known
        said: dict[str, Any] = {"p": subscription.project_id, "c": subscription.channel, "t": subscription.target}
        if subscription.delivery_id is not None:
            said["d"] = b64encode(subscription.delivery_id.bytes).decode()
        more = {"k": subscription.category, "u": subscription.user_id, "l": subscription.locale}
        sealed = self._sealer.seal(said | {name: value for name, value in more.items() if value is not None})
        link = self._prefix + sealed.key_id + sealed.ciphertext.decode().rstrip("=")
        with self._lock:
            self._made[subscription] = link
        return link

    def read(self, token: str) -> Subscription | None:
        """What a token stands for; None for one that is not ours."""
        key_id, ciphertext = token[:_KEY_ID_LENGTH], token[_KEY_ID_LENGTH:]
        if len(token) > _LONGEST or not ciphertext.isascii():
            return None
        try:
            opened = self._sealer.open(Sealed(key_id, (ciphertext + "=" * (-len(ciphertext) % 4)).encode()))
        except CrierError:
            return None
        delivery = opened.get("d")
        return Subscription(
            opened["p"], opened["c"], opened["t"], UUID(bytes=b64decode(delivery)) if delivery else None,
            opened.get("k"), opened.get("u"), opened.get("l"),
        )  # fmt: skip


def with_link(
    recipient: Mapping[str, Any], kind: str, subscription: Subscription, links: UnsubscribeLinks | None
) -> Mapping[str, Any]:
    """The recipient of a message, with a way to unsubscribe where it needs one and the caller gave none."""
    if links is None or kind != "promotion" or subscription.channel != "email" or recipient.get("unsubscribe_url"):
        return recipient
    return {**recipient, "unsubscribe_url": links.make(subscription)}


def with_preferences_link(
    recipient: Mapping[str, Any], kind: str, subscription: Subscription, links: UnsubscribeLinks | None
) -> Mapping[str, Any]:
    """The recipient, with a way to say what they want: by mail of the address, else of the user, if there is one."""
    if links is None or kind == "code" or (subscription.channel != "email" and not subscription.user_id):
        return recipient
    if subscription.channel != "email":
        subscription = replace(subscription, channel="", target="")
    return {**recipient, "preferences_url": links.make(subscription)}
