"""Audiences from files: read as they arrive, a chunk at a time, each person once.

A file that broke off is completed by uploading it again under the same Idempotency-Key: what is there adds nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from marshmallow import ValidationError

from shared.campaigns.people import NOBODY, UNIQUE_BY, key_of
from shared.errors import InvalidInput, NotFound
from shared.intake.canonical import canonical, request_hash
from shared.intake.csv_rows import CsvFile
from shared.intake.drafts import Row
from shared.intake.fields import Metadata
from shared.intake.lines import Digesting, LineTooLong, Source
from shared.intake.ndjson_rows import NdjsonFile
from shared.intake.problems import did_you_mean
from shared.intake.receipts import SHOWN_ERRORS
from shared.intake.recipient import load_recipient
from shared.intake.upload import Form
from shared.ledger.acceptance import Acceptance, IdempotencyKey
from shared.ledger.audiences import DOUBLED, Audience, Audiences, Entry
from shared.ledger.batches import RowError
from shared.ledger.ids import new_id

CHUNK = 5000
CHUNK_BYTES = 16 * 1024 * 1024
MAX_ROW = 16 * 1024
"""Bytes of a member, as JSON."""

_METADATA = Metadata()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a file.

    Parameters:
        audience: as it is now; its counts are those of the whole.
        errors: the first rows that are no members.
        complete: it was read to its end.
    """

    audience: Audience
    errors: tuple[RowError, ...] = ()
    complete: bool = True
    replayed: bool = False


@dataclass(frozen=True)
class AudienceUploads:
    """Makes audiences of files."""

    acceptance: Acceptance
    audiences: Audiences

    def load(
        self, project_id: int, name: str, form: Form, source: Source, *, unique_by: str = "person",
        key: str | None = None, who: str,
    ) -> Loaded:  # fmt: skip
        """Make an audience of the good rows of a file, and record the others.

        Parameters:
            source: the file; it is read once, and never kept as a whole.
            key: the idempotency key, by which an upload that broke off is found again.

        Raises:
            InvalidInput: the name or the CSV header is wrong, or the key belongs to a different upload.
            Conflict: another audience is of this name.
            LedgerUnavailable: what was read so far may be there; send it again under the same key.
        """
        _check(name, unique_by)
        file = Digesting(source)
        asked = request_hash(canonical({"audience": name, "form": form, "unique_by": unique_by}))
        identifier = self._earlier(project_id, key, asked)
        if identifier and (done := self._done(project_id, identifier)):
            if file.rest() != done.sha256:
                raise InvalidInput(
                    {"Idempotency-Key": ["This key was used before with a different file. Use a new key."]}
                )
            return Loaded(done, replayed=True)
        rows = CsvFile(file, None) if form is Form.CSV else NdjsonFile(file)
        identifier = identifier or self._claim(project_id, key, asked)
        self.audiences.open(project_id, identifier, name, form=form, unique_by=unique_by, who=who)
        errors, complete = self._read(identifier, unique_by, rows.rows(identifier), file)
        if not complete:
            return Loaded(self.audiences.get(project_id, identifier), tuple(errors), complete=False)
        return Loaded(self.audiences.close(identifier, file.rest()), tuple(errors))

    def _read(
        self, identifier: UUID, unique_by: str, rows: Iterator[Row], file: Digesting
    ) -> tuple[list[RowError], bool]:
        shown: list[RowError] = []
        while True:
            chunk: list[Row] = []
            broken: RowError | None = None
            ended, enough = False, file.size + CHUNK_BYTES
            try:
                for row in rows:
                    chunk.append(row)
                    if len(chunk) == CHUNK or file.size > enough:
                        break
                else:
                    ended = True
            except LineTooLong as error:
                broken = RowError(error.number, "(row)", str(error))
            entries, errors = _entries(chunk, unique_by)
            if broken:
                errors.append(broken)
            doubles = self.audiences.add(identifier, entries)
            self.audiences.refuse(identifier, errors)
            errors += [RowError(row, DOUBLED, f"The same person as row {of}.") for row, of in doubles.items()]
            shown += sorted(errors, key=lambda error: error.row)[: SHOWN_ERRORS - len(shown)]
            if ended or broken:
                return shown, broken is None

    def _earlier(self, project_id: int, key: str | None, asked: bytes) -> UUID | None:
        answer = self.acceptance.earlier(project_id, IdempotencyKey(key, asked, {})) if key else None
        return UUID(answer["audience"]) if answer else None

    def _claim(self, project_id: int, key: str | None, asked: bytes) -> UUID:
        identifier = new_id()
        if key is None:
            return identifier
        claim = IdempotencyKey(key, asked, {"audience": str(identifier)})
        return UUID(self.acceptance.remember(project_id, claim)["audience"])

    def _done(self, project_id: int, identifier: UUID) -> Audience | None:
        try:
            found = self.audiences.get(project_id, identifier)
        except NotFound:
            return None
        return found if found.closed_at else None


def _check(name: str, unique_by: str) -> None:
    problems: dict[str, list[str]] = {}
    if not 1 <= len(name) <= 100 or not name.isprintable():
        problems["name"] = ["Must be 1 to 100 printable characters."]
    if unique_by not in UNIQUE_BY:
        problems["unique_by"] = [f"Must be one of {', '.join(UNIQUE_BY)}.{did_you_mean(unique_by[:40], UNIQUE_BY)}"]
    if problems:
        raise InvalidInput(problems)


def _entries(rows: Iterable[Row], unique_by: str) -> tuple[list[Entry], list[RowError]]:
    entries: list[Entry] = []
    errors: list[RowError] = []
    for row in rows:
        entry, problems = _entry(row, unique_by)
        if entry:
            entries.append(entry)
        errors += [RowError(row.number or 0, field, every[0]) for field, every in problems.items()]
    return entries, errors


def _entry(row: Row, unique_by: str) -> tuple[Entry | None, dict[str, list[str]]]:
    """A member of a row; or its problems, by field."""
    if row.problems and not row.readable:
        return None, dict(row.problems)
    recipient, problems = load_recipient(row.to)
    problems.update(row.problems or {})
    if row.ordering_key is not None:
        problems["ordering_key"] = ["Members of an audience have no order: leave this out."]
    if row.data is not None and not isinstance(row.data, dict):
        problems["data"] = ["Must be an object with a value for each variable."]
    metadata = _metadata(row.metadata, problems)
    key = key_of(recipient, unique_by)
    if key is None and not problems:
        problems["to"] = [NOBODY]
    if problems or key is None:
        return None, problems
    zone = recipient.get("timezone", "")
    entry = Entry(row.number or 0, key, zone, recipient, row.data or None, metadata or None)
    size = len(orjson.dumps([recipient, row.data, metadata]))
    if size > MAX_ROW:
        return None, {"(row)": [f"May have {MAX_ROW // 1024} KB; this has {size // 1024 + 1}."]}
    return entry, {}


def _metadata(given: Any, problems: dict[str, list[str]]) -> dict[str, str]:
    if not given:
        return {}
    try:
        return dict(_METADATA.deserialize(given))
    except ValidationError as error:
        problems["metadata"] = [str(message) for message in error.messages]
        return {}
