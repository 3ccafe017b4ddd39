"""Streams: what shares a queue fairly, a project's single sends or one batch. Those of finished uploads are removed."""

from uuid import UUID

from sqlalchemy import Connection, text

_REOPEN = text("""
    INSERT INTO streams (queue, project_id, batch_id) VALUES (:queue, :project_id, :batch_id)
    ON CONFLICT (queue, project_id, batch_id) DO UPDATE SET queue = excluded.queue RETURNING id
""")


def reopen(connection: Connection, queue: str, project_id: int, batch_id: UUID | None) -> int:
    """The id of a stream to which something returns, made when it was forgotten; it stays until the commit."""
    parts = {"queue": queue, "project_id": project_id, "batch_id": batch_id}
    return int(connection.execute(_REOPEN, parts).scalar_one())
