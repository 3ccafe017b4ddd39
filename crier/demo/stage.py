"""Where the demo plays: a private cluster whose every vendor is the sandbox. Nothing leaves this machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from crier.client import Client
from crier.demo.rounds import FIRST, Vendors, routes
from crier.local.cluster import Cluster, Step, silently
from crier.local.credentials import Credentials
from crier.local.home import Home
from crier.local.ports import free_port
from crier.local.running import Running
from crier.sandbox import Sandbox

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
        running: what runs of it now.
        vendors: who sends now, by channel.
    """

    client: Client
    sandbox: Sandbox
    home: Home
    running: Running
    vendors: dict[str, str]

    @property
    def database_url(self) -> str:
        """Of the ledger."""
        return self.running.environment["CRIER_DATABASE_URL"]

    def use(self, vendors: Vendors, step: Step = silently) -> None:
        """Start everything anew with other vendors. What was accepted stays."""
        cluster = Cluster(self.home)
        cluster.down(step)
        self.vendors |= vendors
        self.running = _up(cluster, self.sandbox, self.vendors, step, port=urlsplit(self.running.url).port)


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
            running = _up(cluster, sandbox, FIRST, step)
            try:
                credentials = Credentials.read(home.credentials)
                if credentials is None:
                    raise RuntimeError(f"{home.credentials} was not written")
                client = Client(credentials.url, credentials.api_key)
                yield Stage(client, sandbox, home, running, dict(FIRST))
            finally:
                cluster.down(step)
    finally:
        with suppress(OSError):
            shutil.copytree(home.logs, folder / "logs")
        shutil.rmtree(home.root.parent, ignore_errors=True)


def _up(cluster: Cluster, sandbox: Sandbox, vendors: Vendors, step: Step, port: int | None = None) -> Running:
    # The route is named, so that no vendor is chosen because of what is set.
    with environment({**SETTINGS, **sandbox.environment, **routes(vendors)}):
        return cluster.up(port=port or free_port(), foreground=True, step=step)


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
