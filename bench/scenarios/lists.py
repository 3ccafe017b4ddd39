"""P11. Lists and status pages of a ledger with ten million notifications, through the gateway. Ours only.

Each page is asked for again and again on one connection: first pages and deep ones, with and without filters, what is
rare and what is not there. Every answer must be a 200.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import psycopg
from urllib3 import HTTPConnectionPool

from bench.history import BUSY_TARGET, TEMPLATE, VERSIONS
from bench.load import percentile
from bench.ours.system import crier
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario, at
from bench.scenarios.growth import HISTORY, begin_in_history
from bench.tally import Inexact

PAGES = (
    "first page", "deep page", "by state", "by rare state", "by channel", "by template", "by rare version",
    "by time", "of a batch", "to one recipient", "to a busy one", "to nobody", "one notification",
    "progress of a batch", "dead letters", "unknown", "suppressions", "readyz", "metrics",
)  # fmt: skip
LISTED = "/v1/notifications"
DEEP = 20
"""Pages of a hundred into the list."""
_UPLOAD = "SELECT id, batch_id FROM notifications WHERE batch_id IS NOT NULL ORDER BY id LIMIT 1"
_RECIPIENT = "SELECT target FROM deliveries WHERE queue = 'sms.normal' ORDER BY id LIMIT 1"


class Gateway:
    """Asks it."""

    def __init__(self, port: int, key: str) -> None:
        self._http = HTTPConnectionPool("127.0.0.1", port, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def get(self, address: str) -> bytes:
        """The answer's body."""
        answer = self._http.request("GET", address)
        if answer.status != 200:
            raise Inexact(f"GET {address} was answered {answer.status}: {answer.data[:300]!r}")
        return answer.data

    def p95(self, address: str, times: int) -> float:
        """Milliseconds."""
        waits = []
        for _ in range(times):
            began = time.perf_counter()
            self.get(address)
            waits.append((time.perf_counter() - began) * 1000)
        return percentile(waits, 95)


def ours(run: Run, scale: Scale) -> Figures:
    """The gateway."""
    begin_in_history(run, scale)
    with crier(run) as side:
        side.start_relay()
        side.start_gateway()
        gateway = Gateway(side.port, side.key)
        pages = _pages(run, _deep_cursor(gateway))
        found = {page: gateway.p95(pages[page], scale.pick(40, 20, 2)) for page in PAGES}
    run.have_done_with(HISTORY)
    return {"worst": max(found.values())} | {at("p95", page): p95 for page, p95 in found.items()}


def _deep_cursor(gateway: Gateway) -> str | None:
    cursor = None
    for _ in range(DEEP):
        page: dict[str, Any] = orjson.loads(gateway.get(_list(limit=100, cursor=cursor)))
        if not page["items"]:
            raise Inexact("the list has an empty page")
        if page["next"] is None:
            break
        cursor = page["next"]
    return cursor


def _pages(run: Run, deep_cursor: str | None) -> Mapping[str, str]:
    """The address of each."""
    with psycopg.connect(run.database_url) as connection:
        notification, batch = connection.execute(_UPLOAD).fetchone() or ("", "")
        [recipient] = connection.execute(_RECIPIENT).fetchone() or [""]
    now = datetime.now(UTC)
    return {
        "first page": _list(),
        "deep page": _list(limit=100, cursor=deep_cursor),
        "by state": _list(state="sent"),
        "by rare state": _list(state="unknown"),
        "by channel": _list(channel="sms"),
        "by template": _list(template=TEMPLATE),
        "by rare version": _list(template=f"{TEMPLATE}@{VERSIONS}"),
        "by time": _list(accepted_after=now - timedelta(days=2), accepted_before=now - timedelta(days=1)),
        "of a batch": _list(batch_id=batch),
        "to one recipient": _list(recipient=recipient),
        "to a busy one": _list(recipient=BUSY_TARGET),
        "to nobody": _list(recipient="nobody@example.com"),
        "one notification": f"{LISTED}/{notification}",
        "progress of a batch": f"/v1/batches/{batch}",
        "dead letters": "/v1/dead-letters",
        "unknown": "/v1/unknown",
        "suppressions": "/v1/suppressions",
        "readyz": "/readyz",
        "metrics": "/metrics",
    }


def _list(**query: object) -> str:
    given = {name: _said(value) for name, value in query.items() if value is not None}
    return f"{LISTED}?{urlencode(given)}"


def _said(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


LISTS = Scenario(
    name="lists",
    what="lists and status pages with 10 million rows",
    sides={OURS: ours},
    figures=(
        Figure("worst", "p95 of the slowest page, ms", "P11", more_is_better=False, ours=300),
        *(Figure(at("p95", page), f"p95, ms: {page}", more_is_better=False) for page in PAGES),
    ),
    rounds=1,
)
