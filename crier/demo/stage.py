"""Where the demo plays: a private cluster whose every vendor is the sandbox. Nothing leaves this machine."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from crier.client import Client
from crier.demo.routes import SHARED, SHARED_LANE, preferred, shared
from crier.local import programs
from crier.local.cluster import Cluster, Step
from crier.local.credentials import Credentials
from crier.local.home import Home
from crier.local.ports import free_port
from crier.local.programs import LANELESS, WORKERS, Program
from crier.local.running import Running
from crier.sandbox import Sandbox
from crier.triage import Triage
from shared.ledger.database import Database
from shared.ledger.keys import SCOPES, Keys
from shared.messages.content import LANES

# Everything else of the user's environment stays out: an account with a real vendor must not be found in it.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHON", "LD_LIBRARY_PATH", "DYLD_")
SETTINGS = {
    # What arrives is compared with what was asked for, to the character.
    "CRIER_SMS_TRANSLITERATE": "none",
    # Against many SMS to few numbers, which is what the demo sends.
    "CRIER_SMS_NUMBER_LIMIT": "none",
    "CRIER_SMS_BLOCK_LIMIT": "none",
    # Retries after about 1, 2 and 4 seconds instead of minutes.
    "CRIER_RETRY_BASE": "1",
    "CRIER_WEBHOOK_RETRY_DELAYS": "1,2,4",
    "CRIER_BRAND_NAME": "Harbour & Sons",
    "CRIER_BRAND_WEBSITE": "https://example.com",
    "CRIER_BRAND_SUPPORT_EMAIL": "help@example.com",
    "CRIER_BRAND_POSTAL_ADDRESS": "1 Quay Street, Portsmouth",
}


@dataclass
class Stage:
    """The running cluster and its sandbox.

    Parameters:
        home: of the cluster; gone when the demo ends.
        folder: what is put there stays.
        triage: for dead letters, and for what nobody knows.
    """

    client: Client
    triage: Triage
    sandbox: Sandbox
    home: Home
    folder: Path
    running: Running

    @property
    def database_url(self) -> str:
        """Of the ledger."""
        return self.running.environment["CRIER_DATABASE_URL"]

    @contextmanager
    def ledger(self) -> Iterator[Database]:
        """A look into the ledger beside the services."""
        database = Database(self.database_url, pool_size=1)
        try:
            yield database
        finally:
            database.close()

    def project(self, name: str) -> Client:
        """A client of another project, which is made."""
        with self.ledger() as database:
            return Client(self.running.url, Keys(database).create(name, name="demo", scopes=SCOPES))


@contextmanager
def stage(folder: Path, starting: Step, ending: Step) -> Iterator[Stage]:
    """Start it; end everything that was started, however this is left.

    Parameters:
        folder: where the sandbox keeps what it receives, and the programs' logs are put in the end; it stays.
        starting, ending: told what is being done then.
    """
    # Short, as Unix sockets lie in it.
    home, port = Home(Path(tempfile.mkdtemp(prefix="crier-demo-")) / "home"), free_port()
    try:
        with Sandbox(folder, receipts_to=f"http://127.0.0.1:{port}") as sandbox:
            cluster = Cluster(home, services)
            try:
                with environment({**SETTINGS, **sandbox.environment, **preferred()}):
                    running = cluster.up(port=port, foreground=True, step=starting)
                credentials = Credentials.read(home.credentials)
                if credentials is None:
                    raise RuntimeError(f"{home.credentials} was not written")
                client = Client(credentials.url, credentials.api_key)
                yield Stage(client, Triage(client.access), sandbox, home, folder, running)
            finally:
                cluster.down(ending)
    finally:
        with suppress(OSError):
            shutil.copytree(home.logs, folder / "logs")
        shutil.rmtree(home.root.parent, ignore_errors=True)


def services(split: bool) -> Iterable[Program]:
    """Those of this installation; the lane that is shared by weight has workers of its own."""
    for program in programs.services(split=split):
        if program.name != "workers":
            yield program
            continue
        mine = {f"{channel}.{SHARED_LANE}" for channel in SHARED}
        every = {f"{name}.{lane}" for name in WORKERS if name not in LANELESS for lane in LANES} | LANELESS
        yield replace(program, command=(*program.command, "--queues", *sorted(every - mine)))
        routes = (f"{name}={value}" for name, value in shared().items())
        command = programs.worker(list(SHARED), "--queues", *sorted(mine))
        yield Program("sharing", ("env", *routes, *command))


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """The environment of this process for a while: what is harmless of it, and `settings`. Programs inherit it."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({name: value for name, value in before.items() if name.startswith(KEPT)} | dict(settings))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
