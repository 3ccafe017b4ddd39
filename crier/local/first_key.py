"""The API key of a local cluster."""

from crier.local.credentials import Credentials
from crier.local.home import Home

PROJECT = "default"


def first_key(home: Home, database_url: str, gateway_url: str) -> Credentials:
    """Make sure `credentials.toml` holds the gateway's address and a key that its ledger knows."""
    from shared.ledger.database import Database
    from shared.ledger.keys import SCOPES, Keys

    kept = Credentials.read(home.credentials)
    database = Database(database_url, pool_size=1)
    try:
        keys = Keys(database)
        if kept and keys.check(kept.api_key):
            credentials = Credentials(gateway_url, kept.api_key)
        else:
            credentials = Credentials(gateway_url, keys.create(PROJECT, name="crier up", scopes=SCOPES))
    finally:
        database.close()
    if credentials != kept:
        credentials.write(home.credentials)
    return credentials
