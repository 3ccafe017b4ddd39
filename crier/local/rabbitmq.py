"""A private RabbitMQ node, from the installed `rabbitmq-server`."""

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from crier.local import ports
from crier.local.errors import ServerFailed, ServerMissing
from crier.local.kept_secret import kept_secret, write_private
from crier.local.server import Server

USER = "crier"

# The real script: what Debian has on the PATH becomes its own user first, who cannot write in our folder.
SCRIPTS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/homebrew/sbin/rabbitmq-server")

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
default_user = {user}
default_pass = {password}
log.console = true
log.console.level = info
log.file = false
disk_free_limit.absolute = 50MB
"""


class RabbitServer(Server):
    """RabbitMQ on 127.0.0.1 with a user of its own, no plugins and a private port mapper (epmd)."""

    name: ClassVar[str] = "RabbitMQ"
    start_timeout: ClassVar[float] = 90

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder, port)
        self.distribution_port = ports.free_port()
        self.port_mapper = PortMapper(self.folder / "epmd", ports.free_port())

    @property
    def node(self) -> str:
        # The name is part of the data folder's content: it must not change with the port.
        return "crier@localhost"

    @property
    def url(self) -> str:
        return self.vhost_url("/")

    def vhost_url(self, vhost: str) -> str:
        """The address of a virtual host on this node."""
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.port}/{vhost.replace('/', '%2F')}"

    def initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(
            self.folder / "rabbitmq.conf",
            CONFIGURATION.format(port=self.port, user=USER, password=self.password),
        )
        (self.folder / "enabled_plugins").write_text("[].\n")
        kept_secret(self.folder / ".erlang.cookie")

    def program(self) -> list[str]:
        return [str(find_rabbitmq())]

    def environment(self) -> dict[str, str]:
        loopback_only = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback_only,
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "node.pid"),
            # Makes the script become the server instead of waiting for it, so that signals reach the server.
            "RUNNING_UNDER_SYSTEMD": "true",
            **self.port_mapper.client_environment(),
        }

    def start(self) -> None:
        find_rabbitmq()
        # Otherwise RabbitMQ would start one itself, as a daemon that outlives it.
        self.port_mapper.start()
        super().start()

    def stop(self, timeout: float = 20) -> None:
        super().stop(timeout)
        self.port_mapper.stop()

    def kill(self) -> None:
        super().kill()
        self.port_mapper.kill()

    def is_ready(self) -> bool:
        if not ports.accepts(self.port):
            return False
        try:
            with quiet_pika():
                pika.BlockingConnection(pika.URLParameters(f"{self.url}?socket_timeout=2&stack_timeout=4")).close()
        except (AMQPError, AMQPConnectorException, OSError):
            return False
        return True

    def add_vhost(self, vhost: str) -> str:
        """Make a virtual host that our user may use; returns its address."""
        self._evaluate(
            f'ok = rabbit_vhost:add(<<"{vhost}">>, <<"{USER}">>), '
            f'ok = rabbit_auth_backend_internal:set_permissions(<<"{USER}">>, <<"{vhost}">>, '
            f'<<".*">>, <<".*">>, <<".*">>, <<"{USER}">>).'
        )
        return self.vhost_url(vhost)

    def delete_vhost(self, vhost: str) -> None:
        """Delete a virtual host with all it holds."""
        self._evaluate(f'ok = rabbit_vhost:delete(<<"{vhost}">>, <<"{USER}">>).')

    def _evaluate(self, erlang: str) -> None:
        # A hundredth of the time of rabbitmqctl, which starts an Erlang machine for each call.
        call = shutil.which("erl_call")
        if call is None:
            raise ServerMissing("erl_call is missing: it comes with Erlang (`apt install erlang-base`).")
        result = subprocess.run(
            [call, "-sname", self.node, "-timeout", "30", "-e"],
            input=f"{erlang}\n",
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.stdout.strip() != "{ok, ok}":
            raise ServerFailed(self.name, f"`{erlang}` gave {result.stdout}{result.stderr}".strip())


class PortMapper(Server):
    """An epmd of our own: the shared one would stay behind, and know every Erlang node of the machine."""

    name: ClassVar[str] = "epmd"

    @property
    def url(self) -> str:
        return f"epmd://127.0.0.1:{self.port}"

    def initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def client_environment(self) -> dict[str, str]:
        return {"ERL_EPMD_PORT": str(self.port), "ERL_EPMD_ADDRESS": "127.0.0.1"}

    def program(self) -> list[str]:
        epmd = shutil.which("epmd")
        if epmd is None:
            raise ServerMissing("epmd is missing: it comes with Erlang (`apt install erlang-base`)")
        return [epmd, "-port", str(self.port), "-address", "127.0.0.1"]

    def is_ready(self) -> bool:
        return ports.accepts(self.port)


def find_rabbitmq() -> Path:
    """The script that runs RabbitMQ.

    Raises:
        ServerMissing: RabbitMQ is not installed.
    """
    for candidate in (*SCRIPTS, shutil.which("rabbitmq-server")):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise ServerMissing(
        "RabbitMQ is not installed: install the package `rabbitmq-server` "
        "(`apt install rabbitmq-server`, `brew install rabbitmq`)."
    )


@contextmanager
def quiet_pika() -> Iterator[None]:
    """Keep pika from logging an error for each attempt while the node starts."""
    logger = logging.getLogger("pika")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
