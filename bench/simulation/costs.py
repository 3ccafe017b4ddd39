"""What a message costs: read from a result of the bench and from `bench/costs.toml`. Seconds and bytes, unless said."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any, Self, TypeVar

import orjson

OURS = "crier"
BATCH, GATEWAYS = 100, 2
"""What the bench runs with: `CRIER_BATCH_SIZE`, and `WEB_PROCESSES` of `bench.run`."""


class BadInput(Exception):
    """A file that cannot be used; the text names the field."""


@dataclass(frozen=True)
class Linear:
    """What a statement costs: for itself, and for each of its rows."""

    fixed: float
    each: float

    def of(self, rows: float) -> float:
        """With so many rows."""
        return self.fixed + self.each * rows

    @classmethod
    def through(cls, alone: float, together: float, rows: float) -> Self:
        """The line of which a row costs `alone` by itself and `together` among so many."""
        fixed = max(0.0, alone - together) / (1 - 1 / rows) if rows > 1 else 0.0
        return cls.of_share(fixed, together, rows)

    @classmethod
    def of_share(cls, fixed: float, together: float, rows: float) -> Self:
        """The same, where the statement's own cost is known."""
        return cls(fixed, max(0.0, together - fixed / rows))


@dataclass(frozen=True)
class Beside:
    """What the bench does not report and was measured beside it, on the same machine: `[measured]`.

    Parameters:
        flush_ms: until a commit is on disk.
        round_trip_ms: a question to Redis or PostgreSQL that costs next to nothing.
        bell_ms: from a ring until a thread that waits has the bell.
        load_us: CPU of whoever makes a request of the bench.
        stand_in_us: CPU of the provider's stand-in, a call.
        relay_cores: what the relay uses while a lane drains.
        redis_accept_us, redis_deliver_us: CPU of Redis, an acceptance and a delivery in a batch.
        accept_python_statement_us, accept_sql_statement_us: CPU of the statement that accepts, whatever its size.
        accepted_together: how many share a statement at 64 connections.
        batch_python_share: of what a batch costs whatever its size, the worker's part; the rest is PostgreSQL's.
        claim_part, start_part, settle_part: of PostgreSQL's CPU for a delivery.
        wal_accept_bulk, wal_accept_one, wal_deliver: bytes of log, a notification.
        disk_notification: bytes of tables and indexes that a notification leaves behind.
    """

    flush_ms: float
    round_trip_ms: float
    bell_ms: float
    load_us: float
    stand_in_us: float
    relay_cores: float
    redis_accept_us: float
    redis_deliver_us: float
    accept_python_statement_us: float
    accept_sql_statement_us: float
    accepted_together: float
    batch_python_share: float
    claim_part: float
    start_part: float
    settle_part: float
    wal_accept_bulk: float
    wal_accept_one: float
    wal_deliver: float
    disk_notification: float


@dataclass(frozen=True)
class Assumed:
    """What nobody has measured: `[assumed]`. Replace it by what you know.

    Parameters:
        busy: how busy anything is planned to be at the peak.
        contention: the part of PostgreSQL's work that does not run side by side (Amdahl), for many cores.
        wal_mb_s: what one disk writes of the log, MB/s.
        replay_mb_s: what one standby replays, MB/s; it does so in one process.
        network_ms: there and back to a database on another machine.
        bulk: the part of all notifications that is accepted in bulk.
        receipts: reports of providers, a notification.
        receipt_gateway_us, receipt_relay_us, receipt_sql_us: CPU for each: where it comes in, where it takes effect,
            and of PostgreSQL.
        receipt_log, receipt_disk: bytes for each.
        month_core, month_gb, month_disk_tb: list prices a month: a core, a GB of memory, a TB of fast disk.
        currency: of these.
    """

    busy: float
    contention: float
    wal_mb_s: float
    replay_mb_s: float
    network_ms: float
    bulk: float
    receipts: float
    receipt_gateway_us: float
    receipt_relay_us: float
    receipt_sql_us: float
    receipt_log: float
    receipt_disk: float
    month_core: float
    month_gb: float
    month_disk_tb: float
    currency: str


@dataclass(frozen=True)
class Measured:
    """The points that a simulation must meet, and what they cost.

    Parameters:
        drain: by size of batch, messages a second.
        slow: the same with a provider that answers after 100 ms.
        accept: by connections, requests a second.
        accept_p50: by connections, seconds.
        critical: by percentile, seconds from acceptance to call while a campaign drains.
        pick_up: the median of the same when idle.
    """

    drain: dict[int, float]
    instant: float
    slow: float
    accept: dict[int, float]
    accept_p50: dict[int, float]
    critical: dict[int, float]
    pick_up: float | None
    cores: int
    processes: int
    memory_worker_mb: float
    memory_gateway_mb: float
    where: str


@dataclass(frozen=True)
class Costs:
    """CPU seconds of each step.

    Parameters:
        accept_python, accept_sql: an acceptance by itself, by requests that share a statement.
        bulk_python, bulk_sql: a row of a bulk request.
        python, sql: a delivery, by messages in a batch.
        call: what the worker does besides for a call over HTTP.
    """

    accept_python: Linear
    accept_sql: Linear
    bulk_python: float
    bulk_sql: float
    python: Linear
    sql: Linear
    call: float
    beside: Beside
    assumed: Assumed
    measured: Measured


