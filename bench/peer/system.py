"""A peer's processes in a run: Flask behind gunicorn, and workers."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import psycopg

from bench import texts
from bench.peer import job
from bench.peer.enqueue import ENQUEUE
from bench.peer.rows import Rows
from bench.peer.ways import System, Way
from bench.run import WEB_PROCESSES, WEB_THREADS, Run
from bench.tally import Inexact, calls, check_once
from crier.local.ports import free_port

_UNSENT = "SELECT count(*) FROM messages WHERE state <> 'sent'"
_SENT = "SELECT count(*), extract(epoch FROM max(sent_at)) FROM messages WHERE state = 'sent'"
_ACCEPTED = "SELECT target, extract(epoch FROM accepted_at)::float FROM messages"


class Peer:
    """A peer in a run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.port = free_port()
        self._environment = {job.DATABASE: run.database_url, job.BROKER: run.broker_url, job.TALLY: str(run.tally)}

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

    def start_workers(self, way: Way, provider_url: str = "", name: str = "worker") -> Sequence[str]:
        """Start workers; the names of their processes.

        Parameters:
            provider_url: of the provider's stand-in; without one the provider is in the workers' processes.
        """
        names = [f"{name}{number}" for number in range(way.processes)]
        for each in names:
            arguments = [part.format(broker=self.run.broker_url, name=each) for part in way.arguments]
            self.run.start(each, *arguments, environment=self._environment | {job.PROVIDER: provider_url})
        return names

    def accept(self, numbers: range, system: System = "celery") -> None:
        """Add a row and a task for each number."""
        rows = []
        for number in numbers:
            asked = texts.recipient("sms", number)
            rows.append((str(uuid4()), "sms", asked["to"]["phone"], asked["data"]))
        Rows(self.run.database_url, connections=1).insert_many(rows)
        ENQUEUE[system](self.run.broker_url, ((identifier, to, data) for identifier, _, to, data in rows))

    def ids(self) -> list[str]:
        """Of every row."""
        return [row[0] for row in self._rows("SELECT id::text FROM messages")]

    def targets(self) -> list[str]:
        """Of every row."""
        return [row[0] for row in self._rows("SELECT target FROM messages")]

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
