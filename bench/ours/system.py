"""Our processes in a run: gateway, relay, SMS workers, each as production has them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from bench import texts
from bench.run import WEB_PROCESSES, WEB_THREADS, Run
from bench.tally import Inexact, calls, check_once
from crier.local.ports import free_port
from shared.crypto import new_key
from shared.intake import Intake
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.runtime import Runtime
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle

_FILES = {
    "template.toml": texts.MANIFEST,
    "sms.body.txt": texts.SMS,
    "email.subject.txt": texts.SUBJECT,
    "email.body.txt": texts.SMS,
}
_IDS = text("SELECT id::text FROM notifications")
_TARGETS = text("SELECT target FROM deliveries")
_SENT = text("SELECT count(*), extract(epoch FROM max(settled_at)) AS last FROM deliveries WHERE state = 'sent'")
_WAITING = text("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL OR lease_until IS NOT NULL")
_ATTEMPTS = text("SELECT count(*) FROM attempts")
_ACCEPTED = text("SELECT recipient->>'phone' AS phone, extract(epoch FROM accepted_at)::float AS at FROM notifications")


class Crier:
    """Our side in a run. Made by `crier`."""

    def __init__(self, run: Run) -> None:
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
        self._runtime = Runtime(self._environment)
        self._project = Keys(self._runtime.database).project("bench")
        self.key = Keys(self._runtime.database).create("bench")
        bundle = Bundle(texts.TEMPLATE, _FILES)
        compile_bundle(bundle)
        TemplateStore(self._runtime.database).add(None, bundle.name, bundle.checksum, bundle.to_json())

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

    def start_workers(self, provider_url: str = "") -> Sequence[str]:
        """Start what delivers, one process of twelve threads, as a channel service alone runs; its name.

        Parameters:
            provider_url: of the provider's stand-in; without one the provider is in the workers' process.
        """
        provider = {"BENCH_PROVIDER_URL": provider_url} if provider_url else {"BENCH_TALLY": str(self.run.tally)}
        arguments = ("dramatiq", "bench.ours.service", "--processes", "1", "--threads", "12")
        self.run.start("workers", *arguments, environment=self._environment | provider)
        return ["workers"]

    def accept(self, numbers: range, lane: str) -> None:
        """Accept an SMS to each number by Python calls, as an API call would."""
        intake = Intake(self._runtime.database, self._runtime.sealer)
        for start in range(numbers.start, numbers.stop, 10_000):
            part = range(start, min(start + 10_000, numbers.stop))
            intake.accept_many(self._project, texts.many("sms", part, lane=lane))

    def ids(self) -> list[str]:
        """Of every notification in the ledger."""
        return [row.id for row in self._rows(_IDS)]

    def targets(self) -> list[str]:
        """Of every delivery in the ledger."""
        return [row.target for row in self._rows(_TARGETS)]

    def accepted(self) -> dict[str, float]:
        """When each was accepted, by phone number (Unix time, seconds)."""
        return {row.phone: row.at for row in self._rows(_ACCEPTED)}

    def wait_until_settled(self) -> None:
        """Wait until the ledger waits for nothing."""
        self.run.wait_until(lambda: self._rows(_WAITING)[0].count == 0, "every delivery is settled")

    def check_sent(self, expected: list[str]) -> float:
        """See that each phone number was called once and is marked sent; when the last one was (Unix time)."""
        check_once(expected, (phone for phone, _ in calls(self.run.tally)), "calls of the provider")
        sent, attempts = self._rows(_SENT)[0], self._rows(_ATTEMPTS)[0].count
        if not sent.count == attempts == len(expected):
            raise Inexact(f"{len(expected)} accepted, {sent.count} are sent, by {attempts} attempts")
        return float(sent.last)

    def close(self) -> None:
        """Close our own connections."""
        self._runtime.database.close()

    def _rows(self, statement: Any) -> Any:
        return self._runtime.database.rows(statement)


@contextmanager
def crier(run: Run) -> Iterator[Crier]:
    """Our side in a run."""
    side = Crier(run)
    try:
        yield side
    finally:
        side.close()
