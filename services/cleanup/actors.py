"""Cleanup's policies as the calendar's periodic tasks, declared onto a broker they are given."""

from collections.abc import Callable, Mapping
from typing import Any

from services.cleanup.declared.runner import Runner
from services.cleanup.ledger import yielding_database
from services.cleanup.pace import Pace
from services.cleanup.policies import (
    appointments,
    contacts,
    dead_letters,
    idempotency_keys,
    inboxes,
    notifications,
    outbox,
    partitions,
    receipts,
    schedules,
    secrets,
    sms_usage,
    ticks,
)
from services.cleanup.settings import CleanupSettings
from shared.calendar import job_named
from shared.ledger.ticks import Ticks
from shared.periodic.job import Job
from shared.periodic.task import PeriodicTask
from shared.runtime import Runtime
from shared.settings import load_one

Policy = Callable[[Pace], Mapping[str, Any]]

_SHARE = 0.9  # of the time limit, for policies of the users: the rest is for the one that is under way


def declare(runtime: Runtime) -> None:
    """Declare the actor of every job of cleanup."""
    settings = load_one(CleanupSettings, runtime.environ)
    ledger = yielding_database(
        runtime.settings.database_url,
        lock_timeout=settings.lock_timeout,
        deadline=job_named("retention").time_limit,
    )
    runtime.lifecycle.at_stop.append(ledger.close)
    policies: dict[str, Policy] = {
        "partitions": lambda _: partitions.add(ledger),
        "retention": _unless_kept(settings.retention_days, lambda pace, days: notifications.remove(ledger, pace, days)),
        "outbox": _unless_kept(settings.outbox_days, lambda pace, days: outbox.empty(ledger, pace, days)),
        "inbox": _unless_kept(settings.inbox_days, lambda pace, days: inboxes.empty(ledger, pace, days)),
        "ticks": _unless_kept(settings.ticks_days, lambda pace, days: ticks.forget(ledger, pace, days)),
        "idempotency": lambda pace: idempotency_keys.forget(ledger, pace, settings.idempotency_keep),
        "secrets": lambda pace: secrets.wipe_orphaned(ledger, pace),
        "sms_usage": lambda pace: sms_usage.forget(ledger, pace),
        "contacts": lambda pace: contacts.forget(ledger, pace),
        "letters": lambda pace: dead_letters.forget(
            ledger, pace, settings.dead_letters_age, settings.dead_letters_count
        ),
        "receipts": _unless_kept(settings.receipts_days, lambda pace, days: receipts.forget(ledger, pace, days)),
        "events": _unless_kept(settings.events_days, lambda pace, days: appointments.forget(ledger, pace, days)),
        "schedules": _unless_kept(settings.schedules_days, lambda pace, days: schedules.forget(ledger, pace, days)),
        "policies": lambda pace: Runner(runtime.database, settings, runtime.environ).run_due(pace.limit * _SHARE),
    }
    for name, policy in policies.items():
        job = job_named(name)
        PeriodicTask(job, _paced(policy, settings, job), Ticks(runtime.database)).declare(runtime.broker)


def _paced(policy: Policy, settings: CleanupSettings, job: Job) -> Callable[[], Mapping[str, Any]]:
    return lambda: policy(Pace(settings.batch, settings.pause, job.time_limit))


def _unless_kept(days: int, policy: Callable[[Pace, int], Mapping[str, Any]]) -> Policy:
    return lambda pace: {"kept": "for ever"} if days == -1 else policy(pace, days)
