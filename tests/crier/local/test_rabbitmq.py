"""The private RabbitMQ is a real one, and leaves nothing behind, its port mapper included."""

import uuid

import pika
import psutil
import pytest
from pika.exceptions import AMQPError, ProbableAccessDeniedError, ProbableAuthenticationError

from crier.local import processes
from crier.local.rabbitmq import RabbitServer


def publish(url: str, body: bytes) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("kept", durable=True)
    channel.basic_publish("", "kept", body, pika.BasicProperties(delivery_mode=2), mandatory=True)
    connection.close()


def fetch(url: str) -> bytes | None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    body = connection.channel().basic_get("kept", auto_ack=True)[2]
    connection.close()
    return body  # type: ignore[no-any-return]


def test_confirmed_messages_survive_a_kill_of_every_process(rabbit_server: RabbitServer, amqp_url: str) -> None:
    publish(amqp_url, b"here")
    family = [*processes.tree(rabbit_server.pid), *processes.tree(rabbit_server.port_mapper.pid)]
    rabbit_server.kill()
    assert [process for process in family if processes.is_alive(process)] == []
    rabbit_server.start()
    assert fetch(amqp_url) == b"here"


def test_paused_it_answers_nothing_until_resumed(rabbit_server: RabbitServer) -> None:
    rabbit_server.pause()
    assert not rabbit_server.is_ready()
    rabbit_server.resume()
    assert rabbit_server.is_ready()


def test_stopped_it_leaves_no_process_behind(rabbit_server: RabbitServer) -> None:
    rabbit_server.stop()
    marks = (str(rabbit_server.folder), str(rabbit_server.port_mapper.port))
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(mark in " ".join(process.info["cmdline"] or []) for mark in marks)
    ]
    rabbit_server.start()
    assert left == []


def test_a_virtual_host_is_gone_when_deleted(rabbit_server: RabbitServer) -> None:
    name = uuid.uuid4().hex
    url = rabbit_server.add_vhost(name)
    publish(url, b"x")
    rabbit_server.delete_vhost(name)
    with pytest.raises((AMQPError, ProbableAccessDeniedError)):
        publish(url, b"x")


def test_no_connection_without_the_password(rabbit_server: RabbitServer) -> None:
    with pytest.raises(ProbableAuthenticationError):
        publish(rabbit_server.url.replace(rabbit_server.password, "guess"), b"x")
