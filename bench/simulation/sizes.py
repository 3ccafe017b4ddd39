"""The arithmetic of sizes: the utilisation law, applied to everything a notification uses.

What is used a second is the rate times what one notification uses. Whatever is first as busy as it may be limits the
rate. PostgreSQL's cores are counted with the part of its work that does not run side by side (Amdahl's law).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from bench.simulation.costs import BATCH, Costs

DAY = 86_400
PEAK = 5
"""How many times the mean of a day its busiest second has."""
BILLION = 1_000_000_000
THREADS = 12
RELAY_CONNECTIONS = 4


@dataclass(frozen=True)
class Use:
    """What a notification uses from acceptance to its end, in core-seconds and bytes."""

    gateway: float
    worker: float
    database: float
    broker: float
    relay: float
    log: float
    disk: float

    @classmethod
    def of(cls, costs: Costs, bulk: float | None = None) -> "Use":
        """Of the mix of single and bulk acceptance that is assumed, or another one."""
        beside = costs.beside
        bulk = costs.assumed.bulk if bulk is None else bulk
        together, one = beside.accepted_together, 1 - bulk

        def mixed(of_bulk: float, of_one: float) -> float:
            return bulk * of_bulk + one * of_one

        redis, redis_deliver = beside.redis_accept_us / 1e6, beside.redis_deliver_us / 1e6
        assumed, receipts = costs.assumed, costs.assumed.receipts
        return cls(
            gateway=mixed(costs.bulk_python, costs.accept_python.of(together) / together)
            + receipts * assumed.receipt_gateway_us / 1e6,
            worker=costs.python.of(BATCH) / BATCH + costs.call,
            database=mixed(costs.bulk_sql, costs.accept_sql.of(together) / together - redis)
            + costs.sql.of(BATCH) / BATCH
            - redis_deliver
            + receipts * assumed.receipt_sql_us / 1e6,
            broker=one * redis + redis_deliver,
            relay=receipts * assumed.receipt_relay_us / 1e6,
            log=mixed(beside.wal_accept_bulk, beside.wal_accept_one)
            + beside.wal_deliver
            + receipts * assumed.receipt_log,
            disk=beside.disk_notification + receipts * assumed.receipt_disk,
        )

    @property
    def cores(self) -> float:
        """Core-seconds of everything."""
        return self.gateway + self.worker + self.database + self.broker + self.relay


@dataclass(frozen=True)
class Limit:
    """What would limit the rate, and to how much (notifications a second)."""

    what: str
    rate: float


@dataclass(frozen=True)
class Size:
    """One way to set it up, and what it carries.

    Parameters:
        database_cores: of each PostgreSQL.
        app_cores: of the machine everything shares; None when PostgreSQL has its own and the others have enough.
        shards: installations the projects are divided among.
        standby: whether a commit waits for a synchronous standby.
    """

    costs: Costs
    database_cores: int
    app_cores: int | None = None
    shards: int = 1
    standby: bool = False

    @cached_property
    def use(self) -> Use:
        """What a notification uses."""
        return Use.of(self.costs)

    @cached_property
    def limits(self) -> list[Limit]:
        """All of them, the lowest first."""
        assumed, use, n = self.costs.assumed, self.use, self.shards
        found = [Limit("disk of the log", n * assumed.wal_mb_s * 1e6 * assumed.busy / use.log)]
        if self.app_cores is None:
            cores = effective(self.database_cores, assumed.contention)
            found.append(Limit("PostgreSQL's cores", n * cores * assumed.busy / use.database))
        else:
            found.append(Limit("the machine's cores", n * self.app_cores * assumed.busy / use.cores))
        if self.standby:
            found.append(Limit("replay on the standby", n * assumed.replay_mb_s * 1e6 * assumed.busy / use.log))
        return sorted(found, key=lambda limit: limit.rate)

    @property
    def rate(self) -> float:
        """Notifications a second at the peak."""
        return self.limits[0].rate

    @property
    def a_day(self) -> float:
        """Notifications a day whose peak that is."""
        return self.rate * DAY / PEAK

    def busy(self, rate: float) -> Mapping[str, float]:
        """How busy each limit's resource is at a rate: 1 is all of it."""
        return {limit.what: rate / limit.rate * self.costs.assumed.busy for limit in self.limits}


def effective(cores: int, contention: float) -> float:
    """How many cores' work so many do when a part of it does not run side by side (Amdahl)."""
    return cores / (1 + contention * (cores - 1))


@dataclass(frozen=True)
class Fleet:
    """How many processes a rate takes.

    Parameters:
        rate: notifications a second, at the peak.
        latency: seconds the provider takes.
        concurrency: calls a process may have open to a provider.
    """

    costs: Costs
    rate: float
    latency: float = 0.1
    concurrency: int = 50

    @property
    def gateways(self) -> int:
        """Processes that accept."""
        return self._processes(Use.of(self.costs).gateway)

    @property
    def workers(self) -> int:
        """Processes that deliver: enough for the CPU, and enough for the calls that are open at once."""
        return max(self.workers_by_cpu, self.workers_by_calls)

    @property
    def workers_by_cpu(self) -> int:
        """What the interpreters need."""
        return self._processes(Use.of(self.costs).worker)

    @property
    def workers_by_calls(self) -> int:
        """Little's law: calls open at once are the rate times the latency."""
        return ceil(self.rate * self.latency / self.concurrency)

    @property
    def relays(self) -> int:
        """What lets receipts take effect, and two, so that one may die."""
        return self._processes(Use.of(self.costs).relay)

    @property
    def connections(self) -> int:
        """Of PostgreSQL, without a pooler: a worker's threads and its settler, a gateway's threads, and the relays."""
        return self.workers * (THREADS + 1) + self.gateways * 16 + self.relays * RELAY_CONNECTIONS

    @property
    def memory_gb(self) -> float:
        """Of gateways and workers."""
        measured = self.costs.measured
        return (self.workers * measured.memory_worker_mb + self.gateways * measured.memory_gateway_mb) / 1e3

    @property
    def app_cores(self) -> int:
        """Cores of gateways, workers and relays."""
        use = Use.of(self.costs)
        return ceil(self.rate * (use.gateway + use.worker + use.relay) / self.costs.assumed.busy)

    def _processes(self, each: float) -> int:
        return max(2, ceil(self.rate * each / self.costs.assumed.busy))
