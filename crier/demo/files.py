"""The demo's files, read here by the demo's own eyes: what each good row asks for, and which rows are wrong."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from email_validator import validate_email

from crier.request import Channel

FOLDER = Path(__file__).parent
TO = ("email", "name", "locale", "timezone", "phone")


@dataclass(frozen=True)
class Upload:
    """A file, and how everybody in it is written to."""

    name: str
    template: str
    channel: Channel
    shared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it is."""
        return FOLDER / self.name


@dataclass(frozen=True)
class Row:
    """A good row: the line it starts on, and what it says."""

    line: int
    to: Mapping[str, Any]
    data: Mapping[str, Any]


UPLOADS = (
    Upload("recipients.csv", "booking_confirmation", "email"),
    Upload(
        "guests.ndjson",
        "trip_delay",
        "sms",
        {
            "trip": "Coach 204",
            "trip_id": "204-20270314",
            "destination": "Oxford",
            "planned_at": "2027-03-14T13:40:00+00:00",
            "expected_at": "2027-03-14T14:05:00+00:00",
            "delay_minutes": 25,
        },
    ),
)


def wrong_rows(upload: Upload) -> set[tuple[int, str]]:
    """Line and field of everything that is wrong in a file."""
    with (FOLDER / "refused.csv").open(newline="") as file:
        return {(int(row["row"]), row["field"]) for row in csv.DictReader(file) if row["file"] == upload.name}


def good_rows(upload: Upload) -> Iterator[Row]:
    """Everybody else."""
    wrong = {line for line, _ in wrong_rows(upload)}
    rows = _csv_rows if upload.path.suffix == ".csv" else _ndjson_rows
    return (row for row in rows(upload, wrong) if row.line not in wrong)


def _csv_rows(upload: Upload, _: set[int]) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(upload.path.read_bytes().decode(), newline=""))
    header = next(reader)
    line = reader.line_num + 1
    for cells in reader:
        given = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
        to = {name: given.pop(name) for name in TO if name in given}
        yield Row(line, to, {name: _typed(name, cell) for name, cell in given.items()})
        line = reader.line_num + 1


def _typed(name: str, cell: str) -> Any:
    match name, cell.split(" "):
        case "guests", [count] if count.isdecimal():
            return int(count)
        case "total", [amount, currency]:
            return {"amount": amount, "currency": currency}
    return cell


def _ndjson_rows(upload: Upload, wrong: set[int]) -> Iterator[Row]:
    for number, line in enumerate(upload.path.read_bytes().splitlines(), start=1):
        if number not in wrong:
            row = json.loads(line)
            yield Row(number, row["to"], {**upload.shared, **row["data"]})


def on_the_envelope(address: str) -> str:
    """A mail address as SMTP has it: the domain in ASCII (IDNA)."""
    found = validate_email(address, check_deliverability=False, test_environment=True)
    return f"{found.local_part}@{found.ascii_domain}"
