"""What a caller is answered once a request is committed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.ledger.batches import RowError

SHOWN_ERRORS = 100
"""Refused rows an answer lists; the batch has them all."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One notification was accepted.

    Parameters:
        state: `queued`, `scheduled` when `send_at` is ahead, `suppressed` when the recipient must not be written to.
        replayed: it was accepted by an earlier call under the same idempotency key.
        collected: of a digest, how many it has collected, this one included.
    """

    id: UUID
    state: str
    channel: str
    lane: str
    replayed: bool = False
    collected: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The answer's body, as it is kept for later calls under the same key."""
        answer: dict[str, Any] = {
            "id": str(self.id), "state": self.state, "channel": self.channel, "lane": self.lane
        }  # fmt: skip
        return answer if self.collected is None else {**answer, "collected": self.collected}

    @classmethod
    def again(cls, answer: Mapping[str, Any]) -> "Receipt":
        """The receipt of an earlier call, from its answer."""
        return cls(
            UUID(answer["id"]), answer["state"], answer["channel"], answer["lane"], replayed=True,
            collected=answer.get("collected"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class BulkReceipt:
    """Many notifications were accepted.

    Parameters:
        accepted: rows of this request that are in the ledger now.
        refused: rows that are not, for the reasons in `errors` (the first `SHOWN_ERRORS`).
        complete: everything was read. An upload that broke off is not; sending it again completes it.
        added: those of `accepted` that this call brought; an upload that is completed had brought others before.
    """

    batch_id: UUID
    channel: str
    lane: str
    accepted: int
    refused: int
    errors: tuple[RowError, ...] = ()
    complete: bool = True
    replayed: bool = False
    added: int = 0

    def to_json(self) -> dict[str, Any]:
        """The answer's body, as it is kept for later calls under the same key."""
        return {
            "batch_id": str(self.batch_id),
            "channel": self.channel,
            "lane": self.lane,
            "accepted": self.accepted,
            "refused": self.refused,
            "complete": self.complete,
            "errors": [error.to_json() for error in self.errors],
        }

    @classmethod
    def again(cls, answer: Mapping[str, Any]) -> "BulkReceipt":
        """The receipt of an earlier call, from its answer."""
        return cls(
            batch_id=UUID(answer["batch_id"]),
            channel=answer["channel"],
            lane=answer["lane"],
            accepted=answer["accepted"],
            refused=answer["refused"],
            errors=tuple(RowError(**error) for error in answer["errors"]),
            complete=answer["complete"],
            replayed=True,
        )
