"""A provider that reports: a real source, whose events say in JSON what they mean, signed with a word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.errors import InvalidInput, NotFound
from shared.receipts.port import Event, Forged, Incoming, Kind, Receipt
from shared.settings import setting

SIGNATURE = "X-Postman-Signature"


@dataclass(frozen=True)
class PostmanSettings:
    """What it signs with."""

    word: str = setting("POSTMAN_WORD", "The word.", secret=True)


class Postman:
    """Reports about everything. An event: `{"id": …, "kind": …}` and the other fields of a receipt."""

    name = "postman"
    channels: Sequence[str] = ("sms", "whatsapp", "email", "push")

    def __init__(self, settings: PostmanSettings) -> None:
        self._word = settings.word

    def events(self, incoming: Incoming) -> Sequence[Event]:
        """A list of events, under a signature that is the word and the address."""
        if incoming.headers.get(SIGNATURE.lower()) != f"{self._word} {incoming.url}":
            raise Forged(f"not signed for {incoming.url}")
        try:
            return [Event(one["id"], one) for one in orjson.loads(incoming.body)]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise InvalidInput({"body": ["must be a list of events."]}) from None

    def read(self, body: Mapping[str, Any]) -> Receipt | None:
        """What it says. A `riddle` is what nobody has thought of."""
        if body["kind"] == "weather":
            return None
        if body["kind"] == "riddle":
            raise NotFound("Nobody has thought of this.")
        at, identifier = body.get("at"), body.get("delivery_id")
        return Receipt(
            Kind(body["kind"]),
            occurred_at=datetime.fromisoformat(at) if at else None,
            delivery_id=UUID(identifier) if identifier else None,
            **{
                name: body[name]
                for name in ("reference", "target", "channel", "code", "detail", "suppress", "retry_after")
                if name in body
            },
        )
