"""Makes an API key and prints it, this once: `docker compose run --rm key shop`, or `… key shop read` to look only."""

import argparse
import os
import sys

from shared.errors import CrierError
from shared.ledger.database import Database
from shared.ledger.keys import SCOPES, Keys


def main() -> None:
    """Make a key in the ledger of CRIER_DATABASE_URL."""
    parser = argparse.ArgumentParser(prog="key", description="Make an API key.")
    parser.add_argument("project", help="whose it is; made when there is none")
    parser.add_argument("scopes", nargs="*", metavar="scope", help=f"what it may do, of: {', '.join(SCOPES)}")
    arguments = parser.parse_args()
    database = Database(os.environ["CRIER_DATABASE_URL"], pool_size=1)
    try:
        key = Keys(database).create(arguments.project, scopes=tuple(arguments.scopes) or ("send", "read"))
    except CrierError as error:
        sys.exit(str(error))
    finally:
        database.close()
    sys.stdout.write(f"{key}\n")


if __name__ == "__main__":
    main()
