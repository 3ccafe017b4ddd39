"""A scene of reminders."""

import pytest

from shared.ledger.database import Database
from shared.ledger.keys import Keys
from tests.services.relay.reminding import Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database, Keys(database).project("acme"))
