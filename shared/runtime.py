"""What a process is made of, built once from its environment. Nothing connects until it is used.

Services that share a process (the packed profile) share this, and so declare their actors onto one broker.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property

import dramatiq
import structlog

from shared.broker import Broker, make_broker, redis_url
from shared.broker.middleware.lifecycle import Lifecycle
from shared.crypto import Sealer
from shared.delivery.bells import Bells
from shared.delivery.outcomes import RetryPolicy
from shared.delivery.rendering import Renderer
from shared.delivery.settler import Settler
from shared.errors import SettingsError
from shared.ledger.database import Database
from shared.ledger.dead_tasks import Graves
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Work
from shared.priority import make_way
from shared.providers.permission import Permission
from shared.providers.permission_local import LocalPermission
from shared.providers.permission_redis import RedisPermission
from shared.senders.identities import Identities
from shared.settings import EngineSettings, load_one
from shared.telemetry.logging import configure_logging
from shared.templates.brand_settings import BrandSettings
from shared.unsubscribe import UnsubscribeLinks

log = structlog.get_logger(__name__)


class Runtime:
    """The parts of a process, made when first asked for.

    Parameters:
        environ: the environment to read settings from.

    Raises:
        SettingsError: at once, with every problem.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.settings = load_one(EngineSettings, environ)
        self.lifecycle = Lifecycle()
        self.lifecycle.at_boot.append(lambda queues: make_way(queues, self.settings.niceness))

    @cached_property
    def database(self) -> Database:
        """The pool of a worker process."""
        return Database(self.settings.database_url, pool_size=32)

    @cached_property
    def broker(self) -> Broker:
        """The process's one broker, made the global one for Dramatiq's own command."""
        broker = make_broker(self.settings, self.lifecycle, bury=self.graves.bury)
        dramatiq.set_broker(broker)
        return broker

    @cached_property
    def bells(self) -> Bells:
        """Rings lanes."""
        return Bells(self.broker, limit=self.settings.bells)

    @cached_property
    def sealer(self) -> Sealer:
        """Encrypts at rest."""
        return Sealer(self.settings.secret_key)

    @cached_property
    def graves(self) -> Graves:
        """Keeps the tasks that were given up."""
        return Graves(self.database)

    @cached_property
    def work(self) -> Work:
        """Claims and settles."""
        return Work(self.database)

    @cached_property
    def settler(self) -> Settler:
        """Writes answers; a stopping worker waits for it."""
        settler = Settler(self.work, self.bells)
        self.lifecycle.at_stop.append(lambda: settler.finish(self.settings.lease))
        return settler

    @cached_property
    def renderer(self) -> Renderer:
        """Renders claimed deliveries."""
        links = UnsubscribeLinks.of(self.settings.public_url, self.sealer)
        return Renderer(TemplateStore(self.database), self.sealer, self.identities, links)

    @cached_property
    def identities(self) -> Identities:
        """Says who each project's messages come from."""
        return Identities(self.database, load_one(BrandSettings, self.environ).brand())

    @cached_property
    def permission(self) -> Permission:
        """What is known of providers: by all workers where there is a Redis, or by each process alone."""
        if url := redis_url(self.settings):
            return RedisPermission(url)
        log.warning(
            "CRIER_REDIS_URL is not set: each process finds out by itself which providers fail, and keeps their rates "
            "for itself"
        )
        return LocalPermission()

    @cached_property
    def retry_policy(self) -> RetryPolicy:
        """When to try again."""
        return RetryPolicy(self.settings.retries, self.settings.retry_base, self.settings.waiting_limit)


@cache
def process_runtime() -> Runtime:
    """The runtime of this process, from its environment. Wrong settings end the process, kindly."""
    with _kindly():
        runtime = Runtime(os.environ)
    configure_logging(level=runtime.settings.log_level, form=runtime.settings.log_format)
    return runtime


def host(declare: Callable[[Runtime], object]) -> Broker:
    """Have a service declare its actors onto this process's broker; what a service package exports as `broker`."""
    runtime = process_runtime()
    with _kindly():
        declare(runtime)
    # Modules and schemas stay for good. Looking through them for garbage would stop every thread for a tenth of a
    # second, now and then, and a one-time code with them.
    gc.freeze()
    return runtime.broker


@contextmanager
def _kindly() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        sys.exit(str(error))
