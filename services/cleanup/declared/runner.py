"""Runs the declared policies: each when its own schedule says so, and never twice at once."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import structlog
from dramatiq.middleware import Shutdown
from redis.exceptions import RedisError
from sqlalchemy import text

from services.cleanup.declared.cleaner import Cleaner, Tell, pace_of
from services.cleanup.declared.file import read
from services.cleanup.declared.files import Files
from services.cleanup.declared.keys import Keys
from services.cleanup.declared.policy import (
    Declared,
    FilesPolicy,
    KeysPolicy,
    Policy,
    TablePolicy,
    UpkeepPolicy,
)
from services.cleanup.declared.tables import Tables
from services.cleanup.declared.upkeep import Upkeep
from services.cleanup.settings import CleanupSettings
from shared.errors import CrierError, LedgerUnavailable
from shared.ledger.database import Database
from shared.ledger.ticks import Ticks
from shared.periodic.times import latest_tick

log = structlog.get_logger(__name__)
EXPECTED = (CrierError, psycopg.Error, RedisError, OSError)
"""What may be wrong with one policy, its database or its folder; the others run all the same."""

_ENOUGH = 60.0
# Held by the session: it ends with a worker that dies.
_LOCK = text("SELECT pg_try_advisory_lock(hashtext('crier.cleanup'), hashtext(:name))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtext('crier.cleanup'), hashtext(:name))")


class Busy(CrierError):
    """Somebody else is running the policy."""


@dataclass(frozen=True)
class Runner:
    """Runs policies, and remembers it in the ledger.

    Parameters:
        ledger: remembers runs as ticks of a job `policy:<name>`.
        environ: has the URLs of the databases the file names.
    """

    ledger: Database
    settings: CleanupSettings
    environ: Mapping[str, str]

    def run_due(self, limit: float) -> Mapping[str, Any]:
        """Run every policy whose time has come since its last run, for `limit` seconds at most; what came of each.

        A policy that is seen for the first time waits for its next time. One whose time was up goes on when this is
        called again; one that failed is tried again, four times in all.

        Raises:
            InvalidInput: the file is wrong.
        """
        if self.settings.policies is None:
            return {"policies": "none declared"}
        declared = read(self.settings.policies, self.environ)
        until, results = time.monotonic() + limit, {}
        due = [(path, policy, *when) for path, policy in declared.each() if (when := self._due(policy))]
        # Who has waited longest goes first, and nobody takes the time of those who come after.
        due.sort(key=lambda one: one[3])
        for number, (path, policy, tick, _) in enumerate(due):
            left = until - time.monotonic()
            if left < _ENOUGH:
                break
            share = max(left / (len(due) - number), _ENOUGH)
            results[policy.name] = self._once(declared, path, policy, tick, share)
        return {"policies": results}

    def run(self, declared: Declared, path: str, policy: Policy, limit: float, tell: Tell) -> Mapping[str, Any]:
        """Run a policy now, whatever its schedule says.

        Raises:
            Busy: somebody else is running it.
        """
        with self._alone(policy.name) as is_alone:
            if not is_alone:
                raise Busy(f"{policy.name} is being run by somebody else right now.")
            cleaner = cleaner_of(declared, path, policy, self.settings)
            return cleaner.run(pace_of(policy, self.settings, limit), tell)

    def _due(self, policy: Policy) -> tuple[datetime, datetime] | None:
        """For when it is due and when it ran last, if it is due."""
        ticks, job = Ticks(self.ledger), _job(policy)
        tick = latest_tick(policy.schedule, ticks.now())
        last = ticks.last(job)
        if last is None:
            ticks.skip(job, tick, "It was due before this policy was first seen.")
            return None
        return (tick, last.started_at) if last.tick < tick or last.finished_at is None else None

    def _once(self, declared: Declared, path: str, policy: Policy, tick: datetime, limit: float) -> Mapping[str, Any]:
        ticks, job = Ticks(self.ledger), _job(policy)
        with self._alone(policy.name) as is_alone:
            # Whoever began it and does not hold the lock is dead: no lease needs to pass.
            if not is_alone or not ticks.claim(job, tick, lease=0.0):
                return {"passed_over": "done, under way, or out of tries"}
            try:
                cleaner = cleaner_of(declared, path, policy, self.settings)
                result = cleaner.run(pace_of(policy, self.settings, limit), lambda _: None)
            except Shutdown:
                ticks.release(job, tick)
                raise
            except EXPECTED as error:
                reason = f"{type(error).__name__}: {first_line(error)}"
                ticks.fail(job, tick, reason)
                log.error("a policy failed", policy=policy.name, reason=reason)
                return {"failed": reason}
            except Exception as error:  # its message may hold anything, and the ledger keeps it
                reason = type(error).__name__
                ticks.fail(job, tick, reason)
                log.exception("a policy failed", policy=policy.name)
                return {"failed": reason}
            except BaseException as error:
                ticks.fail(job, tick, type(error).__name__)
                raise
            if result["complete"]:
                ticks.finish(job, tick, result)
            else:
                ticks.release(job, tick)
            log.info("a policy was run", policy=policy.name, result=result)
            return result

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        with self.ledger.statement() as connection:
            if not connection.execute(_LOCK, {"name": name}).scalar_one():
                yield False
                return
            try:
                yield True
            finally:
                # With the connection the lock is gone too.
                with suppress(LedgerUnavailable):
                    connection.execute(_UNLOCK, {"name": name})


def cleaner_of(declared: Declared, path: str, policy: Policy, settings: CleanupSettings) -> Cleaner:
    """A policy with what it works on."""
    match policy:
        case TablePolicy():
            return Tables(policy, declared.databases[policy.database], path, settings.lock_timeout)
        case UpkeepPolicy():
            return Upkeep(policy, declared.databases[policy.database], path, settings.lock_timeout)
        case KeysPolicy():
            return Keys(policy, declared.redis[policy.redis], path)
        case FilesPolicy():
            return Files(policy, path)
    raise TypeError(f"{type(policy).__name__} is no kind of policy.")


def first_line(error: Exception) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _job(policy: Policy) -> str:
    return f"policy:{policy.name}"
