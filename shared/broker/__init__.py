"""The broker: Redis or RabbitMQ, chosen by URL. It carries bells and domain tasks; it stores nothing that matters."""

from urllib.parse import urlsplit, urlunsplit

from dramatiq.results.backend import ResultBackend
from dramatiq.results.backends import RedisBackend, StubBackend

from shared.broker.middleware import ordered_middleware
from shared.broker.middleware.graveyard import Bury
from shared.broker.middleware.lifecycle import Lifecycle
from shared.broker.rabbitmq import RabbitmqBroker
from shared.broker.redis import RedisBroker
from shared.settings import EngineSettings

Broker = RedisBroker | RabbitmqBroker

__all__ = ["Broker", "make_broker", "redis_url"]


def make_broker(settings: EngineSettings, lifecycle: Lifecycle, *, bury: Bury | None = None) -> Broker:
    """The broker of CRIER_BROKER_URL with the whole middleware list. Opens no connection yet.

    Parameters:
        bury: keeps what is given up; None leaves it to the broker's own dead letters.
    """
    middleware = ordered_middleware(_results(settings), lifecycle, metrics_port=settings.metrics_port, bury=bury)
    if urlsplit(settings.broker_url).scheme in ("redis", "rediss"):
        return RedisBroker(settings.broker_url, middleware)
    return RabbitmqBroker(settings.broker_url, middleware)


def _results(settings: EngineSettings) -> ResultBackend:
    """Results live in Redis, apart from the broker's keys: a rescue there walks all keys of its database.

    With RabbitMQ and no Redis, results stay in the process that made them; no delivery needs one.
    """
    url = redis_url(settings)
    return RedisBackend(url=url) if url else StubBackend()


def redis_url(settings: EngineSettings) -> str | None:
    """The Redis of what is neither a bell nor a task: CRIER_REDIS_URL, else beside the broker's; None without any."""
    return settings.redis_url or _next_database(settings.broker_url)


def _next_database(broker_url: str) -> str | None:
    parts = urlsplit(broker_url)
    if parts.scheme not in ("redis", "rediss"):
        return None
    number = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{number + 1}"))
