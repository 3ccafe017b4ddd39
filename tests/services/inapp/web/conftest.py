"""The server of browsers' inboxes as its own process over a real ledger, and browsers that are a socket."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from crier.local.ports import free_port
from shared.crypto import Sealer, new_key
from shared.inbox.tokens import InboxTokens
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.inbox import Inboxes, Put
from shared.ledger.keys import Keys

ROOT = Path(__file__).parents[4]
ORIGIN = "https://app.example.com"


@pytest.fixture
def project_id(database: Database) -> int:
    return Keys(database).project("test")


@pytest.fixture
def inboxes(database: Database) -> Inboxes:
    return Inboxes(database)


@dataclass
class Server:
    """A running server.

    Parameters:
        token: makes a token for a user.
    """

    environment: Mapping[str, str]
    port: int
    token: Callable[..., str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.inapp"], env=dict(self.environment), cwd=ROOT, stdout=log, stderr=log
            )
        until = time.monotonic() + 30
        while True:
            try:
                if requests.get(f"{self.url}/readyz", timeout=2).ok:
                    return self
            except requests.ConnectionError:
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(self.log.read_text())
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(20)

    def __call__(self, method: str, path: str, user: str = "ada", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}", **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=10, **options)

    def follow(self, user: str = "ada", after: str | None = None) -> "Stream":
        """A stream of somebody's inbox."""
        headers = {"Authorization": f"Bearer {self.token(user)}", **({"Last-Event-ID": after} if after else {})}
        answer = requests.get(f"{self.url}/v1/inbox/{user}/stream", headers=headers, stream=True, timeout=30)
        answer.raise_for_status()
        return Stream(answer)


@dataclass
class Stream:
    """A stream that is read as it comes."""

    answer: requests.Response
    last: str | None = None
    lines: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.answer.iter_lines(chunk_size=None, decode_unicode=True)

    def next(self) -> tuple[str, Any]:
        """The next event; StopIteration at the end."""
        name, data = "", ""
        for line in self.lines:
            match line.partition(": "):
                case ("id", _, value):
                    self.last = value
                case ("event", _, value):
                    name = value
                case ("data", _, value):
                    data = value
                case ("", _, _) if name:
                    return name, json.loads(data)
        raise StopIteration

    def until(self, name: str) -> list[tuple[str, Any]]:
        """The events up to the next of a name."""
        found = [self.next()]
        while found[-1][0] != name:
            found.append(self.next())
        return found

    def close(self) -> None:
        self.answer.close()


@pytest.fixture
def settings() -> dict[str, str]:
    """More of the server's environment."""
    return {}


@pytest.fixture
def server(database_url: str, settings: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    key, port = new_key(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CRIER_DATABASE_URL": database_url,
        "CRIER_BROKER_URL": "redis://unused/0",
        "CRIER_SECRET_KEY": key,
        "CRIER_INAPP_PORT": str(port),
        "CRIER_INAPP_ORIGINS": ORIGIN,
        **settings,
    }
    tokens = InboxTokens(Sealer(key))
    project_id = Keys(database := Database(database_url, pool_size=1)).project("test")
    database.close()

    def token(user: str, seconds: int = 600, project: int = project_id) -> str:
        return tokens.make(project, user, seconds)[0]

    running = Server(environment, port, token, tmp_path / "inbox.log").start()
    yield running
    running.stop()


@pytest.fixture
def put(inboxes: Inboxes, project_id: int) -> Callable[..., list[UUID]]:
    """Put notifications into somebody's inbox; their ids, oldest first."""

    def put_in(*titles: str, user: str = "ada", **content: Any) -> list[UUID]:
        many = [Put(new_id(), project_id, user, {"title": title, **content}) for title in titles]
        inboxes.put(many)
        return [one.id for one in many]

    return put_in
