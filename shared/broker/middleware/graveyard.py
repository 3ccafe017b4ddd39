"""Keeps in the ledger what was given up, where people find it and can replay it."""

from collections.abc import Callable
from typing import Any

import structlog
from dramatiq import Broker, Middleware
from dramatiq.broker import MessageProxy

from shared.broker.dead_messages import dead_task, is_bell
from shared.errors import LedgerUnavailable
from shared.ledger.dead_letters import Why
from shared.ledger.dead_tasks import DeadTask

log = structlog.get_logger(__name__)

Bury = Callable[[DeadTask], bool]
"""Writes the letter of a task; false when there is none to write: it is tried again in another way."""


class Graveyard(Middleware):
    """Writes a dead letter for a task that has failed for good, and lets the broker forget it.

    While the ledger is away the broker keeps the message among its own dead letters, and the relay fetches it from
    there; so it does with what never gets as far as this: messages nobody knows, and what is no message. A bell has no
    letter: the next one says the same.

    Parameters:
        bury: writes the letter; None leaves everything to the relay.
    """

    def __init__(self, bury: Bury | None = None) -> None:
        self._bury = bury

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if not message.failed:
            return
        if is_bell(message):
            message.failed = False
        elif self._bury is not None:
            try:
                buried = self._bury(dead_task(message, Why.EXHAUSTED, _in_a_line(exception)))
            except LedgerUnavailable as error:
                log.warning("a dead task stays with the broker: the ledger is away", reason=str(error))
            else:
                message.failed = False
                if buried:
                    log.error("a task was given up: `crier dead list --tasks`", actor=message.actor_name)


def _in_a_line(error: BaseException | None) -> str | None:
    """Its kind and first line: what SQLAlchemy adds on further lines are statements and their parameters."""
    return None if error is None else ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
