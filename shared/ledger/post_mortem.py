"""One dead letter with everything that is known of it, and what replaying it would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.errors import NotFound
from shared.ledger.actions import EXPIRED, WIPED
from shared.ledger.database import Database
from shared.ledger.dead_letters import COLUMNS, FROM, Kind, Letter, letter_of, no_letter
from shared.ledger.dead_tasks import refusal_of

_ONE = text(f"""
    SELECT {COLUMNS}, l.message, d.state, d.secret, d.ordering_key, n.accepted_at, n.recipient,
           d.expires_at <= now() AS expired,
           EXISTS (SELECT FROM sealed s WHERE s.notification_id = d.notification_id) AS sealed
    {FROM} LEFT JOIN notifications n ON n.id = d.notification_id
    WHERE l.id = :id AND (l.project_id = :project_id OR (l.kind = 'task' AND :tasks))
""")
_ATTEMPTS = text("""
    SELECT provider, started_at, finished_at, outcome, code, detail, reference
    FROM attempts WHERE delivery_id = :id ORDER BY finished_at
""")

GONE = "Its record has been removed: there is nothing left to send."


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a provider, and its answer."""

    provider: str
    started_at: datetime | None
    finished_at: datetime
    outcome: str
    code: str | None
    detail: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class FullLetter(Letter):
    """A letter with all there is to know.

    Parameters:
        accepted_at, recipient: of its notification.
        attempts: every call for the delivery, oldest first.
        message: of a task, what the broker carried.
        replay: what replaying it would do; when it is not `replayable`, why not.
    """

    accepted_at: datetime | None
    recipient: Mapping[str, Any] | None
    attempts: Sequence[Attempt]
    message: Mapping[str, Any] | None
    replayable: bool
    replay: str


@dataclass(frozen=True)
class PostMortem:
    """Says why something died."""

    database: Database

    def of(self, project_id: int, letter_id: UUID, *, tasks: bool = False) -> FullLetter:
        """A letter of a project; with `tasks`, of a task too.

        Raises:
            NotFound: there is no such letter.
        """
        with self.database.transaction() as connection:
            row = connection.execute(_ONE, {"project_id": project_id, "id": letter_id, "tasks": tasks}).first()
            if row is None:
                raise NotFound(no_letter(letter_id))
            refusal = refusal_of(connection, row) if row.kind == Kind.TASK else refusal_of_delivery(row)
            attempts = attempts_of(connection, letter_id)
        return FullLetter(
            **letter_of(row),
            accepted_at=row.accepted_at,
            recipient=row.recipient,
            attempts=attempts,
            message=row.message,
            replayable=refusal is None,
            replay=refusal or _promise(row),
        )


def refusal_of_delivery(row: Any) -> str | None:
    """Why a delivery that has a letter is not sent again; None when it is."""
    if row.state is None:
        return GONE
    if row.state != "failed":
        return f"It is not dead any more: it is {row.state}."
    if row.expired:
        return EXPIRED
    return WIPED if row.secret and not row.sealed else None


def _promise(row: Any) -> str:
    if row.kind == Kind.TASK:
        return f"It is given to {row.name} once more, as a new message in {row.queue}."
    order = " It goes to the end of its ordering key." if row.ordering_key else ""
    return f"It is sent again from {row.queue}, with all its attempts before it.{order}"


def attempts_of(connection: Connection, delivery_id: UUID) -> list[Attempt]:
    """Every call for a delivery, oldest first."""
    return [Attempt(**row._mapping) for row in connection.execute(_ATTEMPTS, {"id": delivery_id})]
