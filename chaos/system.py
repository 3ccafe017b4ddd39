"""A whole system of one row: a database and a broker of its own, real processes, a client and the witness."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import text

from chaos.books import reconcile
from chaos.brokers import Broker
from chaos.client import Client, request
from chaos.seen import Books, NotInTime
from chaos.supervisor import Supervisor
from chaos.witness import Witness
from crier.local.ports import free_port
from crier.local.postgres import PostgresServer
from shared.crypto import new_key
from shared.errors import LedgerUnavailable
from shared.intake import Intake
from shared.ledger.keys import Keys
from shared.runtime import Runtime

PROJECT = "chaos"
_ROUND = 0.1
_STATES = text("SELECT state, count(*) AS count FROM deliveries GROUP BY state")
_WAITING = text("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL OR lease_until IS NOT NULL")


class System:
    """What a row works with.

    Attributes:
        client: sends over HTTP, once the gateway was started.
        intake: accepts by Python calls.
        chance: the row's own random numbers, by the seed.
        quick: whether a look is enough.
    """

    def __init__(
        self,
        folder: Path,
        postgres: PostgresServer,
        database_url: str,
        broker: Broker,
        *,
        seed: str,
        quick: bool,
        settings: Mapping[str, str],
    ) -> None:
        self.postgres = postgres
        self.broker = broker
        self.quick = quick
        self.chance = random.Random(seed)
        self.witness = Witness(folder / "witness")
        self.witness.sandbox.start()
        self.gateway_port = free_port()
        self.environment = {
            "CRIER_DATABASE_URL": database_url,
            "CRIER_BROKER_URL": broker.fresh(),
            "CRIER_SECRET_KEY": new_key(),
            "CRIER_GATEWAY_PORT": str(self.gateway_port),
            # Against many SMS to few numbers, which is what a test sends.
            "CRIER_SMS_NUMBER_LIMIT": "none",
            "CRIER_SMS_BLOCK_LIMIT": "none",
            "CRIER_SMS_ROUTE": "twilio",
            "CRIER_EMAIL_ROUTE": "sendgrid",
            "CRIER_CHAOS_SEED": seed,
            **self.witness.sandbox.environment,
            **settings,
        }
        runtime = Runtime(self.environment)
        self.lease = runtime.settings.lease
        self.database = runtime.database
        self.bells = runtime.bells
        keys = Keys(self.database)
        self.project_id = keys.project(PROJECT)
        self.client = Client(f"http://127.0.0.1:{self.gateway_port}", keys.create(PROJECT))
        self.intake = Intake(self.database, runtime.sealer, runtime.bells)
        self._silent = Intake(self.database, runtime.sealer)
        self.processes = Supervisor(folder)

    def pick(self, full: int, quick: int) -> int:
        """The number for how much is wanted."""
        return quick if self.quick else full

    def start(self, *names: str, kill: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Start services (`sms`, `relay-2`), and wait for the gateway if it is among them.

        Parameters:
            kill: a failpoint for the first start of each.
        """
        for name in names:
            self.processes.start(name, {**self.environment, **(environment or {})}, kill)
        if "gateway" in names and kill is None:
            self.wait_for_gateway()

    def wait_for_gateway(self) -> float:
        """Wait until the gateway says it is ready; the moment (Unix time)."""
        self.wait_until(self._gateway_answers, "the gateway answers")
        return time.time()

    def _gateway_answers(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.gateway_port}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def accept(self, targets: Sequence[str], *, ring: bool = True, **fields: Any) -> None:
        """Accept a notification to each of `targets`, all of one channel, by a Python call.

        Parameters:
            ring: False leaves it to the relay to find them.
        """
        intake = self.intake if ring else self._silent
        recipients = [{"to": request(target)["to"]} for target in targets]
        envelope = {name: value for name, value in request(targets[0]).items() if name != "to"}
        receipt = intake.accept_many(self.project_id, {**envelope, **fields, "recipients": recipients})
        assert receipt.accepted == len(targets), receipt
        for target in targets:
            self.client.accepted.setdefault(target, set())

    def states(self) -> Counter[str]:
        """Deliveries by state; none known while the ledger is away."""
        try:
            return Counter({row.state: row.count for row in self.database.rows(_STATES)})
        except LedgerUnavailable:
            return Counter()

    def number(self, statement: str, **parameters: Any) -> Any:
        """The one value of a statement; 0 where there is none."""
        return self.database.rows(text(statement), parameters)[0][0] or 0

    def waiting(self) -> int:
        """Deliveries for which something is still to happen; -1 while the ledger is away."""
        try:
            return int(self.database.rows(_WAITING)[0][0])
        except LedgerUnavailable:
            return -1

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = 90) -> None:
        """Poll until `condition` holds. Raises NotInTime, with what the processes printed, when it does not."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = self.processes.logs()
                raise NotInTime(f"not within {seconds:g} s: {what}; deliveries: {dict(self.states())}\n{logs}")
            time.sleep(_ROUND)

    def wait_until_taken(self, count: int, seconds: float = 90) -> None:
        """Wait until the witness took messages for `count` targets."""
        self.wait_until(lambda: len(self.witness.taken) >= count, f"{count} were sent to", seconds)

    def wait_until_settled(self, seconds: float = 120) -> None:
        """Wait until nothing is left to be done for any delivery."""
        self.wait_until(lambda: self.waiting() == 0, "every delivery has an end", seconds)

    def warm_up(self, *targets: str) -> None:
        """See that everything works before anything is broken."""
        for target in targets:
            self.accept([target])
        self.wait_until_taken(len(self.witness.taken) + len(targets))
        self.wait_until_settled()

    def wait_for_kill(self, step: str = "", seconds: float = 60) -> float:
        """Wait until a failpoint has struck, at `step` if that is named; the moment of the first (Unix time)."""

        def struck() -> list[float]:
            return [moment for moment, written in self.processes.kills() if written.startswith(step)]

        self.wait_until(struck, f"a failpoint strikes {step}", seconds)
        return struck()[0]

    def books(self) -> Books:
        """The reconciliation, by the journal on disk."""
        return reconcile(self.client.accepted, self.database, self.witness.journal())

    def close(self) -> None:
        """End everything that was started."""
        self.processes.stop()
        self.witness.sandbox.stop()
        self.bells.flush(0.5)
        self.database.close()
