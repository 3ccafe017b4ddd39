"""Recipients from NDJSON: a line each, `{"to": {…}, "data": {…}, "metadata": {…}}`."""

import io
from collections.abc import Iterator
from uuid import UUID

import orjson

from shared.errors import InvalidInput
from shared.intake.canonical import check_storable
from shared.intake.drafts import Row, row_of
from shared.intake.lines import byte_lines
from shared.ledger.ids import derived_id

_BOM = b"\xef\xbb\xbf"


class NdjsonFile:
    """A file of JSON values, one a line."""

    def __init__(self, source: io.RawIOBase) -> None:
        self._source = source

    def rows(self, batch_id: UUID) -> Iterator[Row]:
        """The rows, numbered by line; empty lines are passed over.

        Raises:
            LineTooLong: nothing after that line can be read.
        """
        for number, line in enumerate(byte_lines(self._source), start=1):
            text = line.strip().removeprefix(_BOM)
            if not text:
                continue
            try:
                given = orjson.loads(text)
                check_storable(given, text)
            except orjson.JSONDecodeError as error:
                yield _refused(batch_id, number, "(row)", f"Not JSON at column {error.colno}: {error.msg}.")
            except InvalidInput as error:
                field, problems = next(iter(error.fields.items()))
                yield _refused(batch_id, number, field, problems[0])
            else:
                yield row_of(batch_id, number, given)


def _refused(batch_id: UUID, number: int, field: str, problem: str) -> Row:
    return Row(derived_id(batch_id, number), {}, number=number, problems={field: [problem]}, readable=False)
