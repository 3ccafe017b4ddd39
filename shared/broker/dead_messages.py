"""Messages that were given up, as the ledger keeps them, and as they are sent again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.common import q_name

from shared.broker.foreign import NOBODY, read
from shared.ledger.dead_letters import Why
from shared.ledger.dead_tasks import DeadTask, run_of

_SHOWN = 2_000
_NAMESPACE = UUID("0f8d0a43-6c0e-5d0b-8a11-5a4e3c1b7d52")
_NEITHER = "No running service knows this actor; or it failed while the ledger was away."


def is_bell(message: Message[Any] | MessageProxy) -> bool:
    """Whether a message only wakes a lane: nothing is lost with it."""
    return set(message.kwargs) == {"bell"}


def dead_task(message: Message[Any] | MessageProxy, why: Why, detail: str | None) -> DeadTask:
    """A message that was given up. Of its options only the correlation stays: the others belong to its past."""
    correlation = message.options.get("correlation_id")
    queue = q_name(message.queue_name)
    kept = {
        "queue_name": queue,
        "actor_name": message.actor_name,
        "args": list(message.args),
        "kwargs": dict(message.kwargs),
        "options": {"correlation_id": correlation} if correlation else {},
        "message_id": message.message_id,
        "message_timestamp": message.message_timestamp,
    }
    return DeadTask(message.message_id, queue, message.actor_name, why, detail, kept, run_of(kept))


def dug_up(data: bytes, queue_name: str) -> DeadTask | None:
    """What lay among a queue's dead letters in the broker; None for a bell."""
    message = read(data, queue_name)
    if isinstance(message, str):
        shown = {"text": data.decode(errors="replace").replace("\0", "")[:_SHOWN]}
        return DeadTask(str(uuid5(_NAMESPACE, data.hex())), queue_name, NOBODY, Why.UNREADABLE, message, shown)
    if is_bell(message):
        return None
    if message.options.get("retries"):
        said = str(message.options.get("traceback") or "").strip().splitlines()
        return dead_task(message, Why.EXHAUSTED, said[-1] if said else None)
    return dead_task(message, Why.UNKNOWN_ACTOR, _NEITHER)


def again(kept: Mapping[str, Any]) -> Message[Any]:
    """A kept message as a new one."""
    return Message(
        queue_name=kept["queue_name"],
        actor_name=kept["actor_name"],
        args=tuple(kept["args"]),
        kwargs=dict(kept["kwargs"]),
        options=dict(kept["options"]),
    )
