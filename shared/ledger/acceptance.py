"""Acceptance: notifications and their deliveries become rows, all together or not at all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, text

from shared.errors import Conflict, InvalidInput
from shared.ledger import inserts, order
from shared.ledger.batches import Batch, RowError, open_batch, write_errors
from shared.ledger.database import Database, driver_rows, driver_run
from shared.ledger.draft import Draft, IdempotencyKey
from shared.ledger.planned_chain import PlannedChain, write
from shared.ledger.states import State
from shared.ledger.together import Together

__all__ = ["Acceptance", "Accepted", "Draft", "IdempotencyKey"]

_EARLIER = text("SELECT request_hash, response FROM idempotency_keys WHERE project_id = :project_id AND key = :key")
_SAY_SUPPRESSED = text("""
    UPDATE idempotency_keys SET response = response || '{"state": "suppressed"}'
    WHERE project_id = :project_id AND key = :key
""")
_TOGETHER = 100
_STREAM = text("""
    WITH made AS (
        INSERT INTO streams (queue, project_id, batch_id) VALUES (:queue, :project_id, :batch_id)
        ON CONFLICT DO NOTHING RETURNING id)
    SELECT id FROM made
    UNION ALL
    SELECT id FROM streams
    WHERE queue = :queue AND project_id = :project_id AND batch_id IS NOT DISTINCT FROM :batch_id
""")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was committed.

    Parameters:
        replayed: the first answer when the key was used before; then nothing was added.
        suppressed: of a single delivery, that it ended at once: the recipient must not be written to.
    """

    ids: frozenset[UUID] = frozenset()
    replayed: Mapping[str, Any] | None = None
    suppressed: bool = False


