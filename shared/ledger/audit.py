"""The audit log: who did what to a project's deliveries and tasks. Written with the change itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

from shared.ledger.database import Database

_RECORD = text("""
    INSERT INTO audit_log (project_id, who, what, subject, detail)
    VALUES (:project_id, :who, :what, :subject, CAST(:detail AS jsonb))
""")
_NEWEST = text("""
    SELECT id, at, who, what, subject, detail FROM audit_log
    WHERE project_id = :project_id AND (CAST(:before AS bigint) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry of the log.

    Parameters:
        who: a key or a person.
        what: e.g. `dead-letters.replayed`.
        subject: the id of the one thing it was done to; None when there were several, or none.
        detail: what else is worth knowing, as JSON values; nothing personal.
    """

    id: int
    at: datetime
    who: str
    what: str
    subject: str | None
    detail: Mapping[str, Any] | None


def record(
    connection: Connection,
    project_id: int | None,
    who: str,
    what: str,
    *,
    subject: object = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write that `who` did `what`, in the transaction in which it is done.

    Parameters:
        project_id: None for what belongs to no project.
        subject: what it was done to, when that is one thing with an id.
    """
    connection.execute(
        _RECORD,
        {
            "project_id": project_id,
            "who": who,
            "what": what,
            "subject": None if subject is None else str(subject),
            "detail": None if detail is None else orjson.dumps(detail, default=str).decode(),
        },
    )


def deeds(database: Database, project_id: int, *, before: int | None = None, limit: int = 50) -> Sequence[Deed]:
    """What was done in a project, newest first; with `before`, what came before that entry."""
    rows = database.rows(_NEWEST, {"project_id": project_id, "before": before, "limit": limit})
    return [Deed(**row._mapping) for row in rows]
