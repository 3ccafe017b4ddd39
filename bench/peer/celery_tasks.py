"""Celery's application, tuned as its documentation advises for many short tasks.

No results, acknowledged early (its default), no rate limits, no events, no remote control; many tasks fetched ahead
(https://docs.celeryq.dev/en/stable/userguide/optimizing.html), connections to the broker pooled.
"""

import os

from celery import Celery

from bench.peer import job

TASK, QUEUE, URGENT = "deliver", "celery", "urgent"

app = Celery("peer", broker=os.environ.get(job.BROKER))
app.conf.update(
    task_ignore_result=True,
    task_default_queue=QUEUE,
    broker_pool_limit=64,
    broker_connection_retry_on_startup=True,
    # Of several queues, the first named that has a task: what Redis has for priorities.
    broker_transport_options={"queue_order_strategy": "priority"},
    worker_prefetch_multiplier=64,
    worker_disable_rate_limits=True,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
)
deliver = app.task(name=TASK)(job.deliver)
