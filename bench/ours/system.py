"""Our processes in a run: gateway, relay, SMS workers, each as production has them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from bench.ours.accepting import Accepting
from bench.run import WEB_PROCESSES, WEB_THREADS, Run
from bench.tally import Inexact, calls, check_once
from crier.local.ports import free_port
from crier.local.programs import WORKERS, worker
from shared.crypto import new_key
from shared.ledger.ids import lowest_id

SERVICE = "bench.ours.service"

# Only what is of this run: there may be millions of rows of history.
_IDS = "SELECT id::text FROM notifications WHERE id >= %s"
_TARGETS = "SELECT target FROM deliveries WHERE id >= %s"
_SENT = "SELECT count(*), extract(epoch FROM max(settled_at)) FROM deliveries WHERE state = 'sent' AND id >= %s"
_ATTEMPTS = "SELECT count(*) FROM attempts WHERE delivery_id >= %s"
_ACCEPTED = "SELECT recipient->>'phone', extract(epoch FROM accepted_at)::float FROM notifications WHERE id >= %s"
_ASTRAY = "SELECT count(*) FROM deliveries WHERE state NOT IN ('sent', 'queued', 'claimed') AND id >= %s"
_WAITS = """
    SELECT EXISTS (SELECT FROM deliveries WHERE due_at IS NOT NULL AND deaths = 0)
        OR EXISTS (SELECT FROM deliveries WHERE lease_until IS NOT NULL)
"""


class Crier:
    """Our side in a run. Made by `crier`.

    Parameters:
        campaign: what waits in the database already is of this run too.
    """

    def __init__(self, run: Run, *, campaign: bool = False) -> None:
        self.run = run
        self.port = free_port()
        self._environment = {
            "CRIER_DATABASE_URL": run.database_url,
            "CRIER_BROKER_URL": run.broker_url,
            "CRIER_SECRET_KEY": new_key(),
            "CRIER_GATEWAY_PORT": str(self.port),
            "CRIER_GATEWAY_WORKERS": str(WEB_PROCESSES),
            "CRIER_GATEWAY_THREADS": str(WEB_THREADS),
        }
        self._accepting = Accepting(run.database_url)
        self.key = self._accepting.new_key()
        self.forget()
        if campaign:
            self._judged_from = UUID(int=0)

    def forget(self) -> None:
        """Judge only what is accepted from here on. No worker runs, and no provider."""
        self._began = self._judged_from = lowest_id(datetime.now(UTC))
        self.run.forget_calls()

    @property
    def url(self) -> str:
        """Where notifications are posted."""
        return f"http://127.0.0.1:{self.port}/v1/notifications"

    def start_gateway(self) -> None:
        """Start what accepts."""
        self.run.start("gateway", "services.gateway", environment=self._environment)
        self.run.wait_for_http(self.port)

    def start_relay(self) -> None:
        """Start the clock, which runs beside everything else."""
        self.run.start("relay", "services.relay", environment=self._environment)

    def start_workers(
        self, provider_url: str = "", *, name: str = "workers", processes: int | None = None,
        queues: Sequence[str] = (), **environment: str,
    ) -> str:  # fmt: skip
        """Start what delivers, as production does: processes of twelve threads; its name.

        Parameters:
            provider_url: of the provider's stand-in; without one the provider is in the workers' processes.
            processes: as many as the run says when None.
            queues: that these work for; empty means all.
            environment: settings.
        """
        count = str(processes or self.run.processes)
        options = ("--processes", count, "--threads", "12", *(("--queues", *queues) if queues else ()))
        self._start_workers(name, ("dramatiq", SERVICE, *options), provider_url, environment)
        return name

    def start_packed(self, provider_url: str = "") -> str:
        """Start every service in one process, as `crier up` does, with ours in the place of the SMS service."""
        packed = worker([name for name in WORKERS if name != "sms"])
        # After the interpreter, `-m` and `dramatiq`, which the run puts there by itself.
        self._start_workers("workers", ("dramatiq", SERVICE, *packed[3:]), provider_url, {})
        return "workers"

    def _start_workers(
        self, name: str, arguments: Sequence[str], provider_url: str, settings: Mapping[str, str]
    ) -> None:
        provider = {"BENCH_PROVIDER_URL": provider_url} if provider_url else {"BENCH_TALLY": str(self.run.tally)}
        self.run.start(name, *arguments, environment={**self._environment, **provider, **settings})

    def accept(self, numbers: range, lane: str) -> None:
        """Accept an SMS to each number by Python calls, as an API call would."""
        self._accepting.accept(numbers, lane)

    def ids(self) -> list[str]:
        """Of every notification."""
        return [row[0] for row in self._rows(_IDS, self._began)]

    def targets(self) -> list[str]:
        """Of every delivery."""
        return [row[0] for row in self._rows(_TARGETS, self._began)]

    def accepted(self) -> dict[str, float]:
        """When each was accepted, by phone number (Unix time, seconds)."""
        return dict(self._rows(_ACCEPTED, self._began))

    def wait_until_settled(self) -> None:
        """Wait until the ledger waits for nothing."""
        # By its partial indexes: without them, asking would cost more than the work.
        with psycopg.connect(self.run.database_url, options="-c enable_seqscan=off", autocommit=True) as connection:
            self.run.wait_until(lambda: connection.execute(_WAITS).fetchone() == (False,), "every delivery is settled")

    def check_sent(self, expected: list[str]) -> float:
        """See that each phone number was called once and is marked sent; when the last one was (Unix time)."""
        check_once(expected, (phone for phone, _ in calls(self.run.tally)), "calls of the provider")
        return self.check_settled(len(expected))

    def check_settled(self, count: int) -> float:
        """See that each of so many calls is marked sent, by one attempt; when the last one was (Unix time)."""
        [(sent, last)], [(attempts,)] = (self._rows(statement, self._judged_from) for statement in (_SENT, _ATTEMPTS))
        if not sent == attempts == count:
            raise Inexact(f"{count} were called, {sent} are sent, by {attempts} attempts")
        return float(last)

    def check_rest_waits(self) -> None:
        """See that whatever is not sent still waits."""
        [(astray,)] = self._rows(_ASTRAY, self._judged_from)
        if astray:
            raise Inexact(f"{astray} neither are sent nor wait")

    def close(self) -> None:
        """Close our own connections."""
        self._accepting.close()

    def _rows(self, statement: str, first: UUID) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.run.database_url) as connection:
            return connection.execute(statement, [first]).fetchall()


@contextmanager
def crier(run: Run, *, campaign: bool = False) -> Iterator[Crier]:
    """Our side in a run. See `Crier`."""
    side = Crier(run, campaign=campaign)
    try:
        yield side
    finally:
        side.close()
