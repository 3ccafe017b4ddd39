"""Putting tasks into the peers' queues, and reading what waits there."""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dramatiq
import orjson
from celery import Celery
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from rq import Queue

from bench.peer.celery_tasks import QUEUE, TASK
from bench.peer.ways import System

Job = tuple[str, str, Mapping[str, Any]]
"""Id, target, the template's variables: the task's arguments."""


def _celery(broker_url: str, jobs: Iterable[Job]) -> None:
    with Celery(broker=broker_url) as sender:
        for job in jobs:
            sender.send_task(TASK, job, queue=QUEUE, ignore_result=True)


def _rq(broker_url: str, jobs: Iterable[Job]) -> None:
    with Redis.from_url(broker_url) as client:
        queue = Queue(connection=client)
        queue.enqueue_many(
            Queue.prepare_data("bench.peer.job.deliver", args=list(job), result_ttl=0, timeout=120) for job in jobs
        )


def _dramatiq(broker_url: str, jobs: Iterable[Job]) -> None:
    broker: dramatiq.Broker = RedisBroker(url=broker_url)  # type: ignore[no-untyped-call]
    for job in jobs:
        broker.enqueue(dramatiq.Message(queue_name="default", actor_name="deliver", args=job, kwargs={}, options={}))
    broker.close()


ENQUEUE: Mapping[System, Callable[[str, Iterable[Job]], None]] = {"celery": _celery, "rq": _rq, "dramatiq": _dramatiq}


def enqueued(broker_url: str) -> list[str]:
    """Ids in Celery's tasks that wait."""
    with Redis.from_url(broker_url) as client:
        tasks = [orjson.loads(task) for task in client.lrange(QUEUE, 0, -1)]
    # Celery's message protocol 2: the body is [args, kwargs, embed].
    return [orjson.loads(b64decode(task["body"]))[0][0] for task in tasks]