_T = TypeVar("_T", Beside, Assumed)
_DIVISORS = {"busy", "wal_mb_s", "replay_mb_s", "accepted_together"}
_PARTS = {"busy", "contention", "bulk", "batch_python_share", "claim_part", "start_part", "settle_part", "relay_cores"}


def load(results: Path, beside: Path) -> Costs:
    """The costs in a result of the bench and in the file beside it.

    Raises:
        BadInput: a field is missing or is no positive number, or the bench did not measure something.
    """
    try:
        tables = tomllib.loads(beside.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{beside}: {error}") from None
    measured_beside = _table(Beside, tables, "measured", beside.name)
    assumed = _table(Assumed, tables, "assumed", beside.name)
    return _costs(_Figures(results), measured_beside, assumed)


def _table(kind: type[_T], tables: dict[str, Any], name: str, file: str) -> _T:
    given = tables.get(name, {})
    wanted = {field.name: field.type for field in fields(kind)}
    if unknown := given.keys() - wanted:
        raise BadInput(f"{file}: {name}.{min(unknown)}: there is no such field")
    for key, type_ in wanted.items():
        value = given.get(key)
        if value is None:
            raise BadInput(f"{file}: {name}.{key}: missing")
        if type_ is str and isinstance(value, str):
            continue
        if type_ is str or isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadInput(f"{file}: {name}.{key}: a number, 0 or more, is wanted, not {value!r}")
        if key in _DIVISORS and value == 0:
            raise BadInput(f"{file}: {name}.{key}: more than 0 is wanted")
        if key in _PARTS and value > 1:
            raise BadInput(f"{file}: {name}.{key}: a part of 1 is wanted, not {value!r}")
    return kind(**given)


class _Figures:
    """The medians of our side in a result of the bench."""

    def __init__(self, path: Path) -> None:
        self._file = path.name
        try:
            found = orjson.loads(path.read_bytes())
            self.machine: dict[str, Any] = found["machine"]
            runs = [run for run in found["runs"] if run["side"] == OURS and not run["failure"]]
            self._values: dict[tuple[str, str], list[float]] = {}
            for run in runs:
                for key, value in run["figures"].items():
                    self._values.setdefault((run["scenario"], key), []).append(float(value))
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}; `python -m bench --write {path.parent}` makes one") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{path}: not a result of the bench ({type(error).__name__}: {error})") from None

    def get(self, scenario: str, key: str) -> float:
        """One that must be there."""
        values = self._values.get((scenario, key))
        if not values:
            raise BadInput(f"{self._file}: {scenario}.{key}: not measured; `python -m bench --only {scenario}` does")
        if (value := median(values)) <= 0:
            raise BadInput(f"{self._file}: {scenario}.{key}: {value} is no cost and no rate")
        return value

    def points(self, scenario: str, key: str) -> dict[int, float]:
        """A curve: what is called `key@x`, by x."""
        keys = {name for where, name in self._values if where == scenario and name.startswith(f"{key}@")}
        return {x: self.get(scenario, f"{key}@{x}") for x in sorted(int(name.partition("@")[2]) for name in keys)}

    def maybe(self, scenario: str, key: str) -> float | None:
        """One that need not be there."""
        return self.get(scenario, key) if (scenario, key) in self._values else None


def _costs(figures: _Figures, beside: Beside, assumed: Assumed) -> Costs:
    def own_and_servers(scenario: str) -> tuple[float, float]:
        own = figures.get(scenario, "cpu")
        return own / 1e3, (figures.get(scenario, "cpu_all") - own) / 1e3

    python, sql = own_and_servers("drain-instant")
    alone = figures.get("batch-size", "cpu@1") / 1e3
    batch = Linear.through(alone, python + sql, BATCH)
    ours, theirs = beside.batch_python_share, 1 - beside.batch_python_share
    accept_python, accept_sql = own_and_servers("accept-one")
    bulk_python, bulk_sql = own_and_servers("accept-bulk-sms")
    machine, together = figures.machine, beside.accepted_together
    return Costs(
        accept_python=Linear.of_share(beside.accept_python_statement_us / 1e6, accept_python, together),
        accept_sql=Linear.of_share(beside.accept_sql_statement_us / 1e6, accept_sql, together),
        bulk_python=bulk_python,
        bulk_sql=bulk_sql,
        python=Linear.of_share(batch.fixed * ours, python, BATCH),
        sql=Linear.of_share(batch.fixed * theirs, sql, BATCH),
        call=max(0.0, own_and_servers("drain-100-ms")[0] - python),
        beside=beside,
        assumed=assumed,
        measured=Measured(
            drain=figures.points("batch-size", "rate"),
            instant=figures.get("drain-instant", "rate"),
            slow=figures.get("drain-100-ms", "rate"),
            accept=figures.points("accept-one", "rate"),
            accept_p50={load: ms / 1e3 for load, ms in figures.points("accept-one", "p50").items()},
            critical={p: ms / 1e3 for p, ms in figures.points("critical-instant", "ms").items()},
            pick_up=None if (ms := figures.maybe("pick-up", "p50")) is None else ms / 1e3,
            cores=int(machine.get("usable_cores") or machine["cores"]),
            processes=int(machine["our_worker_processes"]),
            memory_worker_mb=figures.get("drain-instant", "memory") / int(machine["our_worker_processes"]),
            memory_gateway_mb=figures.get("accept-one", "memory") / GATEWAYS,
            where=f"{machine['processor']}, {machine['usable_cores']} cores, {str(machine['began'])[:16]}Z",
        ),
    )
