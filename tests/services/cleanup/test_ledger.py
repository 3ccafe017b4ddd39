"""Cleanup's sessions give way, whatever else the URL asks for."""

import pytest
from sqlalchemy import text

from services.cleanup.ledger import yielding_database


@pytest.mark.parametrize(
    ("options", "statement_timeout"),
    [("", "0"), ("?options=-c%20statement_timeout%3D5000%20-c%20work_mem%3D5MB", "5s")],
)
def test_no_lock_is_waited_for_longer_than_set(database_url, options, statement_timeout):
    ledger = yielding_database(database_url + options, lock_timeout=0.25, deadline=10)
    shown = [ledger.rows(text(f"SHOW {name}"))[0][0] for name in ("lock_timeout", "statement_timeout")]
    ledger.close()
    assert shown == ["250ms", statement_timeout]
