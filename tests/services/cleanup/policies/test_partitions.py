"""There is a month for what will be accepted, before it is."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from services.cleanup.months import months
from services.cleanup.policies.partitions import MONTHS_AHEAD, add
from shared.errors import LedgerUnavailable
from shared.ledger.partitions import PARTITIONED


def test_missing_months_are_made_and_the_rest_left_alone(database, ledger):
    known = [month.name for month in months(database)]
    assert len(known) == MONTHS_AHEAD + 1
    lost = [f"{table}_{known[-1]}" for table in PARTITIONED]
    database.execute(text(f"DROP TABLE {', '.join(lost)}"))
    assert add(ledger) == {"created": sorted(lost), "strays": 0}
    assert add(ledger) == {"created": [], "strays": 0}
    assert [month.name for month in months(database)] == known


def test_what_a_wrong_clock_put_outside_every_month_is_counted(history, ledger, now):
    history.add(now + timedelta(days=3650), count=7)
    assert add(ledger)["strays"] == 7


def test_a_busy_ledger_is_not_waited_for(database, ledger):
    last = months(database)[-1].name
    database.execute(text(f"DROP TABLE {', '.join(f'{table}_{last}' for table in PARTITIONED)}"))
    with database.transaction() as reading:
        reading.execute(text("SELECT count(*) FROM deliveries"))
        with pytest.raises(LedgerUnavailable, match="lock timeout"):
            add(ledger)
        assert last not in [month.name for month in months(database)], "all of a month or nothing of it"
    assert len(add(ledger)["created"]) == len(PARTITIONED)
