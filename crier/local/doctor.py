"""Whether this machine can run a cluster, and what is in the way."""

import os
import platform
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy.exc import ProgrammingError

from crier.local import ports
from crier.local.checks import Check, examine
from crier.local.cluster import Cluster, chosen_port
from crier.local.endpoints import check_broker, check_database, check_redis, without_password
from crier.local.errors import LocalError, NotRunning
from crier.local.postgres import binaries
from crier.local.redis import in_wheel, on_path
from shared.errors import LedgerUnavailable
from shared.ledger.conservation import Conservation
from shared.ledger.database import Database

GIGABYTE = 1 << 30
NEWEST_TESTED = (3, 14)
SERVER_VERSIONS = range(15, 19)  # of PostgreSQL


def doctor(cluster: Cluster) -> list[Check]:
    """Look at everything `crier up` needs. Starts nothing, changes nothing."""
    environment = _environment(cluster)
    return [
        _python(),
        _home(cluster),
        _disk(cluster),
        _files(),
        _gateway_port(cluster),
        *_database(environment),
        *_broker(environment),
        *_settings(environment),
    ]


def _environment(cluster: Cluster) -> dict[str, str]:
    """The variables services have: those of the running cluster, otherwise those of this shell."""
    try:
        return {**os.environ, **cluster.running().environment}
    except NotRunning:
        return dict(os.environ)


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info[:2] > NEWEST_TESTED:
        remedy = f"Should something fail, use Python 3.11 to {'.'.join(map(str, NEWEST_TESTED))}."
        return Check("python", "warn", f"Python {version} is newer than what Crier is tested with.", remedy)
    return Check("python", "ok", f"Python {version}")


