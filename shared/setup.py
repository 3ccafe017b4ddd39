"""`python -m shared.setup`: make a database ready for this version of Crier, before its services start.

Brings the schema up to date and adds the shipped templates that are new or changed. Safe to run again, and at once.
"""

import os
import sys

from shared.ledger.database import Database
from shared.ledger.migrations import upgrade
from shared.ledger.template_store import TemplateStore
from shared.templates.catalogue import load_catalogue


def prepare(database_url: str) -> list[str]:
    """Migrate and publish; the names of the shipped templates."""
    upgrade(database_url)
    catalogue = load_catalogue()
    database = Database(database_url, pool_size=1)
    try:
        store = TemplateStore(database)
        for name, bundle in catalogue.items():
            store.add(None, name, bundle.checksum, bundle.to_json())
    finally:
        database.close()
    return sorted(catalogue)


def main() -> None:
    """Prepare the database of CRIER_DATABASE_URL."""
    url = os.environ.get("CRIER_DATABASE_URL")
    if not url:
        sys.exit("CRIER_DATABASE_URL is not set: name the database to prepare.")
    print(f"The ledger is up to date. Templates: {', '.join(prepare(url))}.")  # noqa: T201


if __name__ == "__main__":
    main()
