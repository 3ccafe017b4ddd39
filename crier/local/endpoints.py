"""The database, broker and Redis of a local cluster: embedded ones, unless the environment names others."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pika
import psycopg
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError
from redis import Redis
from redis.exceptions import RedisError

from crier.local.errors import LocalError
from crier.local.home import Home
from crier.local.postgres import PostgresServer
from crier.local.rabbitmq import quiet_pika
from crier.local.redis import RedisServer
from crier.local.server import Server

SECONDS = 3
DATABASE, BROKER, REDIS = VARIABLES = ("CRIER_DATABASE_URL", "CRIER_BROKER_URL", "CRIER_REDIS_URL")


@dataclass(frozen=True)
class Endpoints:
    """Where the ledger, the broker and Redis are; `servers` are the embedded ones, `given` the variables set."""

    database_url: str
    broker_url: str
    redis_url: str | None
    servers: Mapping[str, Server]
    given: frozenset[str]

    @classmethod
    def choose(cls, home: Home, environ: Mapping[str, str] = os.environ) -> "Endpoints":
        """Take what CRIER_DATABASE_URL, CRIER_BROKER_URL and CRIER_REDIS_URL name, and embed what is missing."""
        given = {name: url for name in VARIABLES if (url := environ.get(name, "").strip())}
        database, broker, redis = (given.get(name) for name in VARIABLES)
        servers: dict[str, Server] = {}
        if not database:
            servers["postgres"] = PostgresServer(home.data / "postgres")
            database = servers["postgres"].url
        if not broker or (not redis and urlsplit(broker).scheme.startswith("amqp")):
            servers["redis"] = RedisServer(home.data / "redis")
            broker = broker or servers["redis"].url
            # Apart from the broker's keys, all of which it walks through at times.
            redis = redis or servers["redis"].url.removesuffix("/0") + "/1"
        return cls(database, broker, redis, servers, frozenset(given))

    def environment(self) -> dict[str, str]:
        """The variables by which every service finds them."""
        urls = zip(VARIABLES, (self.database_url, self.broker_url, self.redis_url), strict=True)
        return {name: url for name, url in urls if url}

    def checks(self) -> dict[str, Callable[[], str]]:
        """By variable: sees that what it names answers, and raises LocalError when it does not."""
        every: dict[str, Callable[[], str]] = {
            DATABASE: lambda: check_database(self.database_url),
            BROKER: lambda: check_broker(self.broker_url),
            REDIS: lambda: check_redis(self.redis_url or ""),
        }
        return {name: check for name, check in every.items() if name in self.given}


def check_database(url: str) -> str:
    """Where the database is, once it has answered; LocalError names CRIER_DATABASE_URL when it does not."""
    try:
        psycopg.connect(url, connect_timeout=SECONDS).close()
    except psycopg.Error as error:
        raise unreachable("database", DATABASE, url, error) from error
    return without_password(url)


def check_redis(url: str, variable: str = REDIS) -> str:
    """Where this Redis is, once it has answered; LocalError names the variable when it does not."""
    try:
        with Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise unreachable("Redis", variable, url, error) from error
    return without_password(url)


def check_amqp(url: str) -> str:
    """Where this RabbitMQ is, once it has answered; LocalError names CRIER_BROKER_URL when it does not."""
    try:
        parameters = pika.URLParameters(url)
        parameters.socket_timeout = parameters.stack_timeout = SECONDS
        with quiet_pika():
            pika.BlockingConnection(parameters).close()
    except (AMQPError, AMQPConnectorException, OSError, ValueError) as error:
        raise unreachable("broker", BROKER, url, error) from error
    return without_password(url)


def check_broker(url: str) -> str:
    """Where the broker is, once it has answered; LocalError names CRIER_BROKER_URL when it does not."""
    checks: dict[str, Callable[[str], str]] = {
        "redis": lambda url: check_redis(url, BROKER),
        "rediss": lambda url: check_redis(url, BROKER),
        "amqp": check_amqp,
        "amqps": check_amqp,
    }
    scheme = urlsplit(url).scheme
    if scheme not in checks:
        raise LocalError(f"{BROKER} must begin with {', '.join(f'{known}://' for known in checks)}.")
    return checks[scheme](url)


def unreachable(what: str, variable: str, url: str, error: Exception) -> LocalError:
    why = " ".join(str(error).split()) or repr(error)
    return LocalError(
        f"The {what} of {variable} ({without_password(url)}) cannot be reached: {why}\n"
        f"Correct {variable}, start that server, or unset the variable to use the embedded one."
    )


def without_password(url: str) -> str:
    """A URL fit to be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
