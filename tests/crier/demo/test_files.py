"""The demo's files are what their maker makes, and as varied as they claim."""

import csv
from collections import Counter

import pytest

from crier.demo.files import FOLDER, UPLOADS, good_rows, on_the_envelope, wrong_rows
from crier.demo.make_files import COUNT, files
from crier.demo.wrong import BOUNCING, BROKEN_LINES, BROKEN_ROWS, SPOILT_ROWS
from shared.intake.recipient import load_recipient

TABLE, LINES = UPLOADS


@pytest.mark.parametrize("name", ["recipients.csv", "guests.ndjson", "refused.csv"])
def test_a_file_is_what_its_maker_makes(name: str):
    assert (FOLDER / name).read_bytes() == files()[name]


def test_a_thousand_are_written_to_some_of_them_wrongly():
    rows = list(csv.reader(TABLE.path.read_text(encoding="utf-8").splitlines(keepends=True)))
    assert len(rows) == COUNT + 1
    wrong = {line for line, _ in wrong_rows(TABLE)}
    assert len(wrong) == len(BROKEN_ROWS) + len(SPOILT_ROWS)
    assert len(list(good_rows(TABLE))) == COUNT - len(wrong)
    assert len(list(good_rows(LINES))) == 20 - len(BROKEN_LINES)


def test_good_rows_are_understood_as_the_intake_understands_them():
    for upload in UPLOADS:
        for row in good_rows(upload):
            loaded, problems = load_recipient(row.to)
            assert problems == {}
            assert loaded == row.to, row.line


def test_nobody_is_written_to_twice():
    mails = Counter(on_the_envelope(row.to["email"]) for row in good_rows(TABLE))
    numbers = Counter(row.to["phone"] for row in good_rows(LINES))
    assert max(mails.values()) == max(numbers.values()) == 1
    assert set(BOUNCING) <= set(mails)


def test_names_and_addresses_are_of_the_whole_world():
    rows = list(good_rows(TABLE))
    scripts = {first_letter_block(row.to["name"]) for row in rows}
    assert len(scripts) >= 12
    assert sum(not row.to["email"].isascii() for row in rows) > 200
    assert sum("'" in row.to["email"] for row in rows) > 10
    assert sum("\n" in row.data.get("note", "") for row in rows) > 50
    assert len({row.to["timezone"] for row in rows}) >= 25


def first_letter_block(text: str) -> int:
    """The 128 code points around the first letter: a rough measure of its script."""
    return ord(text[0]) // 128
