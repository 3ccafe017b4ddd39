"""Probes and metrics: is the process alive, can it accept, what has it done."""

import os

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text

from services.gateway.answers import answer
from services.gateway.parts import parts
from shared.errors import LedgerUnavailable
from shared.ledger.migrations import expected_revision

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_MIGRATED = text("SELECT to_regclass('alembic_version') IS NOT NULL AS begun")
_REVISION = text("SELECT version_num FROM alembic_version")

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return answer({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Response:
    """Requests can be accepted: the ledger answers and has the schema this version expects.

    The broker is reported and not required: what is accepted while it is away is delivered when it returns.
    """
    ledger = _ledger()
    state = {"status": "ready" if ledger == "ok" else "not ready", "ledger": ledger, "broker": parts().broker_state()}
    return answer(state, 200 if ledger == "ok" else 503)


@blueprint.get("/metrics")
def metrics() -> Response:
    """What was counted, for Prometheus."""
    registry = REGISTRY
    if MULTIPROCESS in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _ledger() -> str:
    database = parts().database
    try:
        if not database.rows(_MIGRATED)[0].begun:
            return "not migrated"
        found = [row.version_num for row in database.rows(_REVISION)]
    except LedgerUnavailable:
        return "unavailable"
    return "ok" if found == [expected_revision()] else "not migrated"
