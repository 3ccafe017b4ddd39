"""The provider of the in-app channel: our own inbox, in the ledger."""

from collections.abc import Sequence

import structlog

from services.inapp.together import Together
from shared.errors import LedgerUnavailable, Unavailable
from shared.ledger.inbox import MOST_TOGETHER, Inboxes, Put
from shared.messages.content import dump_content
from shared.messages.inapp import InAppMessage
from shared.providers.port import Sent

log = structlog.get_logger(__name__)

SOON = 1.0
"""Seconds after which it is tried again when the ledger was away."""


class Inbox:
    """Puts notifications into inboxes, as many together as there are."""

    name = "inbox"
    concurrency = 250
    idempotent = True
    """A notification is put in under its delivery's id: one that is there already stays as it is."""

    def __init__(self, inboxes: Inboxes) -> None:
        self._inboxes = inboxes
        self._put = Together(self._put_all, MOST_TOGETHER)

    async def send(self, message: InAppMessage) -> Sent:
        """Put one in. That is the final answer: nobody reports later that it arrived.

        Raises:
            Unavailable: the ledger is away, or does not take it; the worker's log says why. Should it be there all the
                same, it is not put in twice.
        """
        content = dump_content("inapp", message.content)
        try:
            error = await self._put(Put(message.delivery_id, message.project_id, message.to, content))
        except LedgerUnavailable as away:
            raise Unavailable(str(away), code="ledger", retry_after=SOON, blames="nobody") from None
        if error is not None:
            reason = "It could not be put into the inbox: the worker's log says why."
            raise Unavailable(reason, code="inbox", blames="nobody") from error
        return Sent(reference=str(message.delivery_id), detail="In the inbox.", delivered=True)

    async def close(self) -> None:
        """Nothing to close."""

    def _put_all(self, many: Sequence[Put]) -> list[Exception | None]:
        """Put them in; of each what went wrong. One that cannot be put in keeps no other out."""
        try:
            self._inboxes.put(many)
        except LedgerUnavailable:
            raise
        except Exception as error:
            if len(many) > 1:
                return [found for one in many for found in self._put_all([one])]
            log.exception("a notification could not be put into an inbox", delivery=str(many[0].id))
            return [error]
        return [None] * len(many)