def _home(cluster: Cluster) -> Check:
    root = cluster.home.root
    place = next(path for path in (root, *root.parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        remedy = "Set CRIER_HOME to a folder of your own, or change its owner."
        return Check("home", "fail", f"{place} cannot be written to.", remedy)
    return Check("home", "ok", f"{root} " + ("can be written to." if root.exists() else "can be made."))


def _disk(cluster: Cluster) -> Check:
    root = cluster.home.root
    place = next(path for path in (root, *root.parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / GIGABYTE:.1f} GB free for {root}"
    if free < 2 * GIGABYTE:
        remedy = "Make room, or set CRIER_HOME to a folder on another disk. Without any, nothing is accepted."
        return Check("disk", "fail" if free < GIGABYTE / 4 else "warn", text, remedy)
    return Check("disk", "ok", text)


def _files() -> Check:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    text = f"{limit} files and connections at once" if limit != resource.RLIM_INFINITY else "no limit"
    if limit != resource.RLIM_INFINITY and limit < 1024:
        return Check("open files", "warn", text, "Raise it with `ulimit -n 4096` before `crier up`.")
    return Check("open files", "ok", text)


def _gateway_port(cluster: Cluster) -> Check:
    try:
        return Check("gateway port", "ok", f"{cluster.running().gateway_port}, in use by the running gateway")
    except NotRunning:
        pass
    try:
        port = chosen_port()
    except LocalError as error:
        return Check("gateway port", "fail", str(error))
    if ports.is_free(port):
        return Check("gateway port", "ok", f"{port} is free.")
    by = f" by {owner}" if (owner := ports.owner_of(port)) else ""
    remedy = "Choose another with `crier up --port N` or CRIER_GATEWAY_PORT, or end that program."
    return Check("gateway port", "fail", f"{port} is in use{by}.", remedy)


def _database(environment: Mapping[str, str]) -> Iterator[Check]:
    url = environment.get("CRIER_DATABASE_URL")
    if not url:
        yield examine("postgresql", lambda: f"{_version(binaries() / 'postgres')}, embedded")
        return
    reachable = examine("postgresql", lambda: check_database(url))
    if reachable.level != "ok":
        yield reachable
        return
    yield _server_version(url)
    yield _migrations(url)
    yield _clock(url)
    yield _books(url)


def _books(url: str) -> Check:
    """Accepted = final + waiting + held, over all of history."""
    database = Database(url, pool_size=1, deadline=60.0)
    totals: Counter[str] = Counter()
    wrong: list[str] = []
    try:
        for account in Conservation(database).everything():
            for balance in account.balances:
                totals.update(
                    accepted=balance.accepted, final=balance.final, waiting=balance.waiting, held=balance.held
                )
                if balance.missing:
                    wrong.append(f"{balance.project}, {balance.queue}: {balance.missing:+,} of {balance.accepted:,}")
            wrong += [f"{amiss.id} {amiss.reason}" for amiss in account.amiss]
    except (LedgerUnavailable, ProgrammingError):
        return Check("conservation", "warn", "The tables cannot be read: see above.")
    finally:
        database.close()
    text = f"accepted {totals['accepted']:,} = final {totals['final']:,} + waiting {totals['waiting']:,}"
    text += f" + held {totals['held']:,}"
    if not wrong:
        return Check("conservation", "ok", text)
    shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5:,} more" if len(wrong) > 5 else "")
    remedy = "Rows were changed or lost outside of Crier: compare with a backup, and tell us."
    return Check("conservation", "fail", f"{text} does not hold. Missing or amiss: {shown}.", remedy)


def _server_version(url: str) -> Check:
    with psycopg.connect(url, connect_timeout=3) as connection:
        major = connection.info.server_version // 10_000
    text = f"version {major} at {without_password(url)}"
    if major in SERVER_VERSIONS:
        return Check("postgresql", "ok", text)
    remedy = f"Use version {SERVER_VERSIONS.start} to {SERVER_VERSIONS.stop - 1}."
    return Check("postgresql", "fail" if major < SERVER_VERSIONS.start else "warn", text, remedy)


def _migrations(url: str) -> Check:
    from shared.ledger.migrations import is_current

    if is_current(url):
        return Check("tables", "ok", "up to date")
    remedy = "`crier up` brings them up to date, and so does `python -m shared.ledger.migrations`."
    return Check("tables", "fail", "The ledger's tables are missing, or of another version of Crier.", remedy)


def _clock(url: str) -> Check:
    with psycopg.connect(url, connect_timeout=3) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    apart = abs((row[0] - datetime.now(UTC)).total_seconds()) if row else 0.0
    text = f"{apart:.1f} s from the database's"
    if apart > 2:
        return Check("clock", "warn", text, "Let NTP set the clocks of both machines (`timedatectl set-ntp true`).")
    return Check("clock", "ok", text)


def _broker(environment: Mapping[str, str]) -> Iterator[Check]:
    broker_url, redis_url = environment.get("CRIER_BROKER_URL"), environment.get("CRIER_REDIS_URL")
    if broker_url:
        yield examine("broker", lambda: check_broker(broker_url))
    else:
        yield examine("redis", _redis_version)
    if redis_url:
        yield examine("results", lambda: check_redis(redis_url))


def _redis_version() -> str:
    found = on_path() or in_wheel()
    if found is None:
        raise LocalError(
            "There is no Redis on this machine.\n"
            "Install `redis-server` or `valkey-server` (`crier up` does so itself when root on Debian)."
        )
    return f"{_version(found)}, embedded: {found}"


def _settings(environment: Mapping[str, str]) -> Iterator[Check]:
    from shared.errors import SettingsError
    from shared.settings import EngineSettings, load

    # `crier up` provides these two when they are unset.
    provided = {"CRIER_DATABASE_URL": "postgresql://localhost/crier", "CRIER_BROKER_URL": "redis://localhost"}
    try:
        load(EngineSettings, environ={**provided, **environment})
    except SettingsError as error:
        for problem in error.problems:
            yield Check("settings", "fail", problem, "Correct the variable, or unset it.")
    else:
        yield Check("settings", "ok", "The engine's variables are valid.")


def _version(binary: Path) -> str:
    result = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=False, timeout=20)
    words = result.stdout.split()
    return next(
        (word.removeprefix("v=") for word in words if word.removeprefix("v=")[:1].isdigit()), "of no known version"
    )
