"""Brokers and providers under contract: the same promises on Redis and on RabbitMQ, by every vendor."""

from collections.abc import Callable, Iterator

import dramatiq
import pytest

from shared.broker import Broker, make_broker
from shared.broker.middleware.lifecycle import Lifecycle
from shared.crypto import new_key
from shared.runtime import process_runtime
from shared.settings import EngineSettings

with pytest.MonkeyPatch.context() as environment:
    # Importing a service builds its process; nothing connects, and no test uses what is built here.
    environment.setenv("CRIER_DATABASE_URL", "postgresql://unused/unused")
    environment.setenv("CRIER_BROKER_URL", "redis://unused/0")
    environment.setenv("CRIER_SECRET_KEY", new_key())
    process_runtime()


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """An empty broker of either kind."""
    return str(request.getfixturevalue("redis_url" if request.param == "redis" else "amqp_url"))


@pytest.fixture
def new_broker(broker_url: str) -> Iterator[Callable[[], Broker]]:
    """Makes broker handles, as separate processes would have them."""
    made: list[Broker] = []

    def make() -> Broker:
        settings = EngineSettings(database_url="postgresql://unused/unused", broker_url=broker_url)
        made.append(make_broker(settings, Lifecycle()))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def run_worker() -> Iterator[Callable[..., dramatiq.Worker]]:
    """Starts workers in this process and stops them after the test."""
    started: list[dramatiq.Worker] = []

    def run(broker: dramatiq.Broker, threads: int = 4, queues: set[str] | None = None) -> dramatiq.Worker:
        broker.emit_after("process_boot")
        worker = dramatiq.Worker(broker, worker_threads=threads, queues=queues)
        worker.start()
        started.append(worker)
        return worker

    yield run
    for worker in started:
        worker.stop(timeout=10_000)
