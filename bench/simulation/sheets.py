"""The tables of `docs/scaling.md`, from the arithmetic and the simulation; the same ones for the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.simulation.costs import Costs
from bench.simulation.path import Simulation, Site
from bench.simulation.predictions import predictions
from bench.simulation.sizes import BILLION, DAY, PEAK, Fleet, Size, Use

MACHINES, DATABASES = (2, 4, 8, 16, 32), (8, 16, 32, 64)
DAILY = (1_000_000, 10_000_000, 100_000_000, BILLION)
LATENCIES, CALLS = (0.1, 0.5, 2.0), 50
RETAINED = (7, 30, 90)
GB_A_CORE = 4
"""Memory that goes with a core of PostgreSQL."""
_MOST_DATABASE = 32
"""Cores of a PostgreSQL in the tables: larger ones are sold, and few have seen them."""


@dataclass(frozen=True)
class Sheet:
    """A table. All cells are text; the first column is aligned to the left.

    Parameters:
        note: under it, on the page.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """For a page."""
        lines = [self.columns, ["---"] + ["--:"] * (len(self.columns) - 1), *self.rows]
        table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
        return f"{table}\n\n{self.note}" if self.note else table


def sheets(costs: Costs) -> Iterator[Sheet]:
    """All of them, in the order of the page."""
    yield _points(costs)
    yield _demands(costs)
    yield _machines(costs)
    yield _databases(costs)
    yield _days(costs)
    yield _latencies(costs)
    yield _storage(costs)


def write(page: Path, made: Iterable[Sheet]) -> list[str]:
    """Put the tables between their marks in a page; the names of those that have no place there."""
    text, missing = page.read_text(), []
    for sheet in made:
        begin, end = f"<!-- {sheet.name} -->", f"<!-- /{sheet.name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if found and ended:
            text = f"{before}{begin}\n{sheet.markdown()}\n{end}{after}"
        else:
            missing.append(sheet.name)
    page.write_text(text)
    return missing


def _points(costs: Costs) -> Sheet:
    rows = [
        [f"{point.what}, {point.unit}", number(point.measured), number(point.predicted), f"{point.off:+.0%}"]
        for point in predictions(costs)
    ]
    where = f"Measured on {costs.measured.where}."
    return Sheet("points", f"Simulated. {where}", ["point", "measured", "simulated", "difference"], rows, where)


def _demands(costs: Costs) -> Sheet:
    bulk, one = Use.of(costs, bulk=1.0), Use.of(costs, bulk=0.0)
    micro = 1e6
    rows = [
        [what, number(in_bulk), number(singly)]
        for what, in_bulk, singly in (
            ("gateway, receipts included, µs of CPU", bulk.gateway * micro, one.gateway * micro),
            ("worker, with a call over HTTP, µs of CPU", bulk.worker * micro, one.worker * micro),
            ("PostgreSQL, µs of CPU", bulk.database * micro, one.database * micro),
            ("relay, for receipts, µs of CPU", bulk.relay * micro, one.relay * micro),
            ("Redis, µs of CPU", bulk.broker * micro, one.broker * micro),
            ("write-ahead log, bytes", bulk.log, one.log),
            ("tables and indexes, bytes", bulk.disk, one.disk),
        )
    ]
    return Sheet("demands", "What a notification uses", ["", "accepted in bulk", "accepted by itself"], rows)


def _machines(costs: Costs) -> Sheet:
    rows = []
    for cores in MACHINES:
        size = Size(costs, cores, app_cores=cores)
        drain = Simulation(costs, Site(cores, workers=cores)).rate_of_drain()
        rows.append([str(cores), number(drain), number(size.rate), millions(size.a_day), size.limits[0].what])
    columns = ["cores", "drain, simulated, /s", "accepted and delivered, /s", "a day", "saturates first"]
    return Sheet("machines", "Everything on one machine", columns, rows)


def _databases(costs: Costs) -> Sheet:
    rows = []
    for cores in DATABASES:
        size = Size(costs, cores, standby=True)
        fleet = Fleet(costs, size.rate)
        shown = size.busy(size.rate)
        others = ", ".join(f"{what} {share:.0%}" for what, share in list(shown.items())[1:])
        rows.append(
            [str(cores), number(size.rate), millions(size.a_day), size.limits[0].what, others, str(fleet.app_cores)]
        )
    columns = [
        "cores of PostgreSQL", "accepted and delivered, /s", "a day", "saturates first", "then", "cores of the rest"
    ]  # fmt: skip
    return Sheet("databases", "PostgreSQL on a machine of its own, with a synchronous standby", columns, rows)


