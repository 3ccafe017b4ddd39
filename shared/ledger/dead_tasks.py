"""Tasks that were given up: their dead letters written, and their runs made possible again.

A task is known by the message that asked for it; a run of a periodic job by the job and its tick, however many messages
asked for it. What is kept of a message is what the broker carried: ids and moments, nobody's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import Connection, text

from shared.ledger.database import Database
from shared.ledger.ticks import TRIES

_SHOWN = 2_000
_NAMESPACE = UUID("6a1f3f3e-4c2b-5c1d-9a57-0c5b1f6f2d11")
_BURY = text("""
    INSERT INTO dead_letters (id, kind, queue, name, why, detail, message)
    VALUES (:id, 'task', :queue, :name, :why, :detail, CAST(:message AS jsonb))
    ON CONFLICT (id) DO NOTHING
""")
# `dead` in its result keeps a run from a second letter, when somebody has purged the first.
_BURY_RUN = text("""
    WITH spent AS (
        UPDATE ticks SET result = result || '{"dead": true}'
        WHERE job = :job AND tick = :tick AND finished_at IS NULL AND NOT result ? 'dead'
          AND (result->>'tries')::int >= :tries
          AND (NOT result ? 'running' OR started_at < now() - make_interval(secs => CAST(:lease AS float)))
        RETURNING result)
    INSERT INTO dead_letters (id, kind, queue, name, why, detail, message)
    SELECT :id, 'task', :queue, :name, CASE WHEN result ? 'running' THEN 'poison' ELSE 'exhausted' END,
           CASE WHEN result ? 'running' THEN 'Every worker that ran it died.' ELSE result->>'error' END,
           CAST(:message AS jsonb)
    FROM spent
    ON CONFLICT (id) DO NOTHING
    RETURNING id
""")
_SPENT = text("""
    SELECT tick FROM ticks
    WHERE job = :job AND finished_at IS NULL AND NOT result ? 'dead' AND (result->>'tries')::int >= :tries
""")
_IS_LEFT = """
    t.job = :job AND t.tick = :tick AND t.finished_at IS NULL
    AND NOT EXISTS (SELECT FROM ticks newer WHERE newer.job = t.job AND newer.tick > t.tick)
"""
_LEFT = text(f"SELECT FROM ticks t WHERE {_IS_LEFT}")
_REVIVE = text(f"""
    UPDATE ticks t SET result = '{{"tries": 0}}', started_at = now()
    WHERE {_IS_LEFT} AND (t.result->>'tries')::int >= :tries
""")

NOT_OURS = "It is no message of Crier: there is nothing to run."
SUPERSEDED = "It has been done since, or a later run of its job has begun: there is nothing left to do."


@dataclass(frozen=True, slots=True)
class DeadTask:
    """A message that was given up.

    Parameters:
        id: the message's.
        name: its actor. why: one of `shared.ledger.dead_letters.Why`.
        message: the broker's, as JSON values.
        run: the job and the tick it stands for, where it does.
    """

    id: str
    queue: str
    name: str
    why: str
    detail: str | None
    message: Mapping[str, Any]
    run: tuple[str, datetime] | None = None


@dataclass(frozen=True)
class Graves:
    """Writes the dead letters of tasks."""

    database: Database

    def bury(self, task: DeadTask, *, lease: float | None = None) -> bool:
        """Write a letter; False when there is none to write.

        A run of a periodic job has none while it may still be tried, and one however often it is given up.

        Parameters:
            lease: seconds after which whoever began a run is dead; None: whoever is at it still lives.
        """
        parameters: dict[str, Any] = {
            "id": letter_id(task),
            "queue": task.queue,
            "name": _storable(task.name),
            "why": task.why,
            "detail": task.detail and _storable(task.detail),
            "message": _storable_json(task.message),
        }
        if task.run is None:
            return self.database.execute(_BURY, parameters) == 1
        job, tick = task.run
        parameters |= {"job": job, "tick": tick, "tries": TRIES, "lease": lease}
        return bool(self.database.rows(_BURY_RUN, parameters))

    def spent(self, job: str) -> list[datetime]:
        """The ticks of a job that are out of tries, not done, and have no letter."""
        return [row.tick for row in self.database.rows(_SPENT, {"job": job, "tries": TRIES})]


def letter_id(task: DeadTask) -> UUID:
    """The id of a task's letter."""
    if task.run is not None:
        return uuid5(_NAMESPACE, f"{task.run[0]} {task.run[1].timestamp()}")
    try:
        return UUID(task.id)
    except ValueError:
        return uuid5(_NAMESPACE, task.id)


def run_of(message: Mapping[str, Any] | None) -> tuple[str, datetime] | None:
    """The job and the tick that a message stands for; None when it is no tick."""
    match message:
        case {"kwargs": {"tick": {"job": str(job), "tick": str(tick)}}}:
            try:
                moment = datetime.fromisoformat(tick)
            except ValueError:
                return None
            return (job, moment) if moment.utcoffset() is not None else None
    return None


def refusal_of(connection: Connection, letter: Any) -> str | None:
    """Why a task that has a letter is not run again; None when it is."""
    if letter.message is None or "actor_name" not in letter.message:
        return NOT_OURS
    run = run_of(letter.message)
    if run is None:
        return None
    is_left = connection.execute(_LEFT, {"job": run[0], "tick": run[1]}).first() is not None
    return None if is_left else SUPERSEDED


def revive(connection: Connection, letter: Any) -> None:
    """Let the run of a letter begin again, should it be one of a periodic job."""
    run = run_of(letter.message)
    if run is not None:
        connection.execute(_REVIVE, {"job": run[0], "tick": run[1], "tries": TRIES})


def _storable(said: str) -> str:
    """Text without what PostgreSQL cannot keep: it may have come from anybody."""
    return said.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _storable_json(message: Mapping[str, Any]) -> str:
    try:
        encoded = orjson.dumps(message, default=str)
    except TypeError:  # what JSON, but not jsonb, can say
        encoded = orjson.dumps({"text": ascii(message)[:_SHOWN]})
    return encoded.decode().replace("\\u0000", "\\ufffd")
