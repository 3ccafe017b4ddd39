"""The outbox: a provider that keeps what would have been sent, for people to look at.

Every channel's provider until a real one is configured. Kept messages are encrypted, since a rendered message can hold
a one-time code.
"""

import asyncio
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import text

from shared.crypto import Sealer
from shared.ledger.database import Database
from shared.messages.content import dump_content
from shared.providers.port import Sent

_KEEP = text("""
    INSERT INTO outbox (delivery_id, channel, target, key_id, ciphertext)
    VALUES (:delivery_id, :channel, :target, :key_id, :ciphertext)
    ON CONFLICT (delivery_id) DO UPDATE SET ciphertext = excluded.ciphertext, kept_at = now()
""")


class Outbox:
    """Keeps messages in the ledger instead of sending them."""

    name = "outbox"
    concurrency = 100

    def __init__(self, channel: str, database: Database, sealer: Sealer) -> None:
        self._channel = channel
        self._database = database
        self._sealer = sealer

    async def send(self, message: Any) -> Sent:
        """Keep `message` (an EmailMessage, SmsMessage or PushMessage). Final at once: nobody will report later."""
        shown = {each.name for each in fields(message) if each.metadata.get("kept", True)}
        kept = {name: value for name, value in asdict(message).items() if name in shown}
        kept["content"] = dump_content(self._channel, message.content)
        delivery_id = kept.pop("delivery_id")
        sealed = self._sealer.seal(kept)
        row = {
            "delivery_id": delivery_id,
            "channel": self._channel,
            "target": kept.get("to") or kept.get("token"),
            "key_id": sealed.key_id,
            "ciphertext": sealed.ciphertext,
        }
        await asyncio.to_thread(self._database.execute, _KEEP, row)
        return Sent(reference=str(delivery_id), detail="Kept in the outbox; nothing left this machine.", delivered=True)

    async def close(self) -> None:
        """Nothing to close."""
