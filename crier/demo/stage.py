"""Where the demo plays: a private cluster whose every vendor is the sandbox. Nothing leaves this machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from crier.client import Client
from crier.local.cluster import Cluster, Step
from crier.local.credentials import Credentials
from crier.local.home import Home
from crier.local.ports import free_port
from crier.sandbox import Sandbox

# Everything else of the user's environment stays out: an account with a real vendor must not be found in it.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHON", "LD_LIBRARY_PATH", "DYLD_")
SETTINGS = {
    # Named, so that no vendor who is added later is chosen because of what is set.
    "CRIER_EMAIL_ROUTE": "smtp",
    "CRIER_SMS_ROUTE": "twilio",
    "CRIER_PUSH_ROUTE": "fcm",
    # Retries after about 1, 2 and 4 seconds instead of minutes.
    "CRIER_RETRY_BASE": "1",
    "CRIER_BRAND_NAME": "Harbour & Sons",
    "CRIER_BRAND_WEBSITE": "https://example.com",
    "CRIER_BRAND_SUPPORT_EMAIL": "help@example.com",
    "CRIER_BRAND_POSTAL_ADDRESS": "1 Quay Street, Portsmouth",
}


@dataclass(frozen=True)
class Stage:
    """The running cluster and its sandbox.

    Parameters:
        home: of the cluster; gone when the demo ends.
        database_url: of its ledger.
    """

    client: Client
    sandbox: Sandbox
    home: Home
    url: str
    database_url: str


@contextmanager
def stage(folder: Path, step: Step) -> Iterator[Stage]:
    """Start it; end everything that was started, however this is left.

    Parameters:
        folder: where the sandbox keeps what it receives, and the programs' logs are put in the end; it stays.
    """
    # Short, as Unix sockets lie in it.
    home = Home(Path(tempfile.mkdtemp(prefix="crier-demo-")) / "home")
    try:
        with Sandbox(folder) as sandbox:
            cluster = Cluster(home)
            with environment({**SETTINGS, **sandbox.environment}):
                running = cluster.up(port=free_port(), foreground=True, step=step)
            try:
                credentials = Credentials.read(home.credentials)
                if credentials is None:
                    raise RuntimeError(f"{home.credentials} was not written")
                client = Client(credentials.url, credentials.api_key)
                yield Stage(client, sandbox, home, running.url, running.environment["CRIER_DATABASE_URL"])
            finally:
                cluster.down(step)
    finally:
        with suppress(OSError):
            shutil.copytree(home.logs, folder / "logs")
        shutil.rmtree(home.root.parent, ignore_errors=True)


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
