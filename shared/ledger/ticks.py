"""Ticks: which run of which periodic job was begun, and what came of it.

A tick is a job and the moment it was due. Its row is taken before the work begins, so two schedulers, a doubled
message and a relay that makes up for a missed tick lead to one run. Until `finished_at` is set, `result` holds how
often the tick was tried, whether somebody is at it, and the last error; afterwards, what the run returned.

A run that outlived its lease may meet its successor: what a periodic job does must bear being done twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from shared.ledger.database import Database

TRIES = 4
"""Runs that may begin for one tick; then it is left for people to look at, and the next tick is the next try."""

# What is newer makes what is older pointless: after an outage the queue may hold a tick for every hour of it.
_CURRENT = "NOT EXISTS (SELECT FROM ticks WHERE job = :job AND tick > :tick)"
_CLAIM = text(f"""
    INSERT INTO ticks AS t (job, tick, result)
    SELECT :job, :tick, '{{"tries": 1, "running": true}}'
    WHERE {_CURRENT} AND :tick < now() + interval '1 minute'
    ON CONFLICT (job, tick) DO UPDATE
    SET started_at = now(), result = jsonb_build_object('tries', (t.result->>'tries')::int + 1, 'running', true)
    WHERE t.finished_at IS NULL AND (t.result->>'tries')::int < :tries
      AND (NOT t.result ? 'running' OR t.started_at < now() - make_interval(secs => :lease))
""")
_ANNOUNCE = text(f"""
    INSERT INTO ticks AS t (job, tick, result)
    SELECT :job, :tick, '{{"tries": 0}}' WHERE {_CURRENT}
    ON CONFLICT (job, tick) DO UPDATE
    SET started_at = now(), result = t.result - 'running'
    WHERE t.finished_at IS NULL AND t.started_at < now() - make_interval(secs => :lease)
""")
_SKIP = text(f"""
    INSERT INTO ticks (job, tick, finished_at, result)
    SELECT :job, :tick, now(), CAST(:result AS jsonb) WHERE {_CURRENT}
    ON CONFLICT DO NOTHING
""")
_FINISH = text("""
    UPDATE ticks SET finished_at = now(), result = CAST(:result AS jsonb)
    WHERE job = :job AND tick = :tick AND finished_at IS NULL
""")
_FAIL = text("""
    UPDATE ticks SET result = result - 'running' || jsonb_build_object('error', CAST(:error AS text))
    WHERE job = :job AND tick = :tick AND finished_at IS NULL
""")
_RELEASE = text("""
    UPDATE ticks SET result = jsonb_build_object('tries', (result->>'tries')::int - 1)
    WHERE job = :job AND tick = :tick AND finished_at IS NULL
""")
_LATEST = text("""
    SELECT t.job, t.tick, t.started_at, t.finished_at, t.result, extract(epoch FROM now() - t.started_at)::float AS age
    FROM unnest(CAST(:jobs AS text[])) AS asked (job)
    CROSS JOIN LATERAL (SELECT * FROM ticks WHERE ticks.job = asked.job ORDER BY tick DESC LIMIT 1) t
""")


@dataclass(frozen=True, slots=True)
class Tick:
    """A recorded tick.

    Parameters:
        started_at: when it was last begun or announced. `age`: seconds since then, by the database's clock.
        finished_at: when its work was done; `None` while that is not so.
        result: what the run returned; unfinished, `tries`, `running` and `error`.
    """

    job: str
    tick: datetime
    started_at: datetime
    finished_at: datetime | None
    result: Mapping[str, Any]
    age: float

    def is_abandoned(self, lease: float) -> bool:
        """Nobody is at it any more, and it may be tried again."""
        return self.finished_at is None and self.age > lease and self.result["tries"] < TRIES


@dataclass(frozen=True)
class Ticks:
    """The ticks of all jobs."""

    database: Database

    def claim(self, job: str, tick: datetime, *, lease: float = 660.0) -> bool:
        """Begin a tick, unless it is done, under way, superseded by a newer one, of the future or out of tries.

        Parameters:
            lease: seconds after which whoever began it and did not finish is dead; above the actor's time limit.
        """
        parameters = {"job": job, "tick": tick, "lease": lease, "tries": TRIES}
        return self.database.execute(_CLAIM, parameters) == 1

    def finish(self, job: str, tick: datetime, result: Mapping[str, Any]) -> None:
        """Record what came of a tick."""
        self.database.execute(_FINISH, {"job": job, "tick": tick, "result": orjson.dumps(result).decode()})

    def fail(self, job: str, tick: datetime, error: str) -> None:
        """Give back a tick whose run failed; it may be tried again at once."""
        self.database.execute(_FAIL, {"job": job, "tick": tick, "error": error})

    def release(self, job: str, tick: datetime) -> None:
        """Give back a tick whose run was asked to stop; that run does not count."""
        self.database.execute(_RELEASE, {"job": job, "tick": tick})

    def announce(self, job: str, tick: datetime, *, lease: float) -> bool:
        """Record that a message was sent for a tick nobody began; true unless it is under way, done or superseded.

        Older ticks can no longer be begun, and for the time of `lease` the tick does not count as abandoned.
        """
        return self.database.execute(_ANNOUNCE, {"job": job, "tick": tick, "lease": lease}) == 1

    def skip(self, job: str, tick: datetime, reason: str) -> bool:
        """Record that a tick is left out; false when it was begun meanwhile, or a newer one was."""
        result = orjson.dumps({"skipped": reason}).decode()
        return self.database.execute(_SKIP, {"job": job, "tick": tick, "result": result}) == 1

    def last(self, job: str) -> Tick | None:
        """The newest tick of a job, whatever became of it."""
        return self.latest([job]).get(job)

    def latest(self, jobs: Iterable[str]) -> dict[str, Tick]:
        """The same of several jobs, by name; those that have none are not in it."""
        rows = self.database.rows(_LATEST, {"jobs": list(jobs)})
        return {row.job: Tick(**row._mapping) for row in rows}

    def now(self) -> datetime:
        """The time, by the clock that decides."""
        moment: datetime = self.database.rows(text("SELECT now()"))[0][0]
        return moment
