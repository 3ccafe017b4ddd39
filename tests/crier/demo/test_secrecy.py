"""The search for one-time codes finds them where they are."""

from pathlib import Path

from sqlalchemy import text

from crier.demo.secrecy import search_dump, search_files
from shared.ledger.database import Database

CODES = ["GHJKLMNPQRST", "ZZZZZZZZZZZZ"]


def test_a_code_in_a_table_is_found(database: Database, database_url: str):
    clean, dump = search_dump(database_url, CODES, "before")
    assert (clean.hits, list(clean.findings())) == (0, [])
    assert b"CREATE TABLE" in dump
    database.execute(text("INSERT INTO projects (name) VALUES ('GHJKLMNPQRST')"))
    search, dump = search_dump(database_url, CODES, "after")
    assert search.hits == 1
    assert search.size == len(dump)
    assert [finding.kind for finding in search.findings()] == ["secret"]


def test_a_code_in_a_file_is_found_wherever_it_lies(tmp_path: Path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "gateway.log").write_bytes(b"x" * 1000 + b"GHJKLMNPQRST")
    # Across the border of two pieces that are read one after the other.
    (tmp_path / "wal").write_bytes(b"\0" * (16 * 1024 * 1024 - 6) + b"ZZZZZZZZZZZZ")
    search = search_files(tmp_path, CODES, "files")
    assert search.hits == 2
    assert search.size > 16 * 1024 * 1024
    assert search_files(tmp_path, ["not there"], "files").hits == 0
