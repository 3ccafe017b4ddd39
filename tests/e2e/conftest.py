"""Whole systems of real processes: a ledger, a broker, services, and the sandbox as every provider."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from crier.local.ports import free_port
from crier.local.spawning import launched, spawn
from crier.sandbox.server import Sandbox
from shared.crypto import new_key
from shared.errors import LedgerUnavailable
from shared.intake import Intake
from shared.ledger.keys import Keys
from shared.runtime import Runtime, process_runtime

with pytest.MonkeyPatch.context() as unused:
    # Importing a service builds its process; nothing connects, and no test uses what is built here.
    unused.setenv("CRIER_DATABASE_URL", "postgresql://unused/unused")
    unused.setenv("CRIER_BROKER_URL", "redis://unused/0")
    unused.setenv("CRIER_SECRET_KEY", new_key())
    process_runtime()

# Short enough for a test, in the proportions of production.
QUICK = {
    "CRIER_PROVIDER_TIMEOUT": "3",
    "CRIER_BATCH_TIMEOUT": "5",
    "CRIER_TIME_LIMIT": "6",
    "CRIER_LEASE": "8",
    "CRIER_RETRY_BASE": "1",
}
STATES = text("SELECT state, count(*) AS count FROM deliveries GROUP BY state")


class System:
    """Processes of one test, on a database and a broker of its own."""

    def __init__(self, folder: Path, database_url: str, broker_url: str, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.environment = {
            "CRIER_DATABASE_URL": database_url,
            "CRIER_BROKER_URL": broker_url,
            "CRIER_SECRET_KEY": new_key(),
            # Against many SMS to few numbers, which is what tests send.
            "CRIER_SMS_NUMBER_LIMIT": "none",
            "CRIER_SMS_BLOCK_LIMIT": "none",
            "CRIER_INAPP_PORT": str(inbox_port := free_port()),
            "CRIER_INAPP_URL": f"http://127.0.0.1:{inbox_port}",
            **QUICK,
            **sandbox.environment,
        }
        self.runtime = Runtime(self.environment)
        self.key = Keys(self.runtime.database).create("test")
        self.project_id = Keys(self.runtime.database).project("test")
        self.intake = Intake(self.runtime.database, self.runtime.sealer, self.runtime.bells)
        self.gateway_port = free_port()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *services: str, environment: Mapping[str, str] | None = None) -> None:
        """Start services, each a process (group) of its own, as production does."""
        commands = {
            "gateway": [sys.executable, "-m", "services.gateway"],
            "relay": [sys.executable, "-m", "services.relay"],
            "inbox": [sys.executable, "-m", "services.inapp"],
        }
        for name in services:
            worker = [sys.executable, "-m", "dramatiq", f"services.{name}", "--processes", "1", "--threads", "12"]
            settings = self.environment | {"CRIER_GATEWAY_PORT": str(self.gateway_port)} | dict(environment or {})
            self.run(name, commands.get(name, worker), Path.cwd(), settings)
        if "gateway" in services:
            self.wait_until(lambda: self.answers("/readyz"), "the gateway answers")

    def run(self, name: str, command: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
        """Start one process; it ends with the test run whatever happens."""
        self._running[name] = spawn(
            launched(command, ends_with_parent=True), cwd, self.folder / f"{name}.log", environment
        )

    def kill(self, name: str) -> None:
        """SIGKILL a service with all its processes."""
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def terminate(self, name: str) -> None:
        """SIGTERM a service and wait for its end."""
        process = self._running.pop(name)
        process.terminate()
        process.wait(30)

    def stop(self) -> None:
        """SIGTERM everything, and make sure of it."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()
        self.runtime.bells.flush(1)
        self.runtime.database.close()

    def log(self, name: str) -> str:
        """What a service printed."""
        return (self.folder / f"{name}.log").read_text()

    def answers(self, path: str) -> bool:
        """Whether the gateway says 200 there."""
        try:
            return self.http("GET", path).status_code == 200
        except requests.ConnectionError:
            return False

    def http(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request to the gateway with this test's key."""
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        return requests.request(
            method, f"http://127.0.0.1:{self.gateway_port}{path}", headers=headers, timeout=20, **options
        )

    def states(self) -> Counter[str]:
        """Deliveries by state; none known while the ledger is away."""
        try:
            return Counter({row.state: row.count for row in self.runtime.database.rows(STATES)})
        except LedgerUnavailable:
            return Counter()

    def sent_to(self, vendor: str = "twilio") -> Counter[str]:
        """How many messages a stand-in took for each recipient."""
        return Counter(call.recipient for call in self.sandbox.calls(vendor) if call.accepted and call.recipient)

    def send_sms(self, count: int, **fields: Any) -> list[str]:
        """Accept an SMS to each of `count` numbers by Python calls; the numbers."""
        numbers = [f"+4477009{number:05d}" for number in range(count)]
        for number in numbers:
            request = {"channel": "sms", "content": {"body": "Your table is ready."}, "to": {"phone": number}}
            self.intake.accept(self.project_id, request | fields)
        return numbers

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Poll until `condition` holds; fail saying `what` did not happen, with what the services printed."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self._running)
                pytest.fail(f"not within {seconds:g} s: {what}; states: {dict(self.states())}\n{logs}")
            pause.wait(0.1)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """An empty broker of either kind."""
    return str(request.getfixturevalue("redis_url" if request.param == "redis" else "amqp_url"))


@pytest.fixture
def system(tmp_path: Path, database_url: str, broker_url: str, sandbox: Sandbox) -> Iterator[System]:
    made = System(tmp_path, database_url, broker_url, sandbox)
    yield made
    made.stop()


@pytest.fixture
def redis_system(tmp_path: Path, database_url: str, redis_url: str, sandbox: Sandbox) -> Iterator[System]:
    """A system where the kind of broker makes no difference."""
    made = System(tmp_path, database_url, redis_url, sandbox)
    yield made
    made.stop()
