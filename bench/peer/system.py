"""The peer's processes in a run: Flask behind gunicorn, and Celery workers."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from celery import Celery
from redis import Redis

from bench import texts
from bench.peer.rows import Rows
from bench.peer.tasks import BROKER, DATABASE, PROVIDER, TALLY, TASK
from bench.run import WEB_PROCESSES, WEB_THREADS, Run
from bench.tally import Inexact, calls, check_once
from crier.local.ports import free_port

_QUIET = ("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")
_QUEUE = "celery"
_UNSENT = "SELECT count(*) FROM messages WHERE state <> 'sent'"
_SENT = "SELECT count(*), extract(epoch FROM max(sent_at)) FROM messages WHERE state = 'sent'"
_ACCEPTED = "SELECT target, extract(epoch FROM accepted_at)::float FROM messages"


class Peer:
    """The peer in a run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.port = free_port()
        self._environment = {DATABASE: run.database_url, BROKER: run.broker_url, TALLY: str(run.tally)}

    @property
    def url(self) -> str:
        """Where notifications are posted."""
        return f"http://127.0.0.1:{self.port}/v1/notifications"

    def start_web(self) -> None:
        """Start what accepts: the server our gateway runs on, with as many processes and threads."""
        self.run.start(
            "web", "gunicorn", "bench.peer.web:app", "--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread",
            "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS), "--keep-alive", "60",
            "--worker-tmp-dir", "/dev/shm", "--log-level", "warning", "--no-control-socket",
            environment=self._environment,
        )  # fmt: skip
        self.run.wait_for_http(self.port)

    def start_workers(self, pool: str, concurrency: int, provider_url: str = "", processes: int = 1) -> Sequence[str]:
        """Start Celery workers; the names of their processes."""
        names = [f"worker{number}" for number in range(processes)]
        for name in names:
            self.run.start(
                name, "celery", "--app", "bench.peer.tasks", "worker", "--pool", pool, "--concurrency",
                str(concurrency), "--hostname", f"{name}@%h", *_QUIET,
                environment=self._environment | {PROVIDER: provider_url},
            )  # fmt: skip
        return names

    def accept(self, numbers: range) -> None:
        """Add a row and a task for each number."""
        rows = []
        for number in numbers:
            asked = texts.recipient("sms", number)
            rows.append((str(uuid4()), "sms", asked["to"]["phone"], asked["data"]))
        Rows(self.run.database_url, connections=1).insert_many(rows)
        with Celery(broker=self.run.broker_url) as sender:
            for identifier, _, to, data in rows:
                sender.send_task(TASK, (identifier, to, data), ignore_result=True)

    def ids(self) -> list[str]:
        """Of every row."""
        return [row[0] for row in self._rows("SELECT id::text FROM messages")]

    def targets(self) -> list[str]:
        """Of every row."""
        return [row[0] for row in self._rows("SELECT target FROM messages")]

    def enqueued(self) -> list[str]:
        """Ids in the tasks that wait in the queue."""
        with Redis.from_url(self.run.broker_url) as client:
            tasks = [orjson.loads(task) for task in client.lrange(_QUEUE, 0, -1)]
        # Celery's message protocol 2: the body is [args, kwargs, embed].
        return [orjson.loads(b64decode(task["body"]))[0][0] for task in tasks]

    def accepted(self) -> dict[str, float]:
        """When each was accepted, by phone number (Unix time, seconds)."""
        return dict(self._rows(_ACCEPTED))

    def wait_until_settled(self) -> None:
        """Wait until every row is marked sent."""
        self.run.wait_until(lambda: self._rows(_UNSENT)[0][0] == 0, "every row is marked sent")

    def check_sent(self, expected: list[str]) -> float:
        """See that each phone number was called once and is marked sent; when the last one was (Unix time)."""
        check_once(expected, (phone for phone, _ in calls(self.run.tally)), "calls of the provider")
        sent, last = self._rows(_SENT)[0]
        if sent != len(expected):
            raise Inexact(f"{len(expected)} accepted, {sent} are sent")
        return float(last)

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.run.database_url) as connection:
            return connection.execute(statement).fetchall()
