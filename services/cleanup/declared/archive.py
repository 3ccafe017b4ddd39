"""Rows in files: gzipped JSON lines, written and read back before the rows are deleted.

A file belongs to one transaction, whose id is in its name, and goes by these names:

    X.jsonl.gz.writing        being written: nothing was deleted
    X.jsonl.gz.archiving      complete on disk and read back; its rows are about to be deleted, or just were
    X.jsonl.gz                its rows are deleted
    X.jsonl.gz.restoring-ID   its rows are about to be put back by transaction ID, or just were
    X.jsonl.gz.restored       its rows are in the table again
    ….damaged                 a crash left it behind, and it cannot be read: for people to look at

After a crash PostgreSQL knows what became of the transaction (`pg_xact_status`), and so which of two names is right:
a row is in the table or in a file called `.jsonl.gz`, never in both and never in none.

The first line of a file says where it comes from, the last how many rows it has and their SHA-256. Between them is a
row a line: column to value, as PostgreSQL's own text (null for NULL), which every type survives.
"""

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
import structlog

from services.cleanup.declared.catalog import Column, Connection
from shared.errors import InvalidInput

log = structlog.get_logger(__name__)
VERSION = 1

_UNFINISHED = re.compile(r"(?P<name>.+\.(?P<xid>\d+)\.jsonl\.gz)\.(?:writing|archiving|restoring-(?P<by>\d+))")
_ORIGIN = """
    SELECT pg_current_xact_id()::text, to_char(now(), 'YYYYMMDD"T"HH24MISS"Z"'), system_identifier::text,
           current_database()::text
    FROM pg_control_system()
"""
_HERE = "SELECT system_identifier::text FROM pg_control_system()"
_STATUS = "SELECT pg_xact_status(CAST(%(xid)s AS xid8))"


