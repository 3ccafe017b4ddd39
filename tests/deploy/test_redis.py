"""Redis as compose.yaml starts it: a password, one user, and no way to endanger what others keep."""

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError

from shared.runtime import Runtime

# fmt: off
FORBIDDEN = (
    "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "SHUTDOWN NOSAVE", "SAVE", "REPLICAOF NO ONE", "MODULE LIST", "ACL LIST",
    "CONFIG GET maxmemory", "CONFIG SET maxmemory 1", "CLIENT KILL TYPE normal",
)
# fmt: on


@pytest.mark.parametrize("command", FORBIDDEN)
def test_what_could_endanger_everybody_is_refused(acl_redis, command):
    with acl_redis.client() as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split())


@pytest.mark.parametrize(("user", "password"), [("crier", "wrong"), ("default", ""), ("default", "correct-horse")])
def test_nobody_comes_in_without_the_password(acl_redis, user, password):
    with acl_redis.client(user, password) as client, pytest.raises(AuthenticationError):
        client.ping()


def test_the_broker_can_do_all_it_needs(acl_redis):
    runtime = Runtime({"CRIER_DATABASE_URL": "postgresql://nowhere/x", "CRIER_BROKER_URL": acl_redis.url})
    broker, bells = runtime.broker, runtime.bells
    broker.declare_queue("probe.normal")
    bells.ring("probe.normal")
    assert bells.flush(5)
    assert broker.waiting("probe.normal") == 1
    consumer = broker.consume("probe.normal", prefetch=1, timeout=1000)
    message = next(consumer)
    assert message.actor_name == "probe.normal.deliver"
    broker.rescue()
    consumer.ack(message)
    consumer.close()
    broker.close()
