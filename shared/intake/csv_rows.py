"""Recipients from CSV (RFC 4180): a header, then a row each.

Columns are `to.email`, `data.first_name`, `metadata.campaign`, `ordering_key`. What can only be meant of the recipient
may be written short (`email`, `phone`, `user_id`, `name`, `locale`, `timezone`, `unsubscribe_url`); every other column
is a variable of that name.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.errors import InvalidInput
from shared.intake.cells import Convert, conversion, find_variable
from shared.intake.drafts import Row
from shared.intake.lines import text_lines
from shared.intake.problems import did_you_mean
from shared.intake.recipient import RecipientSchema
from shared.ledger.ids import derived_id
from shared.templates.variables import Variable

SHORT = ("email", "phone", "user_id", "name", "locale", "timezone", "unsubscribe_url")
_RECIPIENT = tuple(RecipientSchema().fields)
ORDERING_KEY = "ordering_key"
MAX_PATH = 8
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Column:
    """Where the cells of a column go: into `to`, `data`, `metadata` or the row itself, under `path`, by `convert`."""

    part: str
    path: tuple[str, ...]
    convert: Convert


class CsvFile:
    """A file whose header has been read and understood.

    Parameters:
        variables: what the template declares, by name; None keeps every other column as it is written, for templates
            that are not known yet.

    Raises:
        InvalidInput: the header is wrong.
    """

    def __init__(self, source: io.RawIOBase, variables: Mapping[str, Variable] | None) -> None:
        self._lines = text_lines(source)
        header = next(self._lines, "")
        self._delimiter = max(_DELIMITERS, key=header.count)
        self._columns = _columns(next(csv.reader([header], delimiter=self._delimiter), []), variables)

    def rows(self, batch_id: UUID) -> Iterator[Row]:
        """The rows, numbered by the line each starts on; the header is line 1, empty lines are passed over.

        Raises:
            LineTooLong: nothing after that line can be read.
        """
        reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        while True:
            number = reader.line_num + 2  # the header was read before
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                last = reader.line_num + 1
                passed_over = f" Lines {number} to {last} were passed over." if last > number else ""
                yield _refused(batch_id, number, f"Not CSV: {error}. Is a quote not closed?{passed_over}")
                continue
            if cells:
                yield _row(batch_id, number, cells, self._columns)


def _columns(header: Sequence[str], variables: Mapping[str, Variable] | None) -> list[Column]:
    names = [name.strip() for name in header]
    if not any(names):
        raise InvalidInput({"line 1": ["The file must begin with a header, e.g. email,name,first_name."]})
    _must_be_utf8("".join(names))
    problems: dict[str, list[str]] = {}
    columns = []
    for place, name in enumerate(names, start=1):
        column = _column(name, variables)
        if isinstance(column, str):
            problems[f"line 1, column {place}"] = [column]
        else:
            columns.append(column)
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for column in columns:
        if (column.part, column.path) in seen:
            problems["line 1"] = [f"There are two columns for {column.part}.{'.'.join(column.path)}."]
        seen.add((column.part, column.path))
    for column in columns:
        above = (column.path[:length] for length in range(1, len(column.path)))
        if any((column.part, path) in seen for path in above):
            problems["line 1"] = [f"{'.'.join(column.path)} is a part of another column: give one or the other."]
    if problems:
        raise InvalidInput(problems)
    return columns


def _column(name: str, variables: Mapping[str, Variable] | None) -> Column | str:
    """The column, or what is wrong with its name."""
    if not name:
        return "This column has no name."
    part, _, rest = name.partition(".")
    if name == ORDERING_KEY and variables is not None and name not in variables:
        return Column("row", (name,), str.strip)
    if name in SHORT:
        return Column("to", (name,), str.strip)
    if part == "to" and rest:
        if rest not in _RECIPIENT:
            return f"A recipient has no {rest[:80]}.{did_you_mean(rest, _RECIPIENT)}"
        return Column("to", (rest,), _tokens if rest == "tokens" else str.strip)
    if part == "metadata" and rest:
        return Column("metadata", (rest,), str)
    path = (rest if part == "data" and rest else name).split(".")
    if variables is None:
        return Column("data", tuple(path), str) if all(path) and len(path) <= MAX_PATH else f"Not a name: {name[:80]}."
    variable = find_variable(variables, path)
    if variable is None:
        known = [*SHORT, ORDERING_KEY, *variables]
        return f"Neither the recipient nor the template has {name[:80]}.{did_you_mean(name, known)}"
    return Column("data", tuple(path), conversion(variable))


def _tokens(cell: str) -> list[str]:
    return cell.replace(";", " ").split()


def _row(batch_id: UUID, number: int, cells: Sequence[str], columns: Sequence[Column]) -> Row:
    if len(cells) != len(columns):
        return _refused(batch_id, number, f"This row has {len(cells)} cells, the header has {len(columns)}.")
    written = "".join(cells)
    if not written.isascii():
        try:
            _must_be_utf8(written)
        except InvalidInput as error:
            return _refused(batch_id, number, *error.fields["line 1"])
    if "\0" in written:
        return _refused(batch_id, number, "Remove the NUL character (U+0000): it cannot be stored.")
    parts: dict[str, dict[str, Any]] = {"to": {}, "data": {}, "metadata": {}, "row": {}}
    for column, cell in zip(columns, cells, strict=True):
        if cell:
            below = parts[column.part]
            for name in column.path[:-1]:
                below = below.setdefault(name, {})
            below[column.path[-1]] = column.convert(cell)
    identifier = derived_id(batch_id, number)
    return Row(identifier, parts["to"], parts["data"], parts["metadata"], number, **parts["row"])


def _must_be_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput({"line 1": ["Not UTF-8: save the file in the encoding UTF-8."]}) from None


def _refused(batch_id: UUID, number: int, problem: str) -> Row:
    return Row(derived_id(batch_id, number), {}, number=number, problems={"(row)": [problem]}, readable=False)
