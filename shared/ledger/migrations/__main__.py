"""`python -m shared.ledger.migrations`: bring the database of CRIER_DATABASE_URL up to date."""

import os
import sys

from shared.ledger.migrations import upgrade

url = os.environ.get("CRIER_DATABASE_URL")
if not url:
    sys.exit("CRIER_DATABASE_URL is not set: name the database to migrate.")
upgrade(url)
