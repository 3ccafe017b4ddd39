"""What an in-app notification goes through before it is put into an inbox: no secret may stay there."""

from dataclasses import replace

from shared.errors import Rejected
from shared.ledger.work import Claimed
from shared.messages.inapp import InAppContent, InAppMessage


def compose(item: Claimed, content: InAppContent) -> InAppMessage:
    """The message that is put in.

    Raises:
        Rejected: it has a secret, or is a one-time code. The gateway accepts none; this is for one it did not ask.
    """
    if item.sealed is not None or item.kind == "code":
        raise Rejected("One-time codes and secrets are not kept in an inbox.", code="secret")
    return InAppMessage(
        delivery_id=item.id,
        project_id=item.project_id,
        to=item.target,
        content=replace(content, category=content.category or item.category),
    )
