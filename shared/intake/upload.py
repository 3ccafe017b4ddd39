"""Uploads: a file of recipients, read as it arrives and committed a chunk at a time.

The id of a row's notification is derived from the batch and the row's number, so what was sent before adds nothing:
an upload that broke off is completed by sending the file again under the same idempotency key. Rows to the same
target are kept, each a notification of its own: two bookings of one person are two confirmations.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.errors import InvalidInput
from shared.intake.canonical import canonical, request_hash
from shared.intake.csv_rows import CsvFile
from shared.intake.drafts import Row, row_errors
from shared.intake.envelope import Envelope, told
from shared.intake.intake import Intake
from shared.intake.lines import Digesting, LineTooLong, Source
from shared.intake.ndjson_rows import NdjsonFile
from shared.intake.receipts import SHOWN_ERRORS, BulkReceipt
from shared.ledger.acceptance import IdempotencyKey
from shared.ledger.batches import Batch, Batches, RowError
from shared.ledger.ids import new_id
from shared.ledger.inserts import ROWS, slices

CHUNK_BYTES = 16 * 1024 * 1024
"""Of the file, after which fewer are: they are in memory together, and PostgreSQL takes 256 MB of JSON at once."""


class Form(StrEnum):
    """How a file is written."""

    CSV = "csv"
    NDJSON = "ndjson"


class Uploads:
    """Accepts files of recipients."""

    def __init__(self, intake: Intake, batches: Batches) -> None:
        self._intake = intake
        self._batches = batches

    def accept(
        self, project_id: int, request: Mapping[str, Any], form: Form, source: Source, key: str | None = None
    ) -> BulkReceipt:
        """Commit the good rows of a file, and record the bad ones with the batch.

        Parameters:
            request: what is the same for every row; a request without `to`.
            source: the file; it is read once, and never kept as a whole.
            key: the idempotency key, by which an upload that broke off is found again.

        Raises:
            InvalidInput: the request or the CSV header is wrong, or the key belongs to a different upload.
            LedgerUnavailable: what was read so far may be in the ledger; send it again under the same key.
        """
        file = Digesting(source)
        asked_hash = request_hash(canonical({"form": form, "request": request}))
        batch_id = self._earlier(project_id, key, asked_hash)
        if batch_id and (done := self._done(project_id, batch_id)):
            if file.rest() != done["sha256"]:
                problem = "This key was used before with a different file. Use a new key."
                raise InvalidInput({"Idempotency-Key": [problem]})
            return BulkReceipt.again(done["receipt"])
        envelope = self._intake.envelope(project_id, request)
        variables = envelope.pinned.template.variables.declared if envelope.pinned else {}
        rows = CsvFile(file, variables) if form is Form.CSV else NdjsonFile(file)
        batch_id = batch_id or self._claim(project_id, key, asked_hash)
        self._batches.open(project_id, Batch(batch_id, told(request)))
        receipt = self._accept_rows(project_id, envelope, batch_id, rows.rows(batch_id), file)
        if receipt.complete:
            self._batches.close(batch_id, {"upload": {"sha256": file.rest(), "receipt": receipt.to_json()}})
        return receipt

    def _accept_rows(
        self, project_id: int, envelope: Envelope, batch_id: UUID, rows: Iterator[Row], file: Digesting
    ) -> BulkReceipt:
        accepted = added = refused = 0
        shown: list[RowError] = []
        complete, ended = True, False
        while True:
            chunk: list[Row] = []
            broken: RowError | None = None
            enough = file.size + CHUNK_BYTES
            try:
                for row in rows:
                    chunk.append(row)
                    if len(chunk) == ROWS or file.size > enough:
                        break
                else:
                    ended = True
            except LineTooLong as error:
                broken = RowError(error.number, "(row)", str(error))
                ended = True
            drafts, bad = self._intake.drafts.make(project_id, envelope, chunk)
            errors = row_errors(bad)
            if broken:
                complete = False
                errors.append(broken)
            for some in slices(drafts):
                added += len(self._intake.acceptance.accept(project_id, some, batch_id=batch_id).ids)
                self._intake.ring(envelope.queue, envelope.send_at)
            self._batches.refuse(batch_id, errors)
            accepted += len(drafts)
            refused += len(bad)
            shown += errors[: SHOWN_ERRORS - len(shown)]
            if ended:
                return BulkReceipt(
                    batch_id=batch_id,
                    channel=envelope.channel,
                    lane=envelope.lane,
                    accepted=accepted,
                    refused=refused,
                    errors=tuple(shown),
                    complete=complete,
                    added=added,
                )

    def _earlier(self, project_id: int, key: str | None, asked_hash: bytes) -> UUID | None:
        if key is None:
            return None
        answer = self._intake.acceptance.earlier(project_id, IdempotencyKey(key, asked_hash, {}))
        return UUID(answer["batch_id"]) if answer else None

    def _claim(self, project_id: int, key: str | None, asked_hash: bytes) -> UUID:
        batch_id = new_id()
        if key is None:
            return batch_id
        claim = IdempotencyKey(key, asked_hash, {"batch_id": str(batch_id)})
        return UUID(self._intake.acceptance.remember(project_id, claim)["batch_id"])

    def _done(self, project_id: int, batch_id: UUID) -> Mapping[str, Any] | None:
        opened = self._batches.request(project_id, batch_id)
        return opened.get("upload") if opened else None
