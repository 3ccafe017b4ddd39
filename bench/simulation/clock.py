"""A discrete-event simulation: a clock, and the things that processes wait for.

A process is a generator. What it yields is a request: a function that is given what to call when it is granted.
"""

import heapq
from collections import deque
from collections.abc import Callable, Generator
from itertools import count

Wake = Callable[[], None]
Request = Callable[[Wake], None]
Process = Generator[Request, None, None]

SLICE = 0.003
"""Seconds a core is kept while others want it, about as Linux does."""
SWITCH = 0.005
"""Seconds a Python thread keeps the interpreter while others want it: `sys.getswitchinterval()`."""


class Clock:
    """Simulated time, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Wake]] = []
        self._numbers = count()

    def after(self, seconds: float, wake: Wake) -> None:
        """Call `wake` then; of several at the same moment the first one asked for is first."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), wake))

    def wait(self, seconds: float) -> Request:
        """Nothing but time: a network, a provider."""
        return lambda wake: self.after(seconds, wake)

    def start(self, process: Process) -> None:
        """Have it run, from now on."""

        def go_on() -> None:
            request = next(process, None)
            if request is not None:
                request(go_on)

        self.after(0.0, go_on)

    def run(self, until: float) -> None:
        """Let that much time pass, or as long as anything happens."""
        while self._events and self._events[0][0] <= until:
            self.now, _, wake = heapq.heappop(self._events)
            wake()


class Cores:
    """Processors, taken in turns.

    Attributes:
        used: core-seconds so far.
    """

    def __init__(self, clock: Clock, number: int) -> None:
        self._clock = clock
        self._free = number
        self._waiting: deque[tuple[float, Wake]] = deque()
        self._preempted: deque[tuple[float, Wake]] = deque()
        self._turn = False
        self.number = number
        self.used = 0.0

    def use(self, seconds: float) -> Request:
        """Compute for so long, in slices while others wait."""

        def begin(wake: Wake) -> None:
            self._waiting.append((seconds, wake))
            self._serve()

        return begin

    def _serve(self) -> None:
        # Who has just begun takes turns with who has had a slice: schedulers favour the woken, and starve nobody.
        while self._free and (self._waiting or self._preempted):
            self._free -= 1
            self._turn = not self._turn
            first, second = (self._waiting, self._preempted) if self._turn else (self._preempted, self._waiting)
            seconds, wake = (first or second).popleft()
            now = min(seconds, SLICE)
            self._clock.after(now, lambda now=now, rest=seconds - now, wake=wake: self._end(now, rest, wake))  # type: ignore[misc]

    def _end(self, now: float, rest: float, wake: Wake) -> None:
        self.used += now
        self._free += 1
        if rest > 1e-12:
            self._preempted.append((rest, wake))
        else:
            wake()
        self._serve()


class Interpreter:
    """One Python process: of its threads one computes at a time, on a core of the machine."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._busy = False
        self._waiting: deque[tuple[float, Wake]] = deque()

    def use(self, seconds: float) -> Request:
        """Compute for so long, in turns with the other threads."""

        def begin(wake: Wake) -> None:
            self._waiting.append((seconds, wake))
            self._serve()

        return begin

    def _serve(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        seconds, wake = self._waiting.popleft()
        now = min(seconds, SWITCH)
        self._cores.use(now)(lambda: self._end(seconds - now, wake))

    def _end(self, rest: float, wake: Wake) -> None:
        self._busy = False
        if rest > 1e-12:
            self._waiting.append((rest, wake))
        else:
            wake()
        self._serve()


class Log:
    """The write-ahead log. One flush at a time; whoever commits meanwhile shares the next one.

    Attributes:
        flushes: how many there were.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._waiting: list[Wake] = []
        self._busy = False
        self.flushes = 0

    def commit(self) -> Request:
        """Wait until what was written is on disk."""

        def begin(wake: Wake) -> None:
            self._waiting.append(wake)
            self._serve()

        return begin

    def _serve(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy, joined, self._waiting = True, self._waiting, []
        self.flushes += 1
        self._clock.after(self._seconds, lambda: self._end(joined))

    def _end(self, joined: list[Wake]) -> None:
        self._busy = False
        for wake in joined:
            wake()
        self._serve()


class Line:
    """What is put is taken in order; who finds nothing waits."""

    def __init__(self) -> None:
        self._things: deque[object] = deque()
        self._takers: deque[Wake] = deque()

    def __len__(self) -> int:
        return len(self._things)

    def put(self, *things: object) -> None:
        """Put them in, and wake who has waited longest."""
        self._things.extend(things)
        if self._takers:
            self._takers.popleft()()

    def some(self) -> Request:
        """Wait until there is one: `take` it at once."""

        def begin(wake: Wake) -> None:
            if self._things:
                wake()
            else:
                self._takers.append(wake)

        return begin

    def take(self, most: int = 1) -> list[object]:
        """The next ones, as many as there are."""
        return [self._things.popleft() for _ in range(min(most, len(self._things)))]
