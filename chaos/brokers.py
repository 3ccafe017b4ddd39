"""The brokers a row can be run on, each as a private server that can be emptied."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pika
from redis import Redis

from crier.local.rabbitmq import RabbitServer
from crier.local.redis import RedisServer
from crier.local.server import Server


class Broker(Protocol):
    """A broker and its server."""

    @property
    def server(self) -> Server:
        """The server, to be killed and started."""
        ...

    def version(self) -> str:
        """Of the server."""
        ...

    def fresh(self) -> str:
        """The address of a broker of which nobody has used anything yet."""
        ...

    def empty(self) -> None:
        """Let everything it holds be gone; returns when it answers again."""
        ...

    def put(self, queue: str, message: bytes) -> None:
        """Put bytes into a queue as if an application had sent them."""
        ...


class OnRedis:
    """Redis, without persistence: killed, it comes back empty."""

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder / "redis", appendonly=False)

    def version(self) -> str:
        """As it says itself."""
        with Redis.from_url(self.server.url) as client:
            return str(client.info("server")["redis_version"])

    def fresh(self) -> str:
        """The server, emptied."""
        self.empty()
        return self.server.url

    def empty(self) -> None:
        """FLUSHALL."""
        with Redis.from_url(self.server.url) as client:
            client.flushall()

    def put(self, queue: str, message: bytes) -> None:
        """As Dramatiq's own script does: the message under its id, and the id in the queue."""
        name = uuid4().hex
        with Redis.from_url(self.server.url) as client:
            client.hset(f"dramatiq:{queue}.msgs", name, message)
            client.rpush(f"dramatiq:{queue}", name)


class OnRabbit:
    """RabbitMQ, with a virtual host for each row."""

    def __init__(self, folder: Path) -> None:
        self.server = RabbitServer(folder / "rabbitmq")
        self._vhost = ""

    def version(self) -> str:
        """As it says itself."""
        with pika.BlockingConnection(pika.URLParameters(self.server.url)) as connection:
            return str(connection._impl.server_properties["version"])

    def fresh(self) -> str:
        """A new virtual host."""
        if self._vhost:
            self.server.delete_vhost(self._vhost)
        self._vhost = f"row-{uuid4().hex[:8]}"
        return self.server.add_vhost(self._vhost)

    def empty(self) -> None:
        """Kill it, delete its data, start it; the virtual host is made again, with nothing in it."""
        self.server.kill()
        shutil.rmtree(self.server.folder / "data")
        self.server.start()
        self.server.add_vhost(self._vhost)

    def put(self, queue: str, message: bytes) -> None:
        """Published to the default exchange."""
        parameters = pika.URLParameters(self.server.vhost_url(self._vhost))
        with pika.BlockingConnection(parameters) as connection:
            connection.channel().basic_publish("", queue, message)


BROKERS: Mapping[str, type[OnRedis] | type[OnRabbit]] = {"redis": OnRedis, "rabbitmq": OnRabbit}