def _days(costs: Costs) -> Sheet:
    rows = []
    for day in DAILY:
        plan = Plan.of(costs, day)
        fleet, first = plan.fleet, plan.size.limits[0].what
        rows.append([
            millions(day), number(plan.peak), f"{plan.size.shards} × {plan.size.database_cores}",
            str(fleet.gateways), str(fleet.workers), str(fleet.relays), number(fleet.connections),
            f"{plan.app_cores + 2 * plan.database_cores:,}", f"{plan.memory_gb:,.0f}",
            number(plan.peak * plan.size.use.log / 1e6), f"{first}, {plan.size.busy(plan.peak)[first]:.0%}",
            number(plan.price),
        ])  # fmt: skip
    columns = [
        "a day", "peak, /s", "PostgreSQL: shards × cores", "gateways", "workers", "relays", "connections",
        "cores, all", "GB, all", "log at the peak, MB/s", "busiest of a shard", f"a month, {costs.assumed.currency}",
    ]  # fmt: skip
    return Sheet("days", "From a million to a billion a day", columns, rows)


def _latencies(costs: Costs) -> Sheet:
    peak = BILLION / DAY * PEAK
    rows = []
    for latency in LATENCIES:
        fleet = Fleet(costs, peak, latency, CALLS)
        alone = CALLS / latency
        rows.append([
            f"{latency:g} s", number(alone), str(fleet.workers_by_cpu), number(fleet.workers_by_calls),
            f"{fleet.workers * costs.measured.memory_worker_mb / 1e3:,.0f}",
        ])  # fmt: skip
    columns = [
        "provider takes", f"a process with {CALLS} calls open, /s", "workers its CPU takes", "workers its calls take",
        "their memory, GB",
    ]  # fmt: skip
    return Sheet("latencies", "Workers for a billion a day, by the provider's latency", columns, rows)


def _storage(costs: Costs) -> Sheet:
    use = Use.of(costs)
    rows = []
    for day in DAILY:
        rows.append([
            millions(day), size_of(day * use.log), size_of(day * use.disk),
            *(size_of(day * use.disk * days) for days in RETAINED), number(day * 30.4 / 1e9),
        ])  # fmt: skip
    columns = ["a day", "log a day", "kept a day", *(f"kept {days} days" for days in RETAINED), "10⁹ rows a month"]
    return Sheet("storage", "Disk", columns, rows)


@dataclass(frozen=True)
class Plan:
    """What a number of notifications a day takes: shards no larger than is usual, and processes for its peak."""

    costs: Costs
    size: Size
    peak: float
    day: float

    @classmethod
    def of(cls, costs: Costs, day: float) -> "Plan":
        """The fewest shards, of the smallest PostgreSQL that will do."""
        peak = day / DAY * PEAK
        shards = 1
        while True:
            for cores in (2, 4, 8, 16, _MOST_DATABASE):
                size = Size(costs, cores, shards=shards, standby=True)
                if size.rate >= peak:
                    return cls(costs, size, peak, day)
            shards += 1

    @property
    def fleet(self) -> Fleet:
        """Gateways and workers of all shards."""
        return Fleet(self.costs, self.peak)

    @property
    def database_cores(self) -> int:
        """Of all primaries; standbys are as many again."""
        return self.size.shards * self.size.database_cores

    @property
    def app_cores(self) -> int:
        """Of gateways and workers."""
        return self.fleet.app_cores

    @property
    def memory_gb(self) -> float:
        """Of processes, and of PostgreSQL with its standbys."""
        return self.fleet.memory_gb + 2 * self.database_cores * GB_A_CORE

    @property
    def disk_tb(self) -> float:
        """Of 30 days, twice."""
        return 2 * 30 * self.day * self.size.use.disk / 1e12

    @property
    def price(self) -> float:
        """A month, by the list prices that are assumed."""
        assumed = self.costs.assumed
        cores = self.app_cores + 2 * self.database_cores
        return cores * assumed.month_core + self.memory_gb * assumed.month_gb + self.disk_tb * assumed.month_disk_tb


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        digits = 10 ** (len(f"{value:.0f}") - 3)
        return f"{round(value / digits) * digits:,}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def millions(value: float) -> str:
    """So many million."""
    return f"{number(value / 1e6)} million"


def size_of(value: float) -> str:
    """Bytes, for people."""
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if value >= size:
            return f"{number(value / size)} {unit}"
    return f"{number(value / 1e6)} MB"
