"""History to clean: months with notifications in every state."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import getrandbits
from uuid import UUID

import pytest
from sqlalchemy import text

from services.cleanup.ledger import yielding_database
from shared.crypto import Sealer, new_key
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.database import Database
from shared.ledger.ids import lowest_id
from shared.ledger.keys import Keys
from shared.ledger.partitions import PARTITIONED

_LIVE = {
    "scheduled": "state = 'scheduled', due_at = now() + interval '1 year'",
    "queued": "state = 'queued', due_at = now()",
    "waiting for a retry": "state = 'queued', due_at = now() + interval '1 minute', attempts = 1, settled_at = :moment",
    "taken from a dead worker": "state = 'queued', due_at = now(), deaths = 1",
    "claimed": "state = 'claimed', due_at = NULL, lease_until = now() + interval '30 s', fence = 1",
    "started": "state = 'started', due_at = NULL, lease_until = now() + interval '30 s', fence = 1",
}
_ENDED = ("sent", "delivered", "undelivered", "failed", "unknown", "cancelled", "expired", "suppressed")
_IN_STATE = {state: f"state = '{state}', due_at = NULL, fence = 1, settled_at = :moment" for state in _ENDED} | _LIVE


class History:
    """Puts notifications into the past."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.project_id = Keys(database).project("test")
        self.sealer = Sealer(new_key())

    def month(self, moment: datetime) -> str:
        """The name of the month of `moment`, whose partitions are made when missing."""
        start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (start + timedelta(days=31)).replace(day=1)
        for table in PARTITIONED:
            self.database.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {table}_{start:%Y_%m} PARTITION OF {table}"
                    f" FOR VALUES FROM ('{lowest_id(start)}') TO ('{lowest_id(end)}')"
                )
            )
        return f"{start:%Y_%m}"

    def add(
        self,
        moment: datetime,
        state: str = "delivered",
        *,
        count: int = 1,
        targets: int = 1,
        secret: bool = False,
        ended: datetime | None = None,
    ) -> list[UUID]:
        """Notifications accepted at `moment`, whose deliveries are in `state` (since `ended`, or `moment`)."""
        drafts = [self._draft(moment, targets, secret) for _ in range(count)]
        Acceptance(self.database).accept(self.project_id, drafts)
        ids = [draft.id for draft in drafts]
        parameters = {"ids": ids, "accepted": moment, "moment": ended or moment}
        for statement in (
            "UPDATE notifications SET accepted_at = :accepted WHERE id = ANY(:ids)",
            f"UPDATE deliveries SET {_IN_STATE[state]} WHERE notification_id = ANY(:ids)",
            "INSERT INTO attempts (delivery_id, fence, provider, outcome)"
            " SELECT id, fence, 'test', 'sent' FROM deliveries WHERE notification_id = ANY(:ids)",
        ):
            self.database.execute(text(statement), parameters)
        return ids

    def rows(self, table: str, column: str = "id") -> set[UUID]:
        """The ids in a table."""
        return {row[0] for row in self.database.rows(text(f"SELECT {column} FROM {table}"))}

    def is_whole(self, ids: list[UUID], targets: int = 1) -> bool:
        """Whether notifications are there with every delivery and attempt."""
        found = self.database.rows(
            text(
                "SELECT n.id, count(d.id) AS deliveries, count(a.delivery_id) AS attempts FROM notifications n"
                " JOIN deliveries d ON d.notification_id = n.id LEFT JOIN attempts a ON a.delivery_id = d.id"
                " WHERE n.id = ANY(:ids) GROUP BY n.id"
            ),
            {"ids": ids},
        )
        return len(found) == len(ids) and all(row.deliveries == row.attempts == targets for row in found)

    def _draft(self, moment: datetime, targets: int, secret: bool) -> Draft:
        return Draft(
            id=UUID(int=lowest_id(moment).int | 7 << 76 | getrandbits(12) << 64 | 0b10 << 62 | getrandbits(62)),
            channel="sms",
            lane="normal",
            kind="transactional",
            recipient={"phone": "+447700900123"},
            targets=tuple(f"+4477009001{number:02}" for number in range(targets)),
            on_unknown="resend",
            content={"body": "Hello"},
            secret=self.sealer.seal({"code": "123456"}) if secret else None,
        )


@pytest.fixture(params=_LIVE)
def live(request: pytest.FixtureRequest) -> str:
    """Each way in which a delivery can be live."""
    return str(request.param)


@pytest.fixture(params=_ENDED)
def ended(request: pytest.FixtureRequest) -> str:
    """Each state in which nothing more happens by itself."""
    return str(request.param)


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


@pytest.fixture
def now(database: Database) -> datetime:
    """The time when the test began."""
    moment: datetime = database.rows(text("SELECT now()"))[0][0]
    return moment.astimezone(UTC)


@pytest.fixture
def ledger(database_url: str) -> Iterator[Database]:
    """The ledger as cleanup opens it."""
    made = yielding_database(database_url, lock_timeout=0.2, deadline=60)
    yield made
    made.close()
