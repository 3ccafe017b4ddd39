"""`python -m services.gateway`: serve until told to stop."""

import gc
import os
import sys
import tempfile

import structlog
from flask import Flask

from services.gateway import create_app
from services.gateway.broker_state import broker_state
from services.gateway.health import MULTIPROCESS
from services.gateway.parts import Parts
from services.gateway.server import Server, listen
from services.gateway.settings import GatewaySettings
from shared.broker.dead_messages import again
from shared.errors import SettingsError
from shared.ledger.database import Database
from shared.receipts.sources import assemble
from shared.runtime import process_runtime
from shared.senders.allowed import AllowedSenders
from shared.settings import load
from shared.ssrf import Reach
from shared.templates.brand_settings import BrandSettings

PATIENT, PATIENCE = 2, 20.0
"""Connections for counting audiences and batches, and the seconds that may take: millions are not counted in one."""


def serve() -> None:
    """Run the gateway in this process and the workers it forks."""
    runtime = process_runtime()
    try:
        settings, branded, allowed, reach = load(GatewaySettings, BrandSettings, AllowedSenders, Reach)
        sealer, brand = runtime.sealer, branded.brand()
        sources = assemble(runtime.environ)
    except SettingsError as error:
        sys.exit(str(error))
    if settings.workers > 1 and MULTIPROCESS not in os.environ:
        # prometheus-client looks for this while it is imported, which it has been by now: begin again with it set.
        folder = tempfile.mkdtemp(prefix="crier-gateway-metrics-")
        os.execve(sys.executable, [sys.executable, "-m", "services.gateway"], os.environ | {MULTIPROCESS: folder})  # noqa: S606
    listener = listen(settings)

    def make() -> Flask:
        database = Database(runtime.settings.database_url, pool_size=settings.threads, deadline=settings.deadline)
        patient = Database(runtime.settings.database_url, pool_size=PATIENT, deadline=PATIENCE)
        state = broker_state(runtime.settings.broker_url)
        return create_app(
            Parts.of(
                database,
                sealer,
                runtime.bells,
                brand=brand,
                allowed_senders=allowed,
                reach=reach,
                broker_state=state,
                enqueue=lambda kept: runtime.broker.enqueue(again(kept)),
                sources=sources,
                public_url=runtime.settings.public_url,
                inbox_url=settings.inbox_url,
                patient=patient,
            )
        )

    host, port = listener.getsockname()[:2]
    structlog.get_logger(__name__).info("gateway listens", host=host, port=port)
    gc.freeze()  # before the fork: what is never looked at stays shared
    Server(settings, listener, make, lambda: runtime.bells.flush(2.0)).run()


serve()
