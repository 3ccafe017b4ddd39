"""The one ordered list of middleware every actor runs under. `docs/architecture.md` says what each one is for."""

from dramatiq import Middleware
from dramatiq.middleware import AsyncIO, ShutdownNotifications, TimeLimit
from dramatiq.results import Results
from dramatiq.results.backend import ResultBackend

from shared.broker.middleware.correlation import Correlation
from shared.broker.middleware.fair_threads import FairThreads
from shared.broker.middleware.graveyard import Bury, Graveyard
from shared.broker.middleware.lifecycle import Lifecycle
from shared.broker.middleware.metrics import Metrics
from shared.broker.middleware.sure_retries import SureRetries


def ordered_middleware(
    results: ResultBackend, lifecycle: Lifecycle, *, metrics_port: int | None = None, bury: Bury | None = None
) -> list[Middleware]:
    """`before` hooks run from the top, `after` hooks from the bottom."""
    return [
        Correlation(),
        Metrics(port=metrics_port),
        Graveyard(bury),
        Results(backend=results),
        SureRetries(max_retries=3, min_backoff=60_000, max_backoff=3_600_000),
        TimeLimit(time_limit=600_000),
        ShutdownNotifications(),
        AsyncIO(),
        FairThreads(),
        lifecycle,
    ]
