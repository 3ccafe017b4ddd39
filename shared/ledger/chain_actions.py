"""What people do to chains."""

from uuid import UUID

from sqlalchemy import Connection, text

from shared.errors import Conflict, NotFound
from shared.ledger.chain_stop import stop

_LOCK = text("SELECT state FROM chains WHERE id = :id AND project_id = :project_id FOR UPDATE")
_EXISTS = text("SELECT FROM chains WHERE id = :id AND project_id = :project_id")
_LEFT = text("SELECT count(*) FROM chain_steps WHERE chain_id = :id AND draft IS NOT NULL")
_CANCEL = text("""
    WITH never AS (UPDATE chain_steps SET draft = NULL WHERE chain_id = :id AND draft IS NOT NULL)
    UPDATE chains
    SET state = 'cancelled', next_at = NULL, ended_at = now(), key_id = NULL, ciphertext = NULL WHERE id = :id
""")
_RECORD = text("INSERT INTO actions (notification_id, what, who) VALUES (:id, 'cancelled', :who)")

CANCELLED = "Its chain was cancelled."


def cancel(connection: Connection, project_id: int, chain_id: UUID, who: str) -> int:
    """Stop a chain: what of it waits to be sent, and every step that has not begun. How many deliveries and steps.

    In a transaction of the caller's.

    Raises:
        NotFound: the project has no such chain, nor a notification of this id.
        Conflict: it has ended, or all of it was sent.
    """
    found = connection.execute(_LOCK, {"id": chain_id, "project_id": project_id}).first()
    if found is None:
        raise missing(chain_id)
    if found.state != "active":
        raise Conflict(f"It is too late to cancel: the chain has ended, and is {found.state}.")
    left: int = connection.execute(_LEFT, {"id": chain_id}).scalar_one()
    # First of all, so that what is passed over below is stopped by the gate.
    connection.execute(_CANCEL, {"id": chain_id})
    stopped = left + stop(connection, {chain_id: CANCELLED})
    if not stopped:
        raise Conflict("It is too late to cancel: its last step has been sent, or is being sent.")
    connection.execute(_RECORD, {"id": chain_id, "who": who})
    return stopped


def refuse_retry(connection: Connection, project_id: int, chain_id: UUID) -> None:
    """Say why a chain cannot be sent again. Raises Conflict; NotFound when there is none."""
    if connection.execute(_EXISTS, {"id": chain_id, "project_id": project_id}).first() is None:
        raise missing(chain_id)
    raise Conflict(
        "A chain is not sent again as a whole. Retry one of its messages, whose ids it shows, or send it anew."
    )


def missing(identifier: UUID) -> NotFound:
    """There is neither a notification nor a chain of this id."""
    return NotFound(f"There is no notification {identifier} in this project.")
