"""A ledger of one test's own, and short ways to fill it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.crypto import Sealer, new_key
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.recovery import Recovery
from shared.ledger.work import Work

QUEUE = "sms.normal"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, pool_size=16)
    yield made
    made.close()


@pytest.fixture
def project_id(database: Database) -> int:
    return Keys(database).project("test")


@pytest.fixture
def work(database: Database) -> Work:
    return Work(database)


@pytest.fixture
def recovery(database: Database) -> Recovery:
    return Recovery(database)


@pytest.fixture
def acceptance(database: Database) -> Acceptance:
    return Acceptance(database)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(new_key())


@pytest.fixture
def drafts() -> Callable[..., list[Draft]]:
    """`drafts(3, lane="bulk")`: three SMS drafts, with what is given replaced."""

    def make(count: int = 1, **changes: Any) -> list[Draft]:
        plain = Draft(
            id=new_id(),
            channel="sms",
            lane="normal",
            kind="transactional",
            recipient={"phone": "+447700900123"},
            targets=("+447700900123",),
            on_unknown="resend",
            content={"body": "Hello"},
        )
        return [replace(plain, **{"id": new_id()} | changes) for _ in range(count)]

    return make
