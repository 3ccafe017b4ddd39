"""The rows of the matrix: a module for each family of faults, listed here in order."""

from chaos.row import Row
from chaos.rows import (
    bodies,
    broker_away,
    campaign,
    clock_wrong,
    clocks_killed,
    database_away,
    gateway_killed,
    plans_fall_due,
    poison,
    provider_busy,
    provider_down,
    provider_slow,
    receipts_shuffled,
    rolling_stop,
    worker_killed,
)

_FAMILIES = (
    gateway_killed,
    worker_killed,
    clocks_killed,
    broker_away,
    database_away,
    provider_busy,
    provider_down,
    provider_slow,
    clock_wrong,
    receipts_shuffled,
    poison,
    bodies,
    rolling_stop,
    plans_fall_due,
    campaign,
)
ROWS: tuple[Row, ...] = tuple(row for family in _FAMILIES for row in family.ROWS)
