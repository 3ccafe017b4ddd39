"""Rows are in the table or in a finished file, whatever happens, and come back as they were."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import psycopg
import pytest

from services.cleanup.declared.archive import Archive, read, restoring
from services.cleanup.declared.catalog import connected, table_of, yielding
from services.cleanup.declared.restore import restore
from services.cleanup.declared.tables import Tables
from services.cleanup.pace import Pace
from shared.errors import Conflict, InvalidInput
from tests.services.cleanup.declared.conftest import ROOT, ages, tell

PACE = Pace(7, 0.0, float("inf"))
EVERY_TYPE = """
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE TABLE everything (
        id int GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL,
        double int GENERATED ALWAYS AS (number * 2) STORED, number int,
        raw bytea, exact numeric, price numeric(12, 2), local timestamp, day date, span interval, key uuid,
        document jsonb, plain json, words text[], grid int[][], "Odd ""name" text, yes boolean,
        real8 double precision, moods mood[], address inet, during tstzrange, fixed char(5), short varchar(3),
        bits bit(4));
"""
VALUES = [
    {},
    {
        "number": 21, "raw": b"\x00\xff\\'", "exact": "12345678901234567890.123456789012345678901", "price": "-0.10",
        "local": "2020-02-29 12:00:00.000001", "day": "2020-02-29", "span": "1 mon -2 days 03:04:05.6",
        "key": "0198c0de-0000-7000-8000-000000000000", "document": '{"a": [1, null, "ü\\u2028"], "n": 1.10}',
        "plain": '{"b":1,  "a":2}', "words": ["a,b", 'say "hi"', "", None, "NULL"], "grid": [[1, 2], [3, 4]],
        'Odd "name': "tab\tline\nback\\slash \U0001f600", "yes": True, "real8": 0.1, "moods": "{glad,sad}",
        "address": "2001:db8::1/64", "during": "[2020-01-01 00:00:00+00,)", "fixed": "ab", "short": "xyz",
        "bits": "1010",
    },
    {
        "exact": "NaN", "local": "infinity", "day": "-infinity", "real8": "-Infinity", "document": "null",
        "words": [], "at": "-infinity", "yes": False, "raw": b"", 'Odd "name': "",
    },
    {"document": '"text"', "real8": "NaN", "local": "0044-03-15 12:00:00 BC", "words": "[2:3]={x,y}"},
]  # fmt: skip


@pytest.fixture
def archived(trips, cleaning, archives):
    """Locations of more than a month ago, archived; ten files of seven."""
    cleaner = cleaning(archive=archives)
    assert cleaner.run(PACE, tell) == {"rows": 70, "complete": True}
    return cleaner


@pytest.fixture
def files(archived, archives):
    return sorted((archives / "trips").iterdir())


def put_back(cleaner, *files):
    return restore(cleaner.policy, cleaner.url, cleaner.path, list(files), 0.2)


def test_what_is_archived_is_what_is_gone_and_comes_back_row_for_row(trips, archived, files):
    assert ages(trips) == list(range(30))
    assert [len(read(file).rows) for file in files] == [7] * 10
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    done = put_back(archived, *files)
    assert [(one.rows, one.were_there) for one in done] == [(7, 0)] * 10
    assert ages(trips) == list(range(100))
    assert {file.suffix for file in files[0].parent.iterdir()} == {".restored"}


def test_every_type_survives(shop, shop_url, cleaning, archives):
    shop.execute(EVERY_TYPE)
    for values in VALUES:
        row = {"at": "2020-01-01", **values}
        names = ", ".join('"{}"'.format(name.replace('"', '""')) for name in row)
        shop.execute(f"INSERT INTO everything ({names}) VALUES ({', '.join(['%s'] * len(row))})", [*row.values()])
    shop.execute("SET TimeZone = 'America/New_York'; SET DateStyle = 'German'")
    everything = "SELECT everything::text FROM everything ORDER BY id"
    before = shop.execute(everything).fetchall()
    cleaner = cleaning(table="everything", column="at", archive=archives)
    assert cleaner.run(PACE, tell)["rows"] == len(VALUES)
    assert shop.execute(everything).fetchall() == []
    put_back(cleaner, *sorted((archives / "trips").iterdir()))
    assert shop.execute(everything).fetchall() == before


def test_the_oldest_go_first_by_their_time_and_not_by_how_it_is_written(shop, cleaning, archives):
    shop.execute("""
        INSERT INTO trip_locations
        SELECT age, 1, 1, at FROM (VALUES (3, timestamptz '0044-03-15 BC'), (2, '0010-01-01 BC'), (1, '0020-01-01'))
                          AS past (age, at)
    """)
    cleaning(archive=archives).run(Pace(1, 0.0, float("inf")), tell)
    files = sorted((archives / "trips").iterdir(), key=lambda file: int(file.name.split(".")[-3]))
    assert [read(file).rows[0][0] for file in files] == ["3", "2", "1"]


def test_identical_rows_of_a_table_without_a_key_are_as_many_as_before(shop, cleaning, archives):
    shop.execute("INSERT INTO trip_locations SELECT 7, 1, 1, '2020-01-01' FROM generate_series(1, 20)")
    cleaner = cleaning(archive=archives)
    cleaner.run(PACE, tell)
    put_back(cleaner, *sorted((archives / "trips").iterdir()))
    assert ages(shop) == [7] * 20


def test_a_row_whose_key_was_taken_since_stays_as_it_is_now(shop, cleaning, archives):
    shop.execute("INSERT INTO tokens VALUES ('a', 'old', '2020-01-01'), ('b', 'old', '2020-01-01')")
    cleaner = cleaning(table="tokens", column="expires_at", archive=archives)
    cleaner.run(PACE, tell)
    shop.execute("INSERT INTO tokens VALUES ('a', 'new', now())")
    (done,) = put_back(cleaner, *(archives / "trips").iterdir())
    assert (done.rows, done.were_there) == (1, 1)
    assert shop.execute("SELECT purpose FROM tokens ORDER BY digest").fetchall() == [("new",), ("old",)]


def leftover(cleaner, *, commit):
    """What a worker leaves that dies before or after its transaction was committed, and before it renamed the file."""
    with connected(cleaner.url) as connection:
        with yielding(connection, 0.2):
            table = table_of(connection, cleaner.policy.table, cleaner.path)
            archive = Archive(cleaner.policy.archive / "trips", "trips", "public.trip_locations")
            chosen = connection.execute(
                "SELECT trip_id::text, latitude::text, longitude::text, recorded_at::text FROM trip_locations"
                " WHERE trip_id BETWEEN 40 AND 44"
            ).fetchall()
            file = archive.write(connection, table.columns, chosen)
            connection.execute("DELETE FROM trip_locations WHERE trip_id BETWEEN 40 AND 44")
            if not commit:
                raise psycopg.Rollback
        return file


@pytest.mark.parametrize("commit", [False, True])
def test_the_next_run_decides_what_a_dead_worker_left(trips, cleaning, archives, commit):
    cleaner = cleaning(archive=archives)
    left = leftover(cleaner, commit=commit)
    assert left.suffix == ".archiving"
    result = cleaner.run(PACE, tell)
    assert result == {"rows": 65 if commit else 70, "complete": True, "settled": 1}
    files = sorted((archives / "trips").iterdir())
    assert {file.suffix for file in files} == {".gz"}
    kept = [int(row[0]) for file in files for row in read(file).rows]
    assert sorted(kept) == list(range(30, 100)), "each row once"


def test_a_file_a_crash_left_damaged_is_put_aside_and_keeps_nobody_from_cleaning(trips, cleaning, archives):
    cleaner = cleaning(archive=archives)
    left = leftover(cleaner, commit=True)
    left.write_bytes(left.read_bytes()[:-20])
    assert cleaner.run(PACE, tell) == {"rows": 65, "complete": True, "damaged": 1}
    assert not left.exists()
    assert left.with_name(f"{left.name}.damaged").exists()
    assert cleaner.run(PACE, tell) == {"rows": 0, "complete": True}


def test_a_file_of_a_transaction_that_is_under_way_is_left_alone(trips, cleaning, archives):
    cleaner = cleaning(archive=archives)
    with psycopg.connect(cleaner.url) as other:
        (xid,) = other.execute("SELECT pg_current_xact_id()::text").fetchone()
        (archives / "trips").mkdir()
        writing = archives / "trips" / f"public.trip_locations.x.{xid}.jsonl.gz.writing"
        writing.write_bytes(b"half")
        assert "settled" not in cleaner.run(PACE, tell)
        assert writing.exists()
        other.rollback()
    assert cleaner.run(PACE, tell)["settled"] == 1
    assert not writing.exists()


@pytest.mark.parametrize("commit", [False, True])
def test_a_restore_that_died_is_settled_too(trips, archived, files, commit):
    (content, first) = (read(files[0]), files[0])
    with connected(archived.url) as connection, yielding(connection, 0.2):
        restoring(first, connection)
        for row in content.rows:
            connection.execute("INSERT INTO trip_locations VALUES (%s, %s, %s, %s)", row)
        if not commit:
            raise psycopg.Rollback
    if commit:
        with pytest.raises(InvalidInput, match="restored before"):
            put_back(archived, first)
        put_back(archived, *files[1:])
    else:
        put_back(archived, *files)
    assert ages(trips) == list(range(100))


def test_a_file_is_not_restored_twice(trips, archived, files):
    put_back(archived, files[0])
    with pytest.raises(InvalidInput, match=r"take `\.restored` off"):
        put_back(archived, files[0])
    assert len(ages(trips)) == 37


@pytest.mark.parametrize("at", [30, -30])
def test_a_damaged_file_is_refused_and_nothing_is_restored(trips, archived, files, at):
    content = bytearray(files[1].read_bytes())
    content[at] ^= 0xFF
    files[1].write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged"):
        put_back(archived, *files)
    assert len(ages(trips)) == 30


def test_a_file_of_another_table_or_of_a_column_that_is_gone_is_refused(trips, cleaning, archived, files):
    with pytest.raises(InvalidInput, match=r"Its rows are of public\.trip_locations"):
        put_back(cleaning(table="tokens", column="expires_at"), files[0])
    trips.execute("ALTER TABLE trip_locations DROP COLUMN latitude")
    with pytest.raises(InvalidInput, match="no column 'latitude'"):
        put_back(archived, files[0])


def test_a_folder_that_is_not_there_or_cannot_be_written_to_is_named(trips, cleaning, archives):
    with pytest.raises(InvalidInput, match="There is no folder"):
        cleaning(archive=archives / "none").check()
    cleaning(archive=archives).check()


def test_rows_that_a_trigger_keeps_are_said_and_none_is_lost(trips, cleaning, archives):
    trips.execute("""
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER keep BEFORE DELETE ON trip_locations
        FOR EACH ROW WHEN (OLD.trip_id = 40) EXECUTE FUNCTION keep();
    """)
    with pytest.raises(Conflict, match="does a trigger"):
        cleaning(archive=archives, older_than=timedelta(days=39)).run(Pace(100, 0.0, 60.0), tell)
    assert len(ages(trips)) == 100


def test_a_worker_killed_at_any_moment_loses_and_doubles_nothing(shop, shop_url, cleaning, archives, tmp_path):
    """Killed as a process, again and again; then run to the end. Table and files together are what there was."""
    count = 20_000
    shop.execute("INSERT INTO trip_locations SELECT n, 1, 1, '2020-01-01' FROM generate_series(1, %s) n", [count])
    script = tmp_path / "archive_for_ever.py"
    script.write_text(
        "import sys\n"
        "from datetime import timedelta\n"
        "from pathlib import Path\n"
        "from services.cleanup.declared.policy import TablePolicy\n"
        "from services.cleanup.declared.tables import Tables\n"
        "from services.cleanup.pace import Pace\n"
        "policy = TablePolicy(name='trips', schedule='', database='', table='trip_locations', column='recorded_at',\n"
        "    older_than=timedelta(days=30), may_empty=True, archive=Path(sys.argv[2]))\n"
        "print('ready', flush=True)\n"
        "Tables(policy, sys.argv[1], '', 0.2).run(Pace(20, 0.0, 1e9), lambda _: None)\n"
    )
    environ = {
        **os.environ, "PYTHONPATH": str(ROOT), "CRIER_DATABASE_URL": "postgresql://unused/x",
        "CRIER_BROKER_URL": "redis://unused",
    }  # fmt: skip
    for patience in (0.05, 0.11, 0.23, 0.41):
        with subprocess.Popen(
            [sys.executable, script, shop_url, archives], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            process.stdout.readline()
            time.sleep(patience)
            process.send_signal(signal.SIGKILL)
    in_table = ages(shop)
    cleaner: Tables = cleaning(archive=archives, may_empty=True)
    deadline = time.monotonic() + 30
    while shop.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'crier cleanup'").fetchone()[0]:
        assert time.monotonic() < deadline
    assert 0 < len(in_table) < count
    assert cleaner.run(Pace(2000, 0.0, float("inf")), tell)["complete"]
    files = sorted((archives / "trips").iterdir())
    assert {file.suffix for file in files} == {".gz"}
    kept = sorted(int(row[0]) for file in files for row in read(file).rows)
    assert kept == list(range(1, count + 1))
    assert ages(shop) == []