@dataclass(frozen=True, slots=True)
class Archived:
    """What is in a file: its first line and its rows, checked against its last.

    Parameters:
        columns: name to type, as they were.
        rows: each a value per column, as text.
    """

    policy: str
    table: str
    server: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Archive:
    """The files of a policy.

    Parameters:
        table: with its schema, as it is written into them.
    """

    folder: Path
    policy: str
    table: str

    def check(self, path: str) -> None:
        """Whether files can be written there.

        Raises:
            InvalidInput: under `path`.
        """
        above = self.folder.parent
        if not above.is_dir():
            raise InvalidInput({path: [f"There is no folder {above}: make it, and give it to whoever runs cleanup."]})
        if not os.access(self.folder if self.folder.exists() else above, os.W_OK | os.X_OK):
            raise InvalidInput({path: [f"{above} cannot be written to: give it to whoever runs cleanup."]})

    def write(self, connection: Connection, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> Path:
        """Write rows in the transaction that is going to delete them; the file, complete, on disk and read back."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        origin = connection.execute(_ORIGIN).fetchone()
        assert origin is not None  # noqa: S101
        xid, moment, server, database = origin
        header = {
            "crier": VERSION, "policy": self.policy, "table": self.table, "database": database, "server": server,
            "archived_at": moment, "transaction": xid, "columns": {one.name: one.type for one in columns},
        }  # fmt: skip
        names = [one.name for one in columns]
        lines = [_line(dict(zip(names, row, strict=True))) for row in rows]
        final = self.folder / f"{self.table.replace('/', '_')}.{moment}.{xid}.jsonl.gz"
        writing, archiving = _suffixed(final, "writing"), _suffixed(final, "archiving")
        _write(writing, [_line(header), *lines, _line({"rows": len(rows), "sha256": _checksum(lines)})])
        writing.rename(archiving)
        _sync_folder(self.folder)
        if list(read(archiving).rows) != [list(row) for row in rows]:
            raise OSError(f"{archiving} does not hold what was written to it: is the disk sound? Nothing was deleted.")
        return archiving

    def keep(self, archiving: Path) -> None:
        """Its rows are deleted: give a file its name."""
        archiving.rename(archiving.with_suffix(""))
        _sync_folder(self.folder)

    def settle(self, connection: Connection) -> Mapping[str, int]:
        """Give every file that a crash left behind the name that is right; how many, if there were any.

        Whose transaction is under way, or is of another server, stays as it is.
        """
        counts = {"settled": 0, "doubtful": 0, "damaged": 0}
        for path in sorted(self.folder.glob("*.jsonl.gz.*")):
            if match := _UNFINISHED.fullmatch(path.name):
                try:
                    status = _status(connection, path, match["by"] or match["xid"])
                except InvalidInput as error:
                    _put_aside(path, match["xid"], error)
                    counts["damaged"] += 1
                    continue
                if status in ("committed", "aborted"):
                    self._settle(path, self.folder / match["name"], done=status == "committed")
                    counts["settled"] += 1
                elif status is None:
                    log.warning("nobody knows what became of a file's rows; it is left as it is", file=str(path))
                    counts["doubtful"] += 1
        if counts["settled"]:
            _sync_folder(self.folder)
        return {name: count for name, count in counts.items() if count}

    def _settle(self, path: Path, final: Path, *, done: bool) -> None:
        if path.suffix.startswith(".restoring"):
            path.rename(_suffixed(final, "restored") if done else final)
        elif path.suffix == ".archiving" and done:
            path.rename(final)
        else:
            path.unlink()
        log.info("a file that was left behind was settled", file=final.name, committed=done)


def read(path: Path) -> Archived:
    """What is in a file.

    Raises:
        InvalidInput: it is no archive, or is damaged.
    """
    try:
        with gzip.open(path) as file:
            header, *lines, last = file.read().splitlines(keepends=True)
        said, end = orjson.loads(header), orjson.loads(last)
        if said["crier"] != VERSION:
            raise InvalidInput({str(path): [f"It was written by another version of Crier ({said['crier']})."]})
        if (end["rows"], end["sha256"]) != (len(lines), _checksum(lines)):
            raise InvalidInput({str(path): ["It is damaged: its rows are not those its last line counts."]})
        columns = said["columns"]
        rows = [[row[name] for name in columns] for row in map(orjson.loads, lines)]
        return Archived(said["policy"], said["table"], said["server"], columns, rows)
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, KeyError, TypeError) as error:
        raise InvalidInput({str(path): [f"It is no archive of cleanup, or is damaged: {error}."]}) from error


def restoring(path: Path, connection: Connection) -> Path:
    """Say on disk that this transaction is about to put a file's rows back; its name until then."""
    found = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
    assert found is not None  # noqa: S101
    marked = path.rename(_suffixed(path, f"restoring-{found[0]}"))
    _sync_folder(path.parent)
    return marked


def restored(marked: Path) -> Path:
    """Its rows are in the table again."""
    done = marked.rename(_suffixed(marked.with_suffix(""), "restored"))
    _sync_folder(marked.parent)
    return done


def _put_aside(path: Path, xid: str, error: InvalidInput) -> None:
    """Give a file that cannot be read a name under which nobody looks at it again, and say what that means."""
    aside = path.rename(_suffixed(path, "damaged"))
    _sync_folder(path.parent)
    log.error(
        "a file that a crash left behind is damaged and was put aside; if its transaction was committed, its rows are "
        "no longer in the table: restore them from a backup of the disk, or of the database",
        file=str(aside), transaction=xid, reason=str(error),
    )  # fmt: skip


def _status(connection: Connection, path: Path, xid: str) -> str | None:
    """What became of the transaction of a file; None when this server cannot know."""
    if path.suffix != ".writing":
        here = connection.execute(_HERE).fetchone()
        if here is None or read(path).server != here[0]:
            return None
    try:
        found = connection.execute(_STATUS, {"xid": xid}).fetchone()
    except psycopg.Error:  # of the future: another server's
        return None
    return found[0] if found else None


def _suffixed(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _line(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"


def _checksum(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _write(path: Path, lines: Sequence[bytes]) -> None:
    """A new file that only its owner may read, on disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:
            file.writelines(lines)
        raw.flush()
        os.fsync(raw.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
