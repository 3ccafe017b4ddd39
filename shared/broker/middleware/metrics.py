"""Counts and times what actors do, and serves the process's metrics."""

import time
from typing import Any

import structlog
from dramatiq import Broker, Middleware, Worker
from dramatiq.broker import MessageProxy
from prometheus_client import start_http_server

from shared.telemetry.metrics import MESSAGE_SECONDS, MESSAGES

log = structlog.get_logger(__name__)


class Metrics(Middleware):
    """Prometheus counters for every actor.

    Parameters:
        port: where this worker process serves `/metrics`; `None` serves nothing.
    """

    def __init__(self, *, port: int | None = None) -> None:
        self._port = port
        self._started: dict[str, float] = {}

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        if self._port is None:
            return
        try:
            start_http_server(self._port)
        except OSError as error:
            log.error("metrics are not served", port=self._port, reason=str(error), remedy="set CRIER_METRICS_PORT")

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self._started[message.message_id] = time.monotonic()

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        started = self._started.pop(message.message_id, None)
        if started is not None:
            MESSAGE_SECONDS.labels(message.actor_name).observe(time.monotonic() - started)
        MESSAGES.labels(message.actor_name, "done" if exception is None else "failed").inc()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        self._started.pop(message.message_id, None)
        MESSAGES.labels(message.actor_name, "skipped").inc()
