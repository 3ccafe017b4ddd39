"""Lines are written soon, whole, and by nobody who has better things to do."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.telemetry.lines import Lines

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def read(pipe: Pipe, count: int) -> list[bytes]:
    """The first `count` lines; waits for them."""
    found = b""
    while found.count(b"\n") < count:
        found += os.read(pipe[0], 65536)
    return found.splitlines()


def test_lines_of_many_threads_are_written_whole_and_in_each_ones_order(pipe: Pipe) -> None:
    lines = Lines(pipe[1])

    def log(thread: int) -> None:
        for number in range(100):
            lines.add(b"%d %d %s" % (thread, number, b"x" * 200))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(log, range(8)))
        found = [line.split() for line in read(pipe, 800)]
    assert {line[2] for line in found} == {b"x" * 200}
    for thread in range(8):
        assert [int(line[1]) for line in found if int(line[0]) == thread] == list(range(100))


def test_a_process_that_was_forked_writes_its_own(pipe: Pipe) -> None:
    lines = Lines(pipe[1])
    lines.add(b"parent")
    assert read(pipe, 1) == [b"parent"]
    if (child := os.fork()) == 0:
        lines.add(b"child")
        lines.flush()
        os._exit(0)
    os.waitpid(child, 0)
    assert read(pipe, 1) == [b"child"]


def test_nobody_waits_for_a_reader_and_nothing_breaks_without_one() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing)
    for _ in range(60_000):
        lines.add(b"x" * 100)
    os.close(reading)
    lines.add(b"y")
    lines.flush()  # the thread may be writing still: its end of the pipe stays open
