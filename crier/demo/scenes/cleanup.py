"""What a small application left behind goes by the shipped example policies; what was archived comes back."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from redis import Redis

from crier.demo.singles import WAITING, Script, Singles
from crier.demo.stage import KEPT, Stage

PROMISE = "cleanup"
ARCHIVED = "trip-locations"
GOES = {
    "expired-seats": 26, ARCHIVED: 280, "notification-records": 10, "expired-tokens": 24, "expired-cache": 10,
    "inactive-sessions": 3, "temporary-files": 2,
}  # fmt: skip
"""How much each policy finds of `left_behind.sql`, of the sessions and the files below."""

_TABLES = ("seat_reservations", "trip_locations", "notification_records", "tokens", "cache_entries")
_IDLE = (0, 60, 1900, 4000, 100_000)  # seconds that nobody has used a session


def cleanup(send: Singles) -> Script:
    """A dry run, a run, the report, and the archive put back; by the command that people type."""
    shop = Shop(send.stage)
    shop.make()
    before = shop.census()
    shown = yield from shop.told(send, "run", "--dry-run", "--json")
    counts = {name: one["count"] for name, one in json.loads(shown).items() if name in GOES}
    send.promise(counts == GOES, PROMISE, f"the dry run found {counts}")
    send.promise(shop.census() == before, PROMISE, "the dry run has touched something")
    done = yield from shop.told(send, "run", "--all", "--json")
    removed = {name: one["rows"] for name, one in json.loads(done).items() if name in GOES}
    send.promise(removed == GOES, PROMISE, f"what was removed is {removed}")
    gone = sum(before.values()) - sum(shop.census().values())
    send.promise(gone == sum(GOES.values()), PROMISE, f"{gone} are gone, and {sum(GOES.values())} were to go")
    yield from shop.told(send, "report", "--out", str(shop.reports))
    page, data = sorted(shop.reports.iterdir())
    tables = {one["name"] for one in json.loads(data.read_text())["databases"][0]["tables"]}
    every = {f"public.{table}" for table in _TABLES}
    send.promise(every < tables, PROMISE, f"the report has only {tables}")
    send.promise(all(table in page.read_text() for table in every), PROMISE, f"{page} lacks a table")
    files = [str(file) for file in sorted((shop.archive / ARCHIVED).iterdir())]
    yield from shop.told(send, "restore", "--policy", ARCHIVED, *files)
    back = shop.census()["trip_locations"]
    send.promise(back == before["trip_locations"], PROMISE, f"{back} locations are there, with those restored")
    send.tell(PROMISE, f"{gone} rows, sessions and files of a sample application went, and {GOES[ARCHIVED]} came back")


def examples() -> Path:
    """The folder of the example: in a checkout, or as it was installed."""
    beside = Path(__file__).resolve().parents[3] / "examples" / "cleanup"
    return beside if beside.is_dir() else Path(sysconfig.get_path("data")) / "share" / "crier" / "examples" / "cleanup"


@dataclass(frozen=True)
class Shop:
    """The sample application: a database of its own on the demo's PostgreSQL, keys in its Redis, and files."""

    stage: Stage

    @property
    def database_url(self) -> str:
        """Of its database."""
        return urlsplit(self.stage.database_url)._replace(path="/shop").geturl()

    @property
    def redis_url(self) -> str:
        """Of its keys, apart from Crier's."""
        return urlsplit(self.stage.running.environment["CRIER_REDIS_URL"])._replace(path="/2").geturl()

    @property
    def files(self) -> Path:
        """Where its temporary files are."""
        return self.stage.home.root.parent / "shop"

    @property
    def archive(self) -> Path:
        """Where its rows are archived."""
        return self.stage.home.root.parent / "archive"

    @property
    def reports(self) -> Path:
        """Where the report is put; it stays."""
        return self.stage.folder / "cleanup"

    def make(self) -> None:
        """Everything it left behind."""
        with psycopg.connect(self.stage.database_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for script in ("schema.sql", "left_behind.sql"):
                connection.execute((examples() / script).read_bytes())
        with Redis.from_url(self.redis_url) as redis:
            redis.set("model", "x")
            session: Any = redis.dump("model")
            for number, idle in enumerate(_IDLE):
                redis.restore(f"session:{number}", 0, session, idletime=idle)
        self.archive.mkdir()
        for name in ("a.tmp", "in/b.tmp", "c.log", "new.tmp"):
            file = self.files / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x")
            if name != "new.tmp":
                os.utime(file, (0, 0))
        text = (examples() / "policies.toml").read_text()
        text = text.replace("/var/lib/crier/archive", str(self.archive)).replace("/var/tmp/shop", str(self.files))  # noqa: S108
        self._policies.write_text(text)

    def census(self) -> dict[str, int]:
        """How much there is of each."""
        with psycopg.connect(self.database_url) as connection:
            found = {
                table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()[0][0]
                for table in _TABLES
            }
        with Redis.from_url(self.redis_url) as redis:
            found["sessions"] = sum(1 for _ in redis.scan_iter("session:*"))
        return found | {"files": sum(one.is_file() for one in self.files.rglob("*"))}

    def told(self, send: Singles, *arguments: str) -> Generator[bool, None, str]:
        """What `python -m services.cleanup` says, once it has ended; others go on meanwhile."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        environ = {
            **kept, **self.stage.running.environment, "CRIER_CLEANUP_POLICIES": str(self._policies),
            "CRIER_CLEANUP_PAUSE": "0", "SHOP_DATABASE_URL": self.database_url, "SHOP_REDIS_URL": self.redis_url,
        }  # fmt: skip
        said = self.stage.home.root.parent / "said"
        with said.open("w") as file:
            command = [sys.executable, "-P", "-m", "services.cleanup", *arguments]
            process = subprocess.Popen(command, env=environ, cwd=said.parent, stdout=file, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                yield WAITING
        finally:
            process.kill()
            process.wait()
        if not send.promise(process.returncode == 0, PROMISE, f"{arguments[0]} failed: {said.read_text()[-500:]}"):
            raise RuntimeError(said.read_text()[-2000:])
        return said.read_text()

    @property
    def _policies(self) -> Path:
        return self.stage.home.root.parent / "policies.toml"
