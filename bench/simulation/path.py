"""Crier's path in the simulation: who accepts, who claims, calls and settles, and what they share.

Every CPU second here was measured; what is simulated is who waits for whom: for a core, for the interpreter, for the
log, for a thread, for company in a statement.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.simulation.clock import Clock, Cores, Interpreter, Line, Log, Process, Request, Wake
from bench.simulation.costs import BATCH, Costs, Linear

THREADS_OF_A_LANE = 4
"""Twelve threads, three lanes."""
GATEWAY_THREADS = 16
TOGETHER = 100
"""Acceptances in a statement, at most."""
BELLS = 8
"""That wait in a lane, at most."""
COALESCE, MOST_SETTLED = 0.05, 500
BACKLOG = 4 * MOST_SETTLED
"""Answers of a process that may wait to be settled before it claims no more."""
OPEN = 1000
"""Calls a process may have open: the `concurrency` of the bench's providers."""
_LOOK = 0.005
"""How often it is looked whether enough answers have come; no more exact than needed."""


@dataclass(frozen=True)
class Site:
    """Where it all runs.

    Parameters:
        cores: of the machine of gateways and workers.
        workers, gateways: their processes.
        database_cores: of PostgreSQL's own machine; None when it shares the other one.
    """

    cores: int
    workers: int
    gateways: int = 2
    database_cores: int | None = None


