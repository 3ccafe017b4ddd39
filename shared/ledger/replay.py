"""What people do with dead letters: replay and purge. Recorded in the audit log with the change itself.

A replayed delivery is what `crier retry` makes of it. A replayed task is a new message in its queue; its letter goes
when the broker has that, so nothing is lost to a broker that is away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Executable, text

from shared.errors import Conflict, NotFound
from shared.ledger.actions import requeue
from shared.ledger.audit import record
from shared.ledger.chosen import CHUNK, MOST, Chunk, Done, Ids, Matching, Search, in_chunks
from shared.ledger.database import Database
from shared.ledger.dead_letters import MATCHES, Filters, Kind, no_letter
from shared.ledger.dead_tasks import refusal_of, revive
from shared.ledger.post_mortem import GONE
from shared.ledger.states import State

Chosen = Ids | Matching[Filters]
Enqueue = Callable[[Mapping[str, Any]], object]
"""Sends a task's message, as it was kept, once more under a new id."""

_FOLLOWING = text(f"""
    SELECT l.died_at AS at, l.id FROM dead_letters l
    WHERE {MATCHES} AND l.died_at <= :until AND (l.died_at, l.id) > (:at, :id)
    ORDER BY l.died_at, l.id LIMIT :limit
""")
_COUNT = text(f"SELECT count(*) FROM dead_letters l WHERE {MATCHES} AND l.died_at <= :until")
_LETTERS = """
    SELECT l.id, l.queue, l.message FROM dead_letters l
    WHERE l.id = ANY(:ids) AND l.kind = :kind AND (l.kind = 'task' OR l.project_id = :project_id)
    ORDER BY l.id
"""
_SEE = text(_LETTERS)
_LOCK = text(f"{_LETTERS} FOR UPDATE")
_STATES = text("SELECT id, state FROM deliveries WHERE id = ANY(:ids) AND project_id = :project_id")
_REMOVE = text("DELETE FROM dead_letters WHERE id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class _Wish:
    project_id: int
    kind: Kind
    chosen: Chosen
    who: str


@dataclass(frozen=True)
class Replay:
    """Replays and purges the dead letters of a project, and those of tasks.

    Parameters:
        enqueue: for tasks. Raises what says that the broker is away.
        chunk: letters of a transaction. most: of a call, where they are chosen by filters.
    """

    database: Database
    enqueue: Enqueue
    chunk: int = CHUNK
    most: int = MOST

    def replay(self, project_id: int, kind: Kind, chosen: Chosen, who: str) -> Done:
        """Have what died tried again.

        What cannot be (expired, its code wiped, its run superseded) is skipped, and its letter stays.

        Raises:
            NotFound: the one id asked for is no dead letter's.
            Conflict: the one asked for cannot be replayed, or other than expected match.
        """
        of_kind = self._replay_deliveries if kind is Kind.DELIVERY else self._replay_tasks
        return self._do(_Wish(project_id, kind, chosen, who), of_kind)

    def purge(self, project_id: int, kind: Kind, chosen: Chosen, who: str) -> Done:
        """Remove letters. What died stays as it is: a delivery is failed, and may still be retried.

        Raises:
            NotFound: the one id asked for is no dead letter's.
            Conflict: other than expected match.
        """
        return self._do(_Wish(project_id, kind, chosen, who), self._purge)

    def _do(self, wish: _Wish, act: Callable[[_Wish, Sequence[UUID]], Chunk]) -> Done:
        chosen = wish.chosen
        if isinstance(chosen, Matching):
            parameters = replace(chosen.filters, kind=wish.kind).parameters(wish.project_id)
            search = Search(self.database, _FOLLOWING, _COUNT, parameters, self.chunk, self.most)
            return search.walk(chosen.expected, chosen.cursor, partial(act, wish))
        done = in_chunks(chosen.ids, partial(act, wish))
        if len(chosen.ids) == 1 and done.refusals:
            (letter,) = chosen.ids
            refusal = done.refusals[letter]
            raise NotFound(refusal) if refusal == no_letter(letter) else Conflict(refusal)
        return done

    def _replay_deliveries(self, wish: _Wish, ids: Sequence[UUID]) -> Chunk:
        with self.database.transaction() as connection:
            letters = _letters(connection, _SEE, wish, ids)
            # Locks the deliveries; whoever comes second finds them queued.
            requeued = requeue(connection, list(letters), wish.who)
            again = set(requeued.ids)
            states = {row.id: row.state for row in connection.execute(_STATES, _parameters(wish, ids))}
            refused = {
                one: requeued.refused.get(one) or _why_not(one, states.get(one), has_letter=one in letters)
                for one in ids
                if one not in again
            }
            chunk = Chunk(len(again), refused, requeued.queues)
            _record(connection, wish, "dead-letters.replayed", chunk)
        return chunk

    def _replay_tasks(self, wish: _Wish, ids: Sequence[UUID]) -> Chunk:
        with self.database.transaction() as connection:
            letters = _letters(connection, _LOCK, wish, ids)
            refusals = {one: refusal_of(connection, letter) for one, letter in letters.items()}
            possible = {one: letter for one, letter in letters.items() if refusals[one] is None}
            for letter in possible.values():
                revive(connection, letter)
        # A run must be possible when its message arrives; and a letter goes only when there is a message.
        for letter in possible.values():
            self.enqueue(letter.message)
        chunk = Chunk(len(possible), {one: refusals.get(one) or no_letter(one) for one in ids if one not in possible})
        with self.database.transaction() as connection:
            connection.execute(_REMOVE, {"ids": list(possible)})
            _record(connection, wish, "dead-letters.replayed", chunk)
        return chunk

    def _purge(self, wish: _Wish, ids: Sequence[UUID]) -> Chunk:
        with self.database.transaction() as connection:
            letters = _letters(connection, _LOCK, wish, ids)
            connection.execute(_REMOVE, {"ids": list(letters)})
            chunk = Chunk(len(letters), {one: no_letter(one) for one in ids if one not in letters})
            _record(connection, wish, "dead-letters.purged", chunk)
        return chunk


def _letters(connection: Connection, statement: Executable, wish: _Wish, ids: Sequence[UUID]) -> dict[UUID, Any]:
    return {row.id: row for row in connection.execute(statement, _parameters(wish, ids))}


def _parameters(wish: _Wish, ids: Sequence[UUID]) -> dict[str, Any]:
    return {"project_id": wish.project_id, "kind": wish.kind, "ids": list(ids)}


def _why_not(letter: UUID, state: str | None, *, has_letter: bool) -> str:
    if state is None:
        return GONE if has_letter else no_letter(letter)
    if state == State.FAILED and not has_letter:
        return f"{no_letter(letter)} Its delivery is still failed: `crier retry` sends its notification again."
    return f"It is not dead: it is {state}."


def _record(connection: Connection, wish: _Wish, what: str, chunk: Chunk) -> None:
    detail: dict[str, Any] = {"kind": wish.kind, "done": chunk.done, "skipped": len(chunk.refused)}
    if isinstance(wish.chosen, Matching):
        detail["filters"] = {name: value for name, value in asdict(wish.chosen.filters).items() if value is not None}
    if chunk.done:
        subject = wish.chosen.ids[0] if isinstance(wish.chosen, Ids) and len(wish.chosen.ids) == 1 else None
        record(connection, wish.project_id, wish.who, what, subject=subject, detail=detail)
