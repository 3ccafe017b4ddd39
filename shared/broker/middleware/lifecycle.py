"""Lets what a process hosts act when its worker boots and before it is gone."""

from collections.abc import Callable

from dramatiq import Broker, Middleware, Worker


class Lifecycle(Middleware):
    """Callbacks around a worker's life, in the order they were added.

    Attributes:
        at_boot: called with the queues the worker consumes, once it runs.
        at_stop: called after the last actor has finished, while the event loop still runs.
    """

    def __init__(self) -> None:
        self.at_boot: list[Callable[[frozenset[str]], None]] = []
        self.at_stop: list[Callable[[], None]] = []

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        for callback in self.at_boot:
            callback(frozenset(worker.consumer_whitelist or ()))

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        for callback in self.at_stop:
            callback()
