"""The ground of the rows, started once, and rows in a tenth of their time."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chaos.ground import Ground
from chaos.matrix import run_row
from chaos.row import Row
from chaos.rows import ROWS
from chaos.seen import Outcome

HASTY = {
    "CRIER_PROVIDER_TIMEOUT": "1.5",
    "CRIER_BATCH_TIMEOUT": "2.5",
    "CRIER_TIME_LIMIT": "3",
    "CRIER_LEASE": "4",
}

Run = Callable[[str, str], Outcome]


@pytest.fixture(scope="session")
def redis_ground() -> Iterator[Ground]:
    with Ground("redis", durable=False) as ground:
        yield ground


@pytest.fixture(scope="session")
def rabbitmq_ground() -> Iterator[Ground]:
    with Ground("rabbitmq", durable=False) as ground:
        yield ground


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Runs the row whose fault begins so, on a broker."""

    def of(fault: str, broker: str) -> Outcome:
        row = named(fault)
        ground = request.getfixturevalue(f"{broker}_ground")
        return run_row(ground, replace(row, settings={**row.settings, **HASTY}), seed=1, quick=True)

    return of


def named(fault: str) -> Row:
    """The row whose fault begins so."""
    [row] = [row for row in ROWS if row.fault.startswith(fault)]
    return row
