"""Dramatiq's RabbitMQ broker, with publisher confirms on and a way to ask how much waits."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker as DramatiqRabbitmqBroker
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer
from dramatiq.common import q_name, xq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from shared.broker.foreign import read, stand_in

_Fetched = tuple[Any, Any, bytes | None]

_DEAD_AT_ONCE = 500
_DELAY_SECONDS = 0.1
"""How long a consumer that holds delayed messages waits at a time: by so much they may be late."""


class RabbitmqBroker(DramatiqRabbitmqBroker):
    """A RabbitMQ broker that knows whether its messages arrived.

    Parameters:
        url: `amqp://` or `amqps://user:password@host:port/vhost`, with pika's options after the `?`; several nodes
            separated by `;`.
    """

    def __init__(self, url: str, middleware: list[Middleware]) -> None:
        super().__init__(url=url, confirm_delivery=True, middleware=middleware)

    @property
    def consumer_class(self) -> type[_RabbitmqConsumer]:
        return _Consumer

    def waiting(self, queue_name: str) -> int:
        """Messages in the queue that no worker has fetched."""
        self.declare_queue(queue_name, ensure=True)
        try:
            declared = self.channel.queue_declare(queue=queue_name, passive=True)
        except pika.exceptions.AMQPError as error:
            # The queue may have been deleted with the broker's data: declare it again next time.
            self.queues_pending.add(queue_name)
            del self.connection
            raise ConnectionClosed(error) from None
        return cast(int, declared.method.message_count)

    def take_dead(self, queue_name: str, take: Callable[[bytes], object]) -> int:
        """Empty a queue's dead letters into `take`; how many there were. One that it raises for stays."""
        self.declare_queue(queue_name, ensure=True)
        taken = 0
        try:
            while taken < _DEAD_AT_ONCE:
                method, _, data = self.channel.basic_get(xq_name(queue_name))
                if method is None:
                    break
                take(data)
                self.channel.basic_ack(method.delivery_tag)
                taken += 1
        except pika.exceptions.AMQPError as error:
            self.queues_pending.add(queue_name)
            del self.connection
            raise ConnectionClosed(error) from None
        except Exception:
            # What was fetched and not acknowledged goes back when its channel is closed.
            del self.channel
            raise
        return taken

    def ping(self) -> None:
        """Raises ConnectionClosed unless RabbitMQ answers."""
        try:
            self.connection.process_data_events(time_limit=0)
        except pika.exceptions.AMQPError as error:
            del self.connection
            raise ConnectionClosed(error) from None

    def rescue(self) -> None:
        """Nothing to do: RabbitMQ gives a dead worker's messages to another by itself."""


class _Consumer(_RabbitmqConsumer):
    """Waits in RabbitMQ for what comes, and no longer than what it holds itself may wait."""

    def __init__(self, broker: RabbitmqBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        self._is_delayed = queue_name != q_name(queue_name)
        self._idle_seconds = timeout / 1000
        self.iterator = self._ours()

    def _ours(self) -> Iterator[_Fetched]:
        for method, properties, body in self._fetched():
            if body is not None and isinstance(read(body, self.queue_name), str):
                yield method, properties, stand_in(self.queue_name)
            else:
                yield method, properties, body

    def _fetched(self) -> Iterator[_Fetched]:
        while True:
            seconds = _DELAY_SECONDS if self._is_delayed and self.known_tags else self._idle_seconds
            # The second time it goes on with the consumer that is there.
            for fetched in self.channel.consume(self.queue_name, inactivity_timeout=seconds):
                yield fetched
                break
            else:
                return  # cancelled: a new consumer declares the queue again
