"""The ledger itself, for the commands that cannot go through the gateway."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crier.local.errors import LocalError, NotRunning
from crier.local.home import Home

if TYPE_CHECKING:
    from shared.ledger.database import Database


@contextmanager
def ledger() -> Iterator["Database"]:
    """The database of CRIER_DATABASE_URL, or of the cluster that runs in the home of `crier up`.

    Raises:
        NotRunning: there is neither.
        LocalError: it does not answer, or has no tables yet.
    """
    # Imported here: they take longer than all the rest.
    from crier.local.endpoints import check_database
    from shared.ledger.database import Database
    from shared.ledger.migrations import is_current

    url = os.environ.get("CRIER_DATABASE_URL", "").strip()
    if url:
        check_database(url)
    else:
        url = _of_cluster()
    if not is_current(url):
        raise LocalError("The ledger's tables are not those of this version: `python -m shared.setup` makes them so.")
    database = Database(url, pool_size=1)
    try:
        yield database
    finally:
        database.close()


def _of_cluster() -> str:
    from crier.local.running import Running

    home = Home.find()
    running = Running.read(home)
    if running is None or not running.is_alive():
        raise NotRunning(
            f"No ledger is known: no cluster is running in {home.root} (`crier up` starts one), "
            "and CRIER_DATABASE_URL is not set."
        )
    return running.environment["CRIER_DATABASE_URL"]
