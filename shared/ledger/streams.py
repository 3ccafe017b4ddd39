"""Streams: what shares a queue fairly, a project's single sends or one batch. Those of finished uploads are removed."""

from uuid import UUID

from sqlalchemy import Connection, text

_REOPEN = text("""
    INSERT INTO streams (queue, project_id, batch_id) VALUES (:queue, :project_id, :batch_id)
    ON CONFLICT (queue, project_id, batch_id) DO UPDATE SET queue = excluded.queue RETURNING id
""")
_PAUSE = text("UPDATE streams SET paused_at = coalesce(paused_at, now()) WHERE id = :id")
_RESUME = text("UPDATE streams SET paused_at = NULL WHERE id = :id")
# Those that a worker is about to start are locked: they are his.
_TAKE_BACK = text("""
    WITH held AS MATERIALIZED (
        SELECT id FROM deliveries WHERE lease_until IS NOT NULL AND stream_id = :id AND state = 'claimed'
        ORDER BY id FOR UPDATE SKIP LOCKED)
    UPDATE deliveries d
    SET state = CASE WHEN d.doubt THEN 'unknown' ELSE 'queued' END, due_at = now(), lease_until = NULL
    FROM held WHERE d.id = held.id AND d.state = 'claimed'
""")


def reopen(connection: Connection, queue: str, project_id: int, batch_id: UUID | None) -> int:
    """The id of a stream to which something returns, made when it was forgotten; it stays until the commit."""
    parts = {"queue": queue, "project_id": project_id, "batch_id": batch_id}
    return int(connection.execute(_REOPEN, parts).scalar_one())


def pause_stream(connection: Connection, stream_id: int | None) -> None:
    """Have nothing claimed from a stream until it is resumed."""
    connection.execute(_PAUSE, {"id": stream_id})


def resume_stream(connection: Connection, stream_id: int | None) -> None:
    """Have a stream take part again."""
    connection.execute(_RESUME, {"id": stream_id})


def take_back(connection: Connection, stream_id: int | None) -> int:
    """Have what workers claimed of a stream and have not begun to send wait again; how many.

    Nothing is counted against it. The gate lets none of it pass: it asks for what is claimed.
    """
    return connection.execute(_TAKE_BACK, {"id": stream_id}).rowcount
