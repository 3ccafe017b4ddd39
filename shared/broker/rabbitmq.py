"""Dramatiq's RabbitMQ broker, with publisher confirms on and a way to ask how much waits."""

from typing import cast

import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker as DramatiqRabbitmqBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware


class RabbitmqBroker(DramatiqRabbitmqBroker):
    """A RabbitMQ broker that knows whether its messages arrived.

    Parameters:
        url: `amqp://` or `amqps://user:password@host:port/vhost`, with pika's options after the `?`; several nodes
            separated by `;`.
    """

    def __init__(self, url: str, middleware: list[Middleware]) -> None:
        super().__init__(url=url, confirm_delivery=True, middleware=middleware)

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

    def ping(self) -> None:
        """Raises ConnectionClosed unless RabbitMQ answers."""
        try:
            self.connection.process_data_events(time_limit=0)
        except pika.exceptions.AMQPError as error:
            del self.connection
            raise ConnectionClosed(error) from None

    def rescue(self) -> None:
        """Nothing to do: RabbitMQ gives a dead worker's messages to another by itself."""
