"""Dramatiq as it comes: a message for each task."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peer import job

broker: dramatiq.Broker = RedisBroker(url=os.environ.get(job.BROKER))  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)
deliver = dramatiq.Actor(
    job.deliver, broker=broker, actor_name="deliver", queue_name="default", priority=0, options={"max_retries": 0}
)
