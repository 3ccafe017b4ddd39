"""Files of recipients, CSV or NDJSON: a row is as good as a PUT, and a bad one keeps no good one from being stored."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from marshmallow import validate

from services.gateway.people_schemas import OFF, RecipientRequestSchema, as_stored, zone_problem
from shared.errors import InvalidInput
from shared.intake.canonical import check_storable
from shared.intake.lines import Digesting, LineTooLong, Source, byte_lines, text_lines
from shared.intake.problems import did_you_mean, load
from shared.intake.receipts import SHOWN_ERRORS
from shared.intake.upload import Form
from shared.ledger.recipients import Recipients
from shared.messages.fields import Line

CHUNK = 1000
_METADATA = "metadata."


class _RowSchema(RecipientRequestSchema):
    user_id = Line(required=True, validate=validate.Length(1, 200))


_ROW = _RowSchema()
_COLUMNS = tuple(_ROW.fields)


@dataclass
class Imported:
    """What came of a file. `errors`: the first hundred problems; not `complete`: nothing after the last was read."""

    stored: int = 0
    new: int = 0
    refused: int = 0
    complete: bool = True
    errors: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, row: int, problems: Mapping[str, list[str]]) -> None:
        """Count a bad row."""
        self.refused += 1
        for name, every in problems.items():
            if len(self.errors) < SHOWN_ERRORS:
                self.errors.append({"row": row, "field": name, "problem": every[0]})


def store(recipients: Recipients, project_id: int, source: Source, form: Form) -> Imported:
    """Store everybody in a file, a chunk at a time.

    Raises:
        InvalidInput: the header of a CSV file is wrong.
        LedgerUnavailable: what was read so far may be stored; send the file again.
    """
    done, chunk = Imported(), dict[str, Mapping[str, Any]]()
    read = _csv_rows if form is Form.CSV else _ndjson_rows
    rows = read(Digesting(source))
    while True:
        try:
            number, given = next(rows, (0, None))
        except LineTooLong as error:
            done.complete = False
            done.refuse(error.number, {"(row)": [str(error)]})
            break
        if given is None:
            break
        try:
            user_id, fields = _checked(given)
        except InvalidInput as error:
            done.refuse(number, error.fields)
            continue
        done.stored += 1
        chunk[user_id] = fields
        if len(chunk) == CHUNK:
            done.new += recipients.put_many(project_id, chunk)
            chunk.clear()
    if chunk:
        done.new += recipients.put_many(project_id, chunk)
    return done


def _checked(given: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(given, InvalidInput):
        raise given
    loaded = load(_ROW, given)
    user_id, fields = loaded.pop("user_id"), as_stored(loaded)
    if problem := zone_problem(fields, fields.get("timezone")):
        raise InvalidInput({"timezone": [problem]})
    return user_id, fields


def _ndjson_rows(source: io.RawIOBase) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(byte_lines(source), start=1):
        if not (text := line.strip().removeprefix(b"\xef\xbb\xbf")):
            continue
        try:
            given = orjson.loads(text)
            check_storable(given, text)
        except orjson.JSONDecodeError as error:
            given = InvalidInput({"(row)": [f"Not JSON at column {error.colno}: {error.msg}."]})
        except InvalidInput as error:
            given = error
        yield number, given


def _csv_rows(source: io.RawIOBase) -> Iterator[tuple[int, Any]]:
    lines = text_lines(source)
    header = next(lines, "")
    delimiter = max((",", ";", "\t"), key=header.count)
    names = _names(next(csv.reader([header], delimiter=delimiter), []))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 2  # the header was read before
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, InvalidInput({"(row)": [f"Not CSV: {error}. Is a quote not closed?"]})
            continue
        if cells:
            yield number, _of_cells(names, cells)


def _names(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    problems = {
        f"line 1, column {place}": [f"A recipient has no {name[:80]}.{did_you_mean(name, _COLUMNS)}"]
        for place, name in enumerate(names, start=1)
        if not name.startswith(_METADATA) and (name not in _COLUMNS or name == "metadata")
    }
    if "user_id" not in names or len(set(names)) < len(names):
        problems["line 1"] = ["The file must begin with a header that has user_id, and each name once."]
    if problems:
        raise InvalidInput(problems)
    return names


def _of_cells(names: list[str], cells: list[str]) -> Any:
    if len(cells) != len(names):
        return InvalidInput({"(row)": [f"This row has {len(cells)} cells, the header has {len(names)}."]})
    written = "".join(cells)
    if "\0" in written:
        return InvalidInput({"(row)": ["Remove the NUL character (U+0000): it cannot be stored."]})
    try:
        written.encode()
    except UnicodeEncodeError:
        return InvalidInput({"(row)": ["Not UTF-8: save the file in the encoding UTF-8."]})
    given: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=True):
        if name.startswith(_METADATA):
            metadata |= {name.removeprefix(_METADATA): cell} if cell else {}
        elif cell.strip():
            given[name] = _hours(cell.strip()) if name == "quiet_hours" else cell.strip()
    return given | ({"metadata": metadata} if metadata else {})


def _hours(cell: str) -> Any:
    begins, dash, ends = cell.partition("-")
    return {"from": begins.strip(), "until": ends.strip()} if dash and cell != OFF else cell
