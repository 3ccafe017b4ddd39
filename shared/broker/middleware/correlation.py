"""Carries one id from the request that caused a message into every log line of the actor that handles it."""

from typing import Any
from uuid import uuid4

import structlog
from dramatiq import Broker, Message, Middleware
from dramatiq.broker import MessageProxy


class Correlation(Middleware):
    """Stamps messages with the context's `correlation_id` and binds it while they are processed."""

    def before_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        if "correlation_id" not in message.options:
            bound = structlog.contextvars.get_contextvars().get("correlation_id")
            message.options["correlation_id"] = bound or uuid4().hex

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        structlog.contextvars.bind_contextvars(
            correlation_id=message.options.get("correlation_id") or uuid4().hex, actor=message.actor_name
        )

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        structlog.contextvars.unbind_contextvars("correlation_id", "actor")

    after_skip_message = after_process_message
