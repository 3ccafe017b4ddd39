"""The machine and the software that were measured: figures mean nothing without them."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    "aiohttp",
    "celery",
    "dramatiq",
    "flask",
    "gevent",
    "gunicorn",
    "jinja2",
    "kombu",
    "psycopg",
    "redis",
    "rq",
    "sqlalchemy",
    "uvloop",
)


def describe(servers: dict[str, str], packages: Sequence[str] = _PACKAGES) -> dict[str, Any]:
    """As the JSON file has it.

    Parameters:
        servers: versions of the database and the broker.
        packages: whose versions are told too.
    """
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": len(psutil.Process().cpu_affinity()) if psutil.LINUX else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {**servers, **{name: version(name) for name in packages}},
        "commit": _commit(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str | None:
    found = subprocess.run(
        ["git", "-C", Path(__file__).parent, "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip() or None