class Simulation:
    """One run. Gateways and workers are added by the methods that use them."""

    def __init__(self, costs: Costs, site: Site) -> None:
        self.costs, self.beside = costs, costs.beside
        self.clock = Clock()
        self.cores = Cores(self.clock, site.cores)
        self.apart = site.database_cores is not None
        self.database = Cores(self.clock, site.database_cores) if site.database_cores else self.cores
        self.log = Log(self.clock, costs.beside.flush_ms / 1e3)
        self.site = site
        self.bells = Line()
        self.delivered = 0
        self.accepted: list[float] = []
        self.called: list[float] = []
        self.clock.start(self._relay())

    def rate_of_drain(self, *, batch: int = BATCH, latency: float = 0.0, seconds: float = 6.0) -> float:
        """Messages a second, with more waiting than can be delivered."""
        self.add_workers(batch=batch, latency=latency)
        # Threads find their bells within the first seconds.
        self.clock.run(seconds / 2)
        before, began = self.delivered, self.clock.now
        self.clock.run(seconds)
        return (self.delivered - before) / (self.clock.now - began)

    def add_workers(self, *, batch: int, latency: float = 0.0) -> None:
        """Those who drain a lane."""
        stand_in = Interpreter(self.cores)
        for _ in range(self.site.workers):
            worker = self._worker()
            for _ in range(THREADS_OF_A_LANE):
                self.clock.start(self._drainer(worker, batch, latency, stand_in))

    def accept(self, connections: int, *, seconds: float = 3.0) -> tuple[float, float]:
        """Requests a second, and the median of their seconds, at so many connections that are never idle."""
        load = Interpreter(self.cores)
        gateways = [self._gateway() for _ in range(self.site.gateways)]
        for number in range(connections):
            self.clock.start(self._client(load, gateways[number % len(gateways)]))
        self.clock.run(seconds / 4)
        self.accepted.clear()
        began = self.clock.now
        self.clock.run(seconds)
        return len(self.accepted) / (self.clock.now - began), percentile(self.accepted, 50)

    def urgent(self, *, connections: int, pauses: tuple[float, float], seconds: float) -> list[float]:
        """Seconds from the begin of the statement that accepts a critical message until its provider is called."""
        chance = random.Random(5)
        load, gateways = Interpreter(self.cores), [self._gateway() for _ in range(self.site.gateways)]
        bells = Line()
        worker = self._worker()
        for _ in range(THREADS_OF_A_LANE * 3):  # a process for this lane alone
            self.clock.start(self._answerer(worker, bells))
        for number in range(connections):
            gateway = gateways[number % len(gateways)]
            self.clock.start(self._client(load, gateway, pauses=pauses, chance=chance, bells=bells))
        self.clock.run(seconds)
        return self.called

    def _ask(self, seconds: float) -> Iterator[Request]:
        """A statement: there, its CPU, and back."""
        yield self.clock.wait(self._there_and_back)
        yield self.database.use(seconds)

    @property
    def _there_and_back(self) -> float:
        return self.costs.assumed.network_ms / 1e3 if self.apart else self.beside.round_trip_ms / 1e3

    def _relay(self) -> Process:
        python = Interpreter(self.cores)
        while True:
            yield python.use(self.beside.relay_cores)
            while len(self.bells) < BELLS:
                self.bells.put(None)
            yield self.clock.wait(1.0 - self.beside.relay_cores)

    def _ringer(self, wanted: Line) -> Process:
        """A process's: rings that come while the broker is talked to are one."""
        while True:
            yield wanted.some()
            wanted.take(len(wanted))
            yield self.clock.wait(2 * self.beside.round_trip_ms / 1e3)
            if len(self.bells) < BELLS:
                self.bells.put(None)

    def _worker(self) -> "_Worker":
        worker = _Worker(Interpreter(self.cores))
        self.clock.start(self._settler(worker))
        self.clock.start(self._ringer(worker.wanted))
        return worker

    def _drainer(self, worker: "_Worker", batch: int, latency: float, stand_in: Interpreter) -> Process:
        python = worker.python
        while True:
            while not len(self.bells):
                yield self.bells.some()
            self.bells.take()
            yield self.clock.wait(self.beside.bell_ms / 1e3)
            while len(worker.answers) >= BACKLOG or worker.open + batch > OPEN:
                yield self.clock.wait(_LOOK)
            worker.open += batch
            yield from self._claimed(python, batch)
            worker.wanted.put(None)
            yield from self._started(python, batch)
            self.clock.start(self._calls(worker, batch, latency, stand_in))

    def _calls(self, worker: "_Worker", batch: int, latency: float, stand_in: Interpreter) -> Process:
        """A batch's, on the event loop: no thread waits for them."""
        call = self.costs.call if latency else 0.0
        if latency:
            # Half of a call's work is before its answer.
            yield worker.python.use(batch * call / 2)
            yield stand_in.use(batch * self.beside.stand_in_us / 1e6)
            yield self.clock.wait(latency)
        yield worker.python.use(self._python(_CALL).of(batch) + batch * call / 2)
        worker.open -= batch
        worker.answers.put(*[None] * batch)

    def _claimed(self, python: Interpreter, batch: int) -> Iterator[Request]:
        """Permission, and the claim."""
        yield self.clock.wait(self.beside.round_trip_ms / 1e3)
        yield python.use(self._python(_CLAIM).of(batch))
        yield from self._ask(self._sql(self.beside.claim_part).of(batch))
        yield self.log.commit()

    def _started(self, python: Interpreter, batch: int) -> Iterator[Request]:
        """Compose and start."""
        yield python.use(self._python(_START).of(batch))
        yield from self._ask(self._sql(self.beside.start_part).of(batch))
        yield self.log.commit()

    # What a batch costs whatever its size is, of the worker, a third each to claim, to start, and to acknowledge and
    # ring; of PostgreSQL, half each to claim and to start.
    def _python(self, part: float) -> Linear:
        return Linear(0.0 if part == _SETTLE else self.costs.python.fixed / 3, self.costs.python.each * part)

    def _sql(self, part: float) -> Linear:
        return Linear(self.costs.sql.fixed / 2, self.costs.sql.each * part)

    def _settler(self, worker: "_Worker") -> Process:
        python, answers = worker.python, worker.answers
        while True:
            yield answers.some()
            until = self.clock.now + COALESCE
            while len(answers) < MOST_SETTLED and self.clock.now < until:
                yield self.clock.wait(_LOOK)
            count = len(answers.take(MOST_SETTLED))
            yield python.use(self._python(_SETTLE).each * count)
            yield from self._ask(self._sql(self.beside.settle_part).each * count)
            yield self.log.commit()
            self.delivered += count

    def _gateway(self) -> "_Gateway":
        gateway = _Gateway(Interpreter(self.cores))
        self.clock.start(self._acceptor(gateway))
        return gateway

    def _acceptor(self, gateway: "_Gateway") -> Process:
        """Whoever leads: takes all that wait, in one statement."""
        while True:
            yield gateway.asking.some()
            places = gateway.asking.take(TOGETHER)
            yield gateway.python.use(self.costs.accept_python.fixed)
            began = self.clock.now
            yield from self._ask(self.costs.accept_sql.of(len(places)))
            yield self.log.commit()
            for place in places:
                assert isinstance(place, _Place)
                place.began = began
                place.wake()

    def _client(
        self, load: Interpreter, gateway: "_Gateway", *, pauses: tuple[float, float] | None = None,
        chance: random.Random | None = None, bells: Line | None = None,
    ) -> Process:  # fmt: skip
        work, each = self.beside.load_us / 1e6, self.costs.accept_python.each
        while True:
            if pauses and chance:
                yield self.clock.wait(chance.uniform(*pauses))
            sent = self.clock.now
            yield load.use(work / 2)
            while not len(gateway.threads):
                yield gateway.threads.some()
            gateway.threads.take()
            yield gateway.python.use(each / 2)
            place = _Place()
            yield place.ask(gateway.asking)
            yield gateway.python.use(each / 2)
            gateway.threads.put(None)
            if bells is not None:
                bells.put(place.began)
            yield load.use(work / 2)
            self.accepted.append(self.clock.now - sent)

    def _answerer(self, worker: "_Worker", bells: Line) -> Process:
        python = worker.python
        while True:
            while not len(bells):
                yield bells.some()
            [began] = bells.take()
            assert isinstance(began, float)
            yield self.clock.wait(self.beside.bell_ms / 1e3)
            yield from self._claimed(python, 1)
            yield from self._started(python, 1)
            self.called.append(self.clock.now - began)
            yield python.use(self._python(_CALL).of(1))
            worker.answers.put(None)


_CLAIM, _START, _CALL, _SETTLE = 0.25, 0.4, 0.2, 0.15
"""Parts of what a worker does for a delivery, roughly: what they are changes no rate, and latencies little."""


class _Worker:
    """A process that delivers: its answers to be settled, its rings to be made, its calls that are open."""

    def __init__(self, python: Interpreter) -> None:
        self.python, self.answers, self.wanted = python, Line(), Line()
        self.open = 0


class _Gateway:
    """A process that accepts, with its threads."""

    def __init__(self, python: Interpreter) -> None:
        self.python, self.asking, self.threads = python, Line(), Line()
        for _ in range(GATEWAY_THREADS):
            self.threads.put(None)


class _Place:
    """Somebody's place in a statement."""

    began = 0.0

    def ask(self, line: Line) -> Request:
        """Stand in line until it is done."""

        def begin(wake: Wake) -> None:
            self.wake = wake
            line.put(self)

        return begin


def percentile(values: list[float], percent: float) -> float:
    """The value that `percent` of them do not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
