"""Gives every queue its own share of a worker's threads, so that no lane can starve another."""

from dramatiq import Broker, Middleware, Worker


class FairThreads(Middleware):
    """Sets, before a worker boots, how much of it each queue may occupy.

    A queue holds at most `threads // queues` messages, fetched or in progress. As the shares add up to the threads,
    a one-time code finds a free thread however long the campaign beside it is. Only queues declared by then are
    consumed: a worker that merely rings another service's queue must not start answering it.
    """

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        declared = set(broker.get_declared_queues())
        consumed = declared & worker.consumer_whitelist if worker.consumer_whitelist else declared
        worker.consumer_whitelist = consumed
        worker.queue_prefetch = max(1, worker.worker_threads // max(1, len(consumed)))
