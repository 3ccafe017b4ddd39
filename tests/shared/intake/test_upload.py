"""Files of recipients: good rows accepted, bad ones named by line and field, and nothing twice."""

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.errors import InvalidInput, LedgerUnavailable
from shared.intake.lines import MAX_LINE
from shared.intake.receipts import BulkReceipt
from shared.intake.upload import Form, Uploads

CONTENT = {"channel": "email", "content": {"subject": "x", "text": "y"}}


class Pieces(io.RawIOBase):
    """A source that gives what an iterator makes, a piece at a time."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.rest = self.rest or next(self.pieces, b"")
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count


def errors(receipt: BulkReceipt) -> list[tuple[int, str]]:
    return [(error.row, error.field) for error in receipt.errors]


@pytest.fixture
def csv(uploads: Uploads, project: int) -> Any:
    """Accepts a CSV file: `csv("email\\n…", template=…)`."""

    def accept(text: str | bytes, key: str | None = None, **request: Any) -> BulkReceipt:
        data = text if isinstance(text, bytes) else text.encode()
        asked = {"channel": "email", **request} if "template" in request else {**CONTENT, **request}
        return uploads.accept(project, asked, Form.CSV, io.BytesIO(data), key)

    return accept


@pytest.fixture
def ndjson(uploads: Uploads, project: int) -> Any:
    def accept(text: str | bytes, key: str | None = None) -> BulkReceipt:
        data = text if isinstance(text, bytes) else text.encode()
        return uploads.accept(project, CONTENT, Form.NDJSON, io.BytesIO(data), key)

    return accept


class TestCsv:
    def test_columns_by_their_long_and_short_names(self, csv: Any, greeting: str, rows: Any) -> None:
        receipt = csv(
            "to.email,name,data.first_name,visits,metadata.cohort\n"
            "ada@example.com,Ada L.,Ada,3,a\n"
            'grace@example.com,,"Grace, Dr.",,\n',
            template=greeting,
        )
        assert (receipt.accepted, receipt.refused, receipt.complete) == (2, 0, True)
        stored = rows("SELECT row_number, recipient, data, metadata FROM notifications ORDER BY row_number")
        assert [tuple(row) for row in stored] == [
            (2, {"email": "ada@example.com", "name": "Ada L."}, {"first_name": "Ada", "visits": 3}, {"cohort": "a"}),
            (3, {"email": "grace@example.com"}, {"first_name": "Grace, Dr."}, None),
        ]

    def test_cells_become_what_their_variables_are(self, csv: Any, greeting: str, rows: Any) -> None:
        receipt = csv(
            "email,first_name,visits,vip,price,tags\n"
            'a@example.com,A,7,yes,12.50 EUR,"[""x"",""y""]"\n'
            "b@example.com,B,many,maybe,dear,x\n",
            template=greeting,
        )
        assert rows("SELECT data FROM notifications")[0].data == {
            "first_name": "A",
            "visits": 7,
            "vip": True,
            "price": {"amount": "12.50", "currency": "EUR"},
            "tags": ["x", "y"],
        }
        assert set(errors(receipt)) == {(3, "data.visits"), (3, "data.vip"), (3, "data.price"), (3, "data.tags")}

    def test_parts_of_an_amount_are_columns_of_their_own(self, csv: Any, greeting: str, rows: Any) -> None:
        csv("email,first_name,price.amount,price.currency\na@example.com,A,1.00,EUR\n", template=greeting)
        assert rows("SELECT data FROM notifications")[0].data["price"] == {"amount": "1.00", "currency": "EUR"}

    def test_bad_rows_are_named_by_the_line_they_start_on(self, csv: Any, greeting: str, rows: Any) -> None:
        receipt = csv(
            "email,first_name\n"
            'ada@example.com,"a name\non two lines"\n'  # lines 2 and 3; a variable of type string is one line
            "\n"  # line 4, passed over
            "nope,Bob\n"  # line 5
            "carl@example.com\n"  # line 6
            "dora@example.com,Dora\n"  # line 7
            "eve@example.com,\n",  # line 8
            template=greeting,
        )
        assert (receipt.accepted, receipt.refused) == (1, 4)
        assert errors(receipt) == [(2, "data.first_name"), (5, "to.email"), (6, "(row)"), (8, "data.first_name")]
        assert rows("SELECT row_number FROM notifications")[0].row_number == 7

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_lines_may_end_as_they_like(self, csv: Any, end: str) -> None:
        receipt = csv(end.join(["email", "a@example.com", "nope", "b@example.com"]))
        assert (receipt.accepted, errors(receipt)) == (2, [(3, "to.email")])

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_spreadsheets_separators(self, csv: Any, delimiter: str) -> None:
        assert csv(f"email{delimiter}name\na@example.com{delimiter}A\n").accepted == 1

    def test_a_byte_order_mark_is_passed_over(self, csv: Any) -> None:
        assert csv(b"\xef\xbb\xbfemail,name\na@example.com,J\xc3\xbcrgen\n").accepted == 1

    def test_other_encodings_are_named_by_line(self, csv: Any) -> None:
        receipt = csv(b"email,name\na@example.com,J\xfcrgen\nb@example.com,Bo\n")
        assert (receipt.accepted, errors(receipt)) == (1, [(2, "(row)")])
        assert "UTF-8" in receipt.errors[0].problem
        with pytest.raises(InvalidInput, match="UTF-8"):
            csv("email\na@example.com\n".encode("utf-16"))

    def test_nul_is_refused(self, csv: Any) -> None:
        receipt = csv("email,name\na@example.com,A\0\nb@example.com,B\n")
        assert (receipt.accepted, errors(receipt)) == (1, [(2, "(row)")])

    def test_a_quote_that_is_not_closed(self, csv: Any) -> None:
        receipt = csv('email,name\na@example.com,A\nb@example.com,"B\nc@example.com,C\n')
        assert (receipt.accepted, errors(receipt)) == (1, [(3, "(row)")])
        assert "quote" in receipt.errors[0].problem

    def test_a_quote_that_is_closed_too_early(self, csv: Any) -> None:
        receipt = csv('email,name\na@example.com,"A"x\nb@example.com,B\n')
        assert (receipt.accepted, errors(receipt)) == (1, [(2, "(row)")])

    @pytest.mark.parametrize(
        ("header", "field", "says"),
        [
            ("", "line 1", "header"),
            ("email,", "line 1, column 2", "no name"),
            ("emial", "line 1, column 1", "Did you mean email?"),
            ("to.emial", "line 1, column 1", "Did you mean email?"),
            ("email,first_nam", "line 1, column 2", "Did you mean first_name?"),
            ("email,data.price.total", "line 1, column 2", "Neither"),
            ("email,to.email", "line 1", "two columns"),
        ],
    )
    def test_a_wrong_header_is_refused_before_anything_is_accepted(
        self, csv: Any, greeting: str, rows: Any, header: str, field: str, says: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            csv(f"{header}\na@example.com,x\n", "k", template=greeting)
        assert says in " ".join(refusal.value.fields[field])
        assert rows("SELECT FROM batches") == []
        good = csv("email,first_name\na@example.com,A\n", "k", template=greeting)
        assert good.accepted == 1, "the key was not used up"

    def test_a_line_without_an_end_stops_the_reading(self, csv: Any) -> None:
        receipt = csv("email,name\na@example.com,A\n" + "x" * (MAX_LINE + 1))
        assert (receipt.accepted, receipt.complete, errors(receipt)) == (1, False, [(3, "(row)")])

    def test_device_tokens_share_a_cell(self, uploads: Uploads, project: int, rows: Any) -> None:
        asked = {"channel": "push", "content": {"title": "x", "body": "y"}}
        uploads.accept(project, asked, Form.CSV, io.BytesIO(b"to.tokens\na b;c\n"))
        assert sorted(row.target for row in rows("SELECT target FROM deliveries")) == ["a", "b", "c"]

    def test_the_same_target_twice_is_two_notifications(self, csv: Any) -> None:
        assert csv("email\na@example.com\na@example.com\n").accepted == 2


class TestNdjson:
    def test_good_rows_are_accepted_and_bad_ones_named_by_line(self, ndjson: Any, rows: Any) -> None:
        receipt = ndjson(
            '{"to": {"email": "a@example.com"}, "metadata": {"a": "b"}}\n'
            "\n"
            '{"to": {"email": "b@example.com"}\n'  # line 3: not JSON
            '{"to": {"email": "nope"}}\n'
            '{"too": {"email": "c@example.com"}}\n'
            "[]\n"
            '{"to": {"email": "d@example.com", "name": "\\u0000"}}\n'
            f'{{"to": {{"email": "e@example.com"}}, "data": {"[" * 40}{"]" * 40}}}\n'
            '{"to": {"email": "f@example.com"}}'
        )
        assert (receipt.accepted, receipt.refused) == (2, 6)
        assert errors(receipt) == [
            (3, "(row)"), (4, "to.email"), (5, "to"), (5, "too"), (6, "(row)"), (7, "to.name"), (8, "(body)"),
        ]  # fmt: skip
        assert [row.row_number for row in rows("SELECT row_number FROM notifications ORDER BY 1")] == [1, 9]

    def test_other_encodings_are_named_by_line(self, ndjson: Any) -> None:
        bad, good = b'{"to": {"email": "a@example.com", "name": "J\xfcrgen"}}', b'{"to": {"email": "b@example.com"}}'
        receipt = ndjson(bad + b"\n" + good)
        assert (receipt.accepted, errors(receipt)) == (1, [(1, "(row)")])

    def test_a_byte_order_mark_is_passed_over(self, ndjson: Any) -> None:
        assert ndjson(b'\xef\xbb\xbf{"to": {"email": "a@example.com"}}').accepted == 1


class TestResuming:
    FILE = "email\n" + "".join(f"a{number}@example.com\n" for number in range(2500)) + "nope\n"

    def test_a_file_that_broke_off_is_completed_by_sending_it_again(
        self, uploads: Uploads, project: int, csv: Any, rows: Any
    ) -> None:
        def breaks_off() -> Iterator[bytes]:
            yield self.FILE[: len(self.FILE) // 2].encode()
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            uploads.accept(project, CONTENT, Form.CSV, Pieces(breaks_off()), "k")
        (before,) = rows("SELECT count(*) AS count FROM notifications")
        assert 1000 <= before.count < 2500
        receipt = csv(self.FILE, "k")
        assert (receipt.accepted, receipt.refused, receipt.complete) == (2500, 1, True)
        (after,) = rows("SELECT count(*) AS count, count(DISTINCT recipient) AS people FROM notifications")
        assert tuple(after) == (2500, 2500)
        assert len(rows("SELECT FROM batches WHERE closed_at IS NOT NULL")) == 1
        assert len(rows("SELECT FROM batch_errors")) == 1

    def test_a_whole_file_sent_again_is_answered_as_before_and_adds_nothing(self, csv: Any, rows: Any) -> None:
        first = csv(self.FILE, "k")
        again = csv(self.FILE, "k")
        assert again.replayed
        assert again.to_json() == first.to_json()
        assert rows("SELECT count(*) AS count FROM notifications")[0].count == 2500

    def test_another_file_under_the_same_key_is_refused(self, csv: Any, rows: Any) -> None:
        csv("email\na@example.com\n", "k")
        with pytest.raises(InvalidInput) as refusal:
            csv("email\na@example.com\nb@example.com\n", "k")
        assert list(refusal.value.fields) == ["Idempotency-Key"]
        with pytest.raises(InvalidInput):
            csv("email\na@example.com\n", "k", lane="bulk")
        assert rows("SELECT count(*) AS count FROM notifications")[0].count == 1

    def test_without_a_key_a_file_is_a_new_batch_each_time(self, csv: Any) -> None:
        assert csv("email\na@example.com\n").batch_id != csv("email\na@example.com\n").batch_id

    def test_when_the_ledger_goes_away_the_batch_stays_open(
        self, uploads: Uploads, project: int, csv: Any, rows: Any, database_url: str
    ) -> None:
        def loses_its_connections() -> Iterator[bytes]:
            yield self.FILE[: len(self.FILE) // 2].encode()
            with psycopg.connect(database_url) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            yield self.FILE[len(self.FILE) // 2 :].encode()

        with pytest.raises(LedgerUnavailable):
            uploads.accept(project, CONTENT, Form.CSV, Pieces(loses_its_connections()), "k")
        assert rows("SELECT FROM batches WHERE closed_at IS NULL")
        assert csv(self.FILE, "k").accepted == 2500
        assert rows("SELECT count(*) AS count FROM notifications")[0].count == 2500


def test_memory_stays_flat_however_long_the_file(uploads: Uploads, project: int) -> None:
    def many(rows: int) -> Iterator[bytes]:
        yield b"email,name\n"
        for start in range(0, rows, 100):
            yield "".join(f"a{n}@example.com,{'x' * 100}\n" for n in range(start, start + 100)).encode()

    def peak(rows: int) -> int:
        tracemalloc.reset_peak()
        uploads.accept(project, CONTENT, Form.CSV, Pieces(many(rows)))
        return tracemalloc.get_traced_memory()[1]

    peak(1000)
    tracemalloc.start()
    try:
        short, long = peak(2000), peak(10_000)
    finally:
        tracemalloc.stop()
    assert long < short + 4 * 1024 * 1024


def test_errors_are_kept_with_the_batch_beyond_what_the_answer_shows(csv: Any, rows: Any) -> None:
    receipt = csv("email\n" + "nope\n" * 250)
    assert (receipt.accepted, receipt.refused, len(receipt.errors)) == (0, 250, 100)
    assert rows("SELECT count(*) AS count FROM batch_errors")[0].count == 250
