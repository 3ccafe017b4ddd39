"""Schedules made an hour before noon, and who fires them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.schedule_rows import Schedule
from shared.ledger.schedules import Schedules
from shared.schedules.book import ScheduleBook
from shared.schedules.firing import Sweeper

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
SMS = {"channel": "sms", "to": {"phone": "+447700900123"}, "content": {"body": "Your table is ready."}}
Make = Callable[..., Schedule]


@pytest.fixture
def intake(database: Database) -> Intake:
    return Intake(database, Sealer(new_key()))


@pytest.fixture
def project_id(database: Database) -> int:
    return Keys(database).project("test")


@pytest.fixture
def schedules(database: Database) -> Schedules:
    return Schedules(database)


@pytest.fixture
def sweeper(intake: Intake, schedules: Schedules) -> Sweeper:
    return Sweeper(intake, schedules.fires)


@pytest.fixture
def make(intake: Intake, schedules: Schedules, project_id: int) -> Make:
    """A schedule made an hour before noon; hourly unless it says otherwise."""

    def made(name: str = "hourly", trigger: Any = None, **fields: Any) -> Schedule:
        book = ScheduleBook(intake, schedules, now=lambda: NOON - HOUR)
        asked = {"name": name, "trigger": trigger or {"every": "1h"}, "request": SMS, **fields}
        return book.create(project_id, asked, who="test")[0]

    return made


@pytest.fixture
def sent(database: Database) -> Callable[[], int]:
    """How many notifications were accepted."""
    return lambda: database.rows(text("SELECT count(*) AS count FROM notifications"))[0].count


@pytest.fixture
def times(database: Database) -> Callable[[], list[tuple[datetime, str]]]:
    """Every time that is written down, with its state."""
    statement = text("SELECT fire_time, state FROM schedule_fires ORDER BY fire_time, schedule_id")
    return lambda: [(row.fire_time, row.state) for row in database.rows(statement)]
