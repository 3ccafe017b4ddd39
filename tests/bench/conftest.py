"""The bench's own servers, for runs too small to measure anything."""

from collections.abc import Iterator

import pytest

from bench.run import Ground


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with Ground(durable=False) as started:
        yield started
