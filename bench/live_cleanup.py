"""What cleanup does to an application that writes all the while: `python -m bench.live_cleanup`."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from crier.local.postgres import PostgresServer
from shared.crypto import new_key

RATE = 100
"""Transactions a second that the application makes, each of an insert and two updates by key."""
_POLICY = """
[databases]
shop = "SHOP_DATABASE_URL"
[tables.{name}]
schedule = "0 0 * * *"
database = "shop"
table = "{name}"
column = "seen_at"
older_than = "30d"
{archive}
"""
_MADE = """
    CREATE TABLE {table} (
        id bigint PRIMARY KEY, owner text NOT NULL, hits int NOT NULL DEFAULT 0, seen_at timestamptz NOT NULL);
    INSERT INTO {table}
    SELECT n, 'user ' || n, 0, now() - CASE WHEN n % 10 = 0 THEN interval '1 hour' ELSE interval '60 days' END
    FROM generate_series(1, {rows}) n;
    CREATE INDEX ON {table} (seen_at);
    CREATE TABLE {before} AS TABLE {table};
    VACUUM ANALYZE {table};
    CHECKPOINT;
"""
# Both ways, and as many times: neither has a row that the other has not.
_COMPARED = """
    WITH gone AS (SELECT * FROM {before} WHERE id NOT IN (SELECT id FROM {stayed})),
    back AS (SELECT * FROM {table} WHERE id NOT IN (SELECT id FROM {stayed}))
    SELECT (SELECT count(*) FROM back),
           (SELECT count(*) FROM (SELECT * FROM gone EXCEPT ALL SELECT * FROM back) one)
         + (SELECT count(*) FROM (SELECT * FROM back EXCEPT ALL SELECT * FROM gone) other)
"""


@dataclass(frozen=True)
class Seen:
    """What one way of cleaning did.

    Parameters:
        rows, seconds: removed, and how long that took.
        alone, beside: seconds of each of the application's transactions before and while it was cleaned.
        errors: what the application was refused. lost: rows of its that are gone although they were live.
        restored, different: rows put back, and those that are not as they were; None where nothing was archived.
    """

    what: str
    rows: int
    seconds: float
    alone: list[float]
    beside: list[float]
    errors: list[str]
    lost: int
    restored: int | None = None
    different: int | None = None
    restoring: float = 0.0


@click.command(
    epilog="""\b
Examples:
  python -m bench.live_cleanup                     a million rows, deleted and then archived: some minutes
  python -m bench.live_cleanup --rows 100000       a look
