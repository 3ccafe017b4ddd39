"""Whether a secret can be found where none may be: in a dump of the database, and in every file of the cluster."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from crier.demo.asked import Finding
from crier.local.errors import ServerFailed
from crier.local.postgres import binaries

_PIECE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Search:
    """One place that was searched.

    Parameters:
        where: for people.
        size: bytes that were read.
        hits: the secrets that were found there, if any.
    """

    where: str
    size: int
    hits: int

    def findings(self) -> Iterator[Finding]:
        """That something was found."""
        if self.hits:
            yield Finding("secret", self.where, f"{self.hits} one-time codes can be read there")


def search_dump(database_url: str, secrets: Sequence[str], where: str) -> tuple[Search, bytes]:
    """Dump the database and search the dump, which is returned too."""
    dump = _dump(database_url)
    return Search(where, len(dump), _hits([dump], secrets)), dump


def search_files(folder: Path, secrets: Sequence[str], where: str) -> Search:
    """Search every file below `folder`: tables, write-ahead log, the broker's data, logs."""
    size, found = 0, 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            pieces = list(_pieces(path))
            size += sum(map(len, pieces))
            found += _hits(pieces, secrets)
    return Search(where, size, found)


def _hits(pieces: Iterable[bytes], secrets: Sequence[str]) -> int:
    return sum(secret.encode() in piece for piece in pieces for secret in secrets)


def _pieces(path: Path) -> Iterator[bytes]:
    """A file's content; pieces overlap, so that nothing hides between two."""
    overlap = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield overlap + piece
                overlap = piece[-100:]
    except FileNotFoundError:
        return  # the server removed it meanwhile


def _dump(database_url: str) -> bytes:
    connection = conninfo_to_dict(database_url)
    variables = {
        "PGHOST": connection["host"], "PGPORT": connection["port"], "PGUSER": connection["user"],
        "PGPASSWORD": connection["password"], "PGDATABASE": connection["dbname"],
    }  # fmt: skip
    done = subprocess.run(
        [str(binaries() / "pg_dump")],
        env={**os.environ, **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServerFailed("pg_dump", done.stderr.decode(errors="replace").strip())
    return done.stdout