@dataclass
class Acceptance:
    """Writes what was asked for into the ledger."""

    database: Database
    _streams: dict[tuple[str, int, UUID | None], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._together = Together(self._accept_each, most=_TOGETHER)

    def accept(
        self,
        project_id: int,
        drafts: Sequence[Draft],
        *,
        batch_id: UUID | None = None,
        key: IdempotencyKey | None = None,
    ) -> Accepted:
        """Commit `drafts`; drafts whose id is already there are passed over.

        Raises:
            InvalidInput: the key was used before with a different request.
            LedgerUnavailable: nothing was accepted, or nobody knows; the same call may be repeated.
        """
        if any(draft.ordering_key for draft in drafts):
            return self._accept_in_order(project_id, drafts, batch_id, key)
        if batch_id is None and len(drafts) == 1 and len(drafts[0].targets) == 1:
            return self._accept_one(project_id, drafts[0], key)
        parameters = inserts.of_many(((project_id, draft) for draft in drafts), batch_id, self.stream)
        if key is None:
            added = self.database.driver_rows(inserts.ACCEPT, parameters)
            return Accepted(frozenset(_ids(added)), suppressed=len(added) == 1 and bool(added[0][1]))
        added = self.database.driver_rows(inserts.ACCEPT_ONCE, parameters | inserts.of_key(project_id, key))
        if added:
            suppressed = len(added) == 1 and bool(added[0][1])
            if suppressed:
                self.database.execute(_SAY_SUPPRESSED, {"project_id": project_id, "key": key.key})
            return Accepted(frozenset(_ids(added)), suppressed=suppressed)
        return Accepted(replayed=self.earlier(project_id, key))

    def _accept_one(self, project_id: int, draft: Draft, key: IdempotencyKey | None) -> Accepted:
        """The same for one target, which is what almost every call is for; together with those of other threads."""
        if key is None and not (draft.content and "attachments" in draft.content):
            try:
                return self._together.do((project_id, draft))
            except psycopg.Error:
                pass  # Whoever's fault it was: alone, each finds out for himself.
        parameters = inserts.of_one(project_id, draft, self.stream(draft.queue, project_id, None))
        if key is None:
            return _single(self.database.driver_rows(inserts.accept_one(parameters), parameters))
        added = self.database.driver_rows(
            inserts.accept_one(parameters, once=True), parameters | inserts.of_key(project_id, key)
        )
        return _single(added) if added else Accepted(replayed=self.earlier(project_id, key))

    def _accept_each(self, asked: Sequence[tuple[int, Draft]]) -> Sequence[Accepted]:
        """Several notifications that have nothing to do with one another, to one target each."""
        if len(asked) == 1:
            project_id, draft = asked[0]
            parameters = inserts.of_one(project_id, draft, self.stream(draft.queue, project_id, None))
            return [_single(self.database.driver_rows(inserts.accept_one(parameters), parameters))]
        added = self.database.driver_rows(inserts.ACCEPT, inserts.of_many(asked, None, self.stream))
        suppressed = {identifier: ended for identifier, ended, _ in added}
        return [
            Accepted(frozenset({draft.id} & suppressed.keys()), suppressed=suppressed.get(draft.id, False))
            for _, draft in asked
        ]

    def _accept_in_order(
        self, project_id: int, drafts: Sequence[Draft], batch_id: UUID | None, key: IdempotencyKey | None
    ) -> Accepted:
        """The same, with a lock for each ordering key: who commits first goes first."""
        parameters = inserts.of_many(((project_id, draft) for draft in drafts), batch_id, self.stream)
        with self.database.transaction() as connection:
            if key is None or connection.exec_driver_sql(inserts.KEY, inserts.of_key(project_id, key)).all():
                accepted = _insert_in_order(connection, project_id, drafts, parameters)
                if key is not None and accepted.suppressed:
                    connection.execute(_SAY_SUPPRESSED, {"project_id": project_id, "key": key.key})
                return accepted
        return Accepted(replayed=self.earlier(project_id, key))

    def accept_chain(self, project_id: int, chain: PlannedChain, *, key: IdempotencyKey | None = None) -> Accepted:
        """Commit a chain with its first step; one that is there already is passed over.

        Raises: as for `accept`.
        """
        draft = chain.begins
        parameters = inserts.of_many([(project_id, draft)], None, self.stream)
        with self.database.transaction() as connection:
            if key is None or connection.exec_driver_sql(inserts.KEY, inserts.of_key(project_id, key)).all():
                if not write(connection, project_id, chain):
                    return Accepted()
                return Accepted(frozenset(_ids(driver_rows(connection, inserts.ACCEPT, parameters))))
        return Accepted(replayed=self.earlier(project_id, key))

    def accept_batch(
        self, project_id: int, batch: Batch, drafts: Sequence[Draft], errors: Sequence[RowError], *,
        key: IdempotencyKey | None = None,
    ) -> Accepted:  # fmt: skip
        """Commit a whole batch, its refused rows with it: all together or not at all, and closed.

        In one transaction of several statements, so that none of them comes near the deadline of one.
        """
        with self.database.transaction() as connection:
            if key is None or connection.exec_driver_sql(inserts.KEY, inserts.of_key(project_id, key)).all():
                open_batch(connection, project_id, batch, closed=True)
                write_errors(connection, batch.id, errors)

                @cache
                def stream(queue: str, project_id: int, batch_id: UUID | None) -> int:
                    parameters = {"queue": queue, "project_id": project_id, "batch_id": batch_id}
                    return int(connection.execute(_STREAM, parameters).scalar_one())

                chunks = list(inserts.slices(drafts))
                parameters = (
                    inserts.of_many(((project_id, draft) for draft in chunk), batch.id, stream) for chunk in chunks
                )
                # All of them first: two batches that lock chunk by chunk could wait for each other.
                if _lock(connection, project_id, drafts):
                    for chunk in chunks:
                        _insert_in_order(connection, project_id, chunk, next(parameters))
                else:
                    for queue in {draft.queue for draft in drafts}:
                        stream(queue, project_id, batch.id)  # now, and not while the server is busy with the rows
                    driver_run(connection, inserts.ACCEPT, parameters)
                return Accepted(frozenset(draft.id for draft in drafts))
        return Accepted(replayed=self.earlier(project_id, key))

    def accept_within(
        self, connection: Connection, project_id: int, drafts: Sequence[Draft], *, batch_id: UUID, stream_id: int
    ) -> int:
        """Commit drafts of a batch together with what else the caller's transaction writes; how many were new.

        Parameters:
            stream_id: of the batch and its one queue. None of the drafts has an ordering key.
        """
        added = 0
        for some in inserts.slices(drafts):
            asked = inserts.of_many(((project_id, draft) for draft in some), batch_id, lambda *_: stream_id)
            added += len(driver_rows(connection, inserts.ACCEPT, asked))
        return added

    def earlier(self, project_id: int, key: IdempotencyKey) -> Mapping[str, Any] | None:
        """The answer given before under this key, or `None` when it is new."""
        found = self.database.rows(_EARLIER, {"project_id": project_id, "key": key.key})
        if not found:
            return None
        if bytes(found[0].request_hash) != key.request_hash:
            raise InvalidInput(
                {"Idempotency-Key": ["This key was used before with a different request. Use a new key."]}
            )
        response: Mapping[str, Any] = found[0].response
        return response

    def remember(self, project_id: int, key: IdempotencyKey) -> Mapping[str, Any]:
        """Claim `key` for an answer that adds no rows by itself (opening a batch); the answer that counts."""
        if self.database.driver_rows(inserts.KEY, inserts.of_key(project_id, key)):
            return key.response
        earlier = self.earlier(project_id, key)
        if earlier is None:
            raise Conflict("This Idempotency-Key was removed a moment ago. Try again.")
        return earlier

    def stream(self, queue: str, project_id: int, batch_id: UUID | None) -> int:
        """The id of the stream that shares `queue` on behalf of a project or a batch; made when missing."""
        wanted = (queue, project_id, batch_id)
        if wanted not in self._streams:
            rows = self.database.rows(_STREAM, {"queue": queue, "project_id": project_id, "batch_id": batch_id})
            # Another process may have made it in the same instant: then neither half of the statement saw it.
            found = rows or self.database.rows(
                _STREAM, {"queue": queue, "project_id": project_id, "batch_id": batch_id}
            )
            if batch_id is not None:
                return int(found[0].id)
            self._streams[wanted] = int(found[0].id)
        return self._streams[wanted]


def _insert_in_order(
    connection: Connection, project_id: int, drafts: Sequence[Draft], parameters: Mapping[str, Any]
) -> Accepted:
    """Run `ACCEPT`; those with ordering keys get in line, as the drafts are sorted."""
    ordered = _lock(connection, project_id, drafts)
    added = {row.id: row for row in connection.exec_driver_sql(inserts.ACCEPT, parameters)}
    if ordered:
        order.enqueue(
            connection, [one for draft in drafts if draft.id in added for one in added[draft.id].in_order or ()]
        )
    return Accepted(frozenset(added), suppressed=len(added) == 1 and all(row.suppressed for row in added.values()))


def _ids(added: Iterable[Sequence[Any]]) -> Iterator[UUID]:
    return (row[0] for row in added)


def _single(added: Sequence[Sequence[Any]]) -> Accepted:
    """What came of one delivery, by what `accept_one` returns of it."""
    return Accepted(frozenset(_ids(added)), suppressed=any(state == State.SUPPRESSED for _, state in added))


def _lock(connection: Connection, project_id: int, drafts: Sequence[Draft]) -> bool:
    keys = sorted({draft.ordering_key for draft in drafts if draft.ordering_key})
    if keys:
        order.lock(connection, project_id, keys)
    return bool(keys)