"""
)
@click.option("--rows", type=click.IntRange(10_000), default=1_000_000, show_default=True, help="Nine of ten are old.")
@click.option("--alone", type=float, default=20.0, show_default=True, help="Seconds without cleanup, to compare with.")
def main(rows: int, alone: float) -> None:
    """Clean a table of a private PostgreSQL while an application writes to it, at the default pace.

    The exit code is 1 when the application saw an error, a live row is gone, or what was restored is not what was
    deleted, row for row.
    """
    folder = Path(tempfile.mkdtemp(prefix="crier-live-cleanup-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where this is root
    server = PostgresServer(folder / "postgres", durable=True)
    server.start()
    try:
        seen = [_cleaned(server.database_url("postgres"), rows, alone, folder, archived=one) for one in (False, True)]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    Console(width=None if sys.stdout.isatty() else 170).print(_table(seen))
    if any(one.errors or one.lost or one.different for one in seen):
        raise SystemExit("\n".join(error for one in seen for error in one.errors) or "Rows are lost, or not as before.")


def _cleaned(url: str, rows: int, alone: float, folder: Path, *, archived: bool) -> Seen:
    name = "archived" if archived else "deleted"
    names = {"table": sql.Identifier(name), "before": sql.Identifier(f"{name}_before"), "rows": sql.Literal(rows)}
    names["stayed"] = sql.Identifier(f"{name}_stayed")
    archive = folder / "archive"
    archive.mkdir(exist_ok=True)
    cleanup = _Cleanup(url, folder / f"{name}.toml")
    cleanup.policies.write_text(_POLICY.format(name=name, archive=f'archive = "{archive}"' if archived else ""))
    with psycopg.connect(url, autocommit=True) as shop:
        for statement in sql.SQL(_MADE).format(**names).as_string(shop).split(";"):
            shop.execute(statement.encode())
        with _writing(url, name, rows) as told:
            time.sleep(alone)
            began = time.time()
            cleanup("run", name)
            ended = time.time()
        times, live, errors = told
        shop.execute(sql.SQL("CREATE TABLE {stayed} AS SELECT id FROM {table}").format(**names))
        left = [row[0] for row in shop.execute(sql.SQL("SELECT id FROM {stayed}").format(**names)).fetchall()]
        young = set(range(10, rows + 1, 10))
        removed = rows - sum(one <= rows for one in left)
        seen = Seen(
            name, removed, ended - began, [took for at, took in times if at + took < began],
            [took for at, took in times if began <= at < ended], errors, len((young | live) - set(left)),
        )  # fmt: skip
        if not archived:
            return seen
        began = time.time()
        cleanup("restore", "--policy", name, *map(str, sorted((archive / name).iterdir())))
        took = time.time() - began
        shop.execute("SET work_mem = '256MB'")
        found = shop.execute(sql.SQL(_COMPARED).format(**names)).fetchone()
        assert found is not None
    return replace(seen, restored=found[0], different=found[1], restoring=took)


@dataclass(frozen=True)
class _Cleanup:
    """The command, as people type it: `python -m services.cleanup`."""

    url: str
    policies: Path

    def __call__(self, *arguments: str) -> None:
        environ = {
            **os.environ, "CRIER_DATABASE_URL": self.url, "CRIER_BROKER_URL": "redis://127.0.0.1:1",
            "CRIER_SECRET_KEY": new_key(), "CRIER_CLEANUP_POLICIES": str(self.policies), "SHOP_DATABASE_URL": self.url,
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", "services.cleanup", *arguments], env=environ, check=True, stdout=subprocess.DEVNULL
        )


@contextmanager
def _writing(url: str, table: str, rows: int) -> Iterator[tuple[list[tuple[float, float]], set[int], list[str]]]:
    """The application, in a process of its own; what it says at its end: times, rows it made or woke, and errors."""
    context = multiprocessing.get_context("spawn")
    stop, answer = context.Event(), context.SimpleQueue()
    told: tuple[list[tuple[float, float]], set[int], list[str]] = ([], set(), [])
    application = context.Process(target=_write, args=(url, table, rows, stop, answer))
    application.start()
    try:
        yield told
    finally:
        stop.set()
        times, live, errors = answer.get()
        application.join()
        told[0].extend(times)
        told[1].update(live)
        told[2].extend(errors)


def _write(url: str, table: str, rows: int, stop: Event, answer: Any) -> None:
    """Add rows, and wake old and young ones, at a steady rate, however long each takes."""
    times: list[tuple[float, float]] = []
    live: set[int] = set()
    errors: list[str] = []
    named = sql.Identifier(table)
    insert = sql.SQL("INSERT INTO {} VALUES (%s, 'new', 0, now())").format(named)
    update = sql.SQL("UPDATE {} SET seen_at = now(), hits = hits + 1 WHERE id = %s").format(named)
    with psycopg.connect(url, autocommit=True) as shop:
        due, number = time.monotonic(), 0
        while not stop.is_set():
            number += 1
            due = max(due + 1 / RATE, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            began, clock = time.time(), time.perf_counter()
            try:
                with shop.transaction():
                    shop.execute(insert, [rows + number])
                    one, other = rows - number * 7 % rows, number * 13 % rows + 1
                    woken = [key for key in (one, other) if shop.execute(update, [key]).rowcount]
            except psycopg.Error as error:
                errors.append(f"{type(error).__name__}: {error}")
                continue
            times.append((began, time.perf_counter() - clock))
            live |= {rows + number, *woken}
    answer.put((times, live, errors))


def _table(seen: list[Seen]) -> Table:
    table = Table(title="An application that writes while old rows go", title_justify="left")
    table.add_column("")
    for one in seen:
        table.add_column(one.what, justify="right")
    lines: tuple[tuple[str, Callable[[Seen], str]], ...] = (
        ("old rows removed", lambda one: f"{one.rows:,}"),
        ("seconds", lambda one: f"{one.seconds:.0f} ({one.rows / one.seconds:,.0f} a second)"),
        ("the application's transactions meanwhile", lambda one: f"{len(one.beside):,}"),
        ("its errors", lambda one: str(len(one.errors))),
        ("live rows that are gone", lambda one: str(one.lost)),
        ("its median, without and with", lambda one: _compared(median, one)),
        ("its 99th percentile", lambda one: _compared(_p99, one)),
        ("its slowest", lambda one: _compared(max, one)),
        ("rows restored", lambda one: "–" if one.restored is None else f"{one.restored:,} in {one.restoring:.0f} s"),
        ("not as they were", lambda one: "–" if one.different is None else str(one.different)),
    )
    for what, said in lines:
        table.add_row(what, *(said(one) for one in seen))
    return table


def _compared(measure: Callable[[list[float]], float], one: Seen) -> str:
    without, beside = measure(one.alone), measure(one.beside)
    return f"{without * 1000:.1f} → {beside * 1000:.1f} ms (× {beside / without:.1f})"


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[98]


if __name__ == "__main__":
    main(prog_name="python -m bench.live_cleanup")
