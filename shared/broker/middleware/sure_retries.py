"""Retries that are not lost when the broker is away at the moment of retrying."""

from typing import Any

from dramatiq import Broker
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Retries


class SureRetries(Retries):
    """Dramatiq's `Retries`, except that a message that could not be enqueued again is failed and not acknowledged.

    Errors in hooks are swallowed, so upstream the message would be acknowledged and gone (dramatiq #545). Failed, it
    stays with the broker as a dead letter, from where it can be replayed.
    """

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        try:
            super().after_process_message(broker, message, result=result, exception=exception)
        except Exception:
            message.fail()
            raise
