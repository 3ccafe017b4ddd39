"""What lies in a queue and is no message of ours.

Dramatiq's consumers and workers take what they fetch on trust: bytes that are no JSON end a Redis consumer, with what
it had fetched beside them; a message that names another queue, or has an option `throws`, ends a worker's thread. So
every message is looked at as it is fetched, and what is not sound is exchanged for one that no actor answers, which is
dead-lettered like any other.
"""

from typing import Any

from dramatiq import Message
from dramatiq.common import q_name
from dramatiq.errors import DecodeError

NOBODY = "nobody"
"""The actor of what is no message of ours. There is none of this name."""

_TYPES: dict[str, Any] = {
    "actor_name": str,
    "kwargs": dict,
    "options": dict,
    "message_id": str,
    "message_timestamp": (int, float),
}
_OPTION_TYPES: dict[str, Any] = {"eta": (int, float), "retries": int, "redis_message_id": str, "throws": ()}


def read(data: bytes, queue_name: str) -> Message[Any] | str:
    """The message, or in a sentence what is wrong with it.

    Parameters:
        queue_name: the queue it lay in, or that queue's `.DQ`.
    """
    try:
        message: Message[Any] = Message.decode(data)
    except DecodeError:
        return "It is no JSON object with the fields of a message."
    for name, kind in _TYPES.items():
        if not isinstance(getattr(message, name), kind):
            return f"Its {name} is a {type(getattr(message, name)).__name__}."
    if message.queue_name != queue_name:
        return "It names another queue than the one it lay in."
    if ("eta" in message.options) != (queue_name != q_name(queue_name)):
        # Where nothing is to wait, one that waits would hold its place in the worker for ever.
        return "It has a time and lay where nothing waits, or the other way round."
    for name, kind in _OPTION_TYPES.items():
        if name in message.options and not isinstance(message.options[name], kind):
            return f"Its option {name} is not ours."
    return message


def stand_in(queue_name: str, **options: Any) -> bytes:
    """A message of nobody's, in the place of what is no message. What that said stays with the broker."""
    return Message(queue_name=q_name(queue_name), actor_name=NOBODY, args=(), kwargs={}, options=options).encode()
