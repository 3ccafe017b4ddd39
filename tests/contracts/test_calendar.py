"""The calendar and the services agree on who does what."""

from collections import Counter
from importlib import import_module

import pytest

from shared.calendar import CALENDAR
from shared.periodic.task import PeriodicTask
from shared.runtime import Runtime, process_runtime

ENVIRONMENT = {"CRIER_DATABASE_URL": "postgresql://unused/unused", "CRIER_BROKER_URL": "redis://unused/0"}


@pytest.mark.parametrize("queue", sorted({job.queue for job in CALENDAR}))
def test_every_job_has_its_actor_and_every_periodic_actor_its_job(queue):
    # Importing the service builds its process, of which nothing connects.
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        process_runtime()
    runtime = Runtime(ENVIRONMENT)
    import_module(f"services.{queue}.actors").declare(runtime)
    periodic = {
        (actor.actor_name, actor.queue_name, actor.options["time_limit"])
        for actor in runtime.broker.actors.values()
        if isinstance(getattr(actor.fn, "__self__", None), PeriodicTask)
    }
    assert periodic == {(job.actor, job.queue, job.time_limit * 1000) for job in CALENDAR if job.queue == queue}


@pytest.mark.parametrize("field", ["name", "actor"])
def test_names_are_used_once(field):
    assert Counter(getattr(job, field) for job in CALENDAR).most_common(1)[0][1] == 1
