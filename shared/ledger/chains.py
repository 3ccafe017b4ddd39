"""Chains: accepted with their first step, taken on by the relay when something is known of them, cancelled by people.

A chain and its first step are one commit; so are what becomes of a chain and the step that follows. Whoever dies in
between has done nothing, and any relay does it again. Whoever ends a delivery of a chain takes no lock on it, but
writes news (`shared/ledger/endings.py`); the gate (`shared/ledger/chain_ends.py`) reads them too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, text

from shared.crypto import Sealed
from shared.errors import LedgerUnavailable
from shared.ledger import inserts
from shared.ledger.acceptance import Acceptance
from shared.ledger.chain_rules import End, Goal, GoOn, Step, Target, Wait, Watched, decide
from shared.ledger.chain_stop import stop
from shared.ledger.database import Database, driver_rows
from shared.ledger.devices import tokens_of
from shared.ledger.draft import Draft
from shared.ledger.ids import new_id
from shared.ledger.planned_chain import read_draft
from shared.ledger.states import State

log = structlog.get_logger(__name__)

BATCH = 100
"""Chains looked at in one transaction."""
_CANDIDATES = 5
"""So many times as many are looked for as are taken: others may be at the first."""
POSTPONED = 60.0
"""Seconds until a chain is looked at again over which we stumbled."""

_NOW = "COALESCE(CAST(:now AS timestamptz), now())"
_DUE = text(f"""
    (SELECT DISTINCT chain_id AS id FROM (
        SELECT chain_id FROM chain_news WHERE due_at <= {_NOW} ORDER BY due_at LIMIT :most) news)
    UNION
    (SELECT id FROM chains WHERE next_at <= {_NOW} ORDER BY next_at LIMIT :most)
""")
_LOCK = text(f"""
    SELECT id, project_id, goal, step, state, next_at, expires_at, key_id, ciphertext, {_NOW} AS now
    FROM chains WHERE id = ANY(:ids) ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
""")
# Every statement sees what was committed before it: what the news are of is looked at after they were taken.
_NEWS = text("DELETE FROM chain_news WHERE chain_id = ANY(:ids) RETURNING chain_id, channel, level")
_STRAY = text("""
    DELETE FROM chain_news n
    WHERE n.chain_id = ANY(:ids) AND NOT EXISTS (SELECT FROM chains c WHERE c.id = n.chain_id)
""")
_STEPS = text("""
    SELECT chain_id, number, channel, goal, patience, notification_id FROM chain_steps
    WHERE chain_id = ANY(:ids) ORDER BY chain_id, number
""")
_TARGETS = text("""
    SELECT chain_id, notification_id, state, due_at, reason FROM deliveries WHERE chain_id = ANY(:ids) ORDER BY id
""")
_DRAFTS = text("SELECT chain_id, number, draft FROM chain_steps WHERE chain_id = ANY(:ids) AND draft IS NOT NULL")
_WHY = text("""
    UPDATE chain_steps s SET why = w.why, draft = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[]), CAST(:whys AS text[])) AS w (id, number, why)
    WHERE s.chain_id = w.id AND s.number = w.number
""")
_BEGUN = text(f"""
    UPDATE chain_steps s SET notification_id = w.notification_id, began_at = {_NOW}, draft = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[]), CAST(:notifications AS uuid[]))
      AS w (id, number, notification_id)
    WHERE s.chain_id = w.id AND s.number = w.number
""")
_MOVE = text(f"""
    UPDATE chains c
    SET state = w.state, step = w.step, next_at = w.next_at, reached_by = w.reached_by,
        ended_at = CASE WHEN w.state <> 'active' THEN coalesce(c.ended_at, {_NOW}) END,
        key_id = CASE WHEN m.more THEN c.key_id END, ciphertext = CASE WHEN m.more THEN c.ciphertext END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:steps AS int[]), CAST(:nexts AS timestamptz[]),
                CAST(:reached AS text[])) AS w (id, state, step, next_at, reached_by),
         LATERAL (
             SELECT w.state = 'active' AND EXISTS (
                 SELECT FROM chain_steps s WHERE s.chain_id = w.id AND s.draft IS NOT NULL) AS more) m
    WHERE c.id = w.id
""")
_NEVER = text("UPDATE chain_steps SET draft = NULL WHERE chain_id = ANY(:ids) AND draft IS NOT NULL")
_POSTPONE = text(f"""
    WITH later AS (
        UPDATE chain_news SET due_at = {_NOW} + make_interval(secs => :seconds) WHERE chain_id = :id)
    UPDATE chains SET next_at = {_NOW} + make_interval(secs => :seconds) WHERE id = :id AND next_at IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Advanced:
    """What became of a chain that was looked at.

    Parameters:
        channel, lane: of the step that began; None where none did. why: the one before was not enough.
        ended: succeeded, exhausted or expired; None while it goes on.
    """

    id: UUID
    channel: str | None = None
    lane: str | None = None
    why: str | None = None
    ended: str | None = None


@dataclass
class _Move:
    """What is written of a chain."""

    row: Row[Any]
    step: int
    state: str = "active"
    next_at: datetime | None = None
    reached_by: str | None = None
    begins: Draft | None = None
    goes_on: bool = False
    whys: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Chains:
    """The chains of all projects, as the relay sees them.

    Every `now` is for tests: None is the database's clock.
    """

    database: Database
    acceptance: Acceptance

    @classmethod
    def of(cls, database: Database) -> "Chains":
        """Those of a ledger."""
        return cls(database, Acceptance(database))

    def advance(self, *, size: int = BATCH, now: datetime | None = None) -> tuple[list[Advanced], int]:
        """Look at chains of which there is news, or whose time has come: what became of them, and how many they were.

        Any number of relays may do so at once.
        """
        try:
            with self.database.transaction() as connection:
                return self._advance(connection, self._due(connection, size, now), size, now)
        except LedgerUnavailable:
            raise
        except Exception:
            log.exception("chains could not be looked at together; each is tried by itself")
        with self.database.transaction() as connection:
            ids = self._due(connection, size, now)
        done = [self._alone(identifier, now) for identifier in ids]
        return [one for some in done for one in some], len(ids)

    def _alone(self, identifier: UUID, now: datetime | None) -> list[Advanced]:
        try:
            with self.database.transaction() as connection:
                return self._advance(connection, [identifier], 1, now)[0]
        except LedgerUnavailable:
            raise
        except Exception:
            # A mistake of ours, for the next version to mend: what is known of it is kept.
            log.exception("a chain could not be looked at", chain=str(identifier))
            self.database.execute(_POSTPONE, {"id": identifier, "seconds": POSTPONED, "now": now})
            return []

    def _due(self, connection: Connection, size: int, now: datetime | None) -> list[UUID]:
        return list(connection.execute(_DUE, {"most": size * _CANDIDATES, "now": now}).scalars())

    def _advance(
        self, connection: Connection, ids: Sequence[UUID], size: int, now: datetime | None
    ) -> tuple[list[Advanced], int]:
        if not ids:
            return [], 0
        rows = connection.execute(_LOCK, {"ids": ids, "size": size, "now": now}).all()
        if len(rows) < len(ids):
            connection.execute(_STRAY, {"ids": ids})
        locked = [row.id for row in rows]
        news = connection.execute(_NEWS, {"ids": locked}).all()
        reached: dict[UUID, str] = {}
        goals = {row.id: row.goal for row in rows}
        for one in news:
            if one.level >= goals[one.chain_id]:
                reached.setdefault(one.chain_id, one.channel)
        moves = self._moves(connection, rows, reached)
        self._write(connection, moves, now)
        return [_told(move) for move in moves], len(rows)

    def _moves(self, connection: Connection, rows: Sequence[Row[Any]], reached: Mapping[UUID, str]) -> list[_Move]:
        active = [row.id for row in rows if row.state == "active"]
        steps = _by_chain(connection.execute(_STEPS, {"ids": active}))
        targets = _by_chain(connection.execute(_TARGETS, {"ids": active}))
        moves: list[_Move] = []
        for row in rows:
            if row.state == "active":
                moves.append(_judge(row, steps[row.id], targets.get(row.id, []), reached.get(row.id)))
            elif row.state in ("exhausted", "expired") and row.id in reached:
                # A report that came late, or somebody sent it again.
                moves.append(_Move(row, row.step, "succeeded", reached_by=reached[row.id]))
        going_on = [move for move in moves if move.goes_on]
        if going_on:
            drafts = _by_chain(connection.execute(_DRAFTS, {"ids": [move.row.id for move in going_on]}))
            for move in going_on:
                _begin(
                    connection, move, steps[move.row.id], {one.number: one.draft for one in drafts.get(move.row.id, ())}
                )
        return moves

    def _write(self, connection: Connection, moves: Sequence[_Move], now: datetime | None) -> None:
        whys = [(move.row.id, number, why) for move in moves for number, why in move.whys]
        if whys:
            connection.execute(_WHY, _columns(("ids", "numbers", "whys"), whys))
        begun = [(move, move.begins) for move in moves if move.begins]
        if begun:
            told = [(move.row.id, move.step, draft.id) for move, draft in begun]
            connection.execute(_BEGUN, _columns(("ids", "numbers", "notifications"), told) | {"now": now})
            asked = [(move.row.project_id, draft) for move, draft in begun]
            driver_rows(connection, inserts.ACCEPT, inserts.of_many(asked, None, self.acceptance.stream))
        if moves:
            written = [(move.row.id, move.state, move.step, move.next_at, move.reached_by) for move in moves]
            names = ("ids", "states", "steps", "nexts", "reached")
            connection.execute(_MOVE, _columns(names, written) | {"now": now})
        if ended := [move.row.id for move in moves if move.state != "active"]:
            connection.execute(_NEVER, {"ids": ended})
        succeeded = {move.row.id: move.reached_by for move in moves if move.reached_by}
        stop(connection, {one: f"The chain has already succeeded by {by}." for one, by in succeeded.items()})


def _judge(row: Row[Any], steps: Sequence[Row[Any]], targets: Sequence[Row[Any]], reached: str | None) -> _Move:
    """What becomes of an active chain."""
    numbers = {step.notification_id: step.number for step in steps}
    current = steps[row.step - 1]
    watched = Watched(
        now=row.now,
        steps=len(steps),
        current=Step(current.number, current.channel, Goal(current.goal), timedelta(seconds=current.patience)),
        targets=[
            Target(numbers[one.notification_id], State(one.state), one.due_at, one.reason)
            for one in targets
            if one.notification_id in numbers
        ],
        reached=reached,
        deadline=row.next_at,
    )
    move = _Move(row, row.step, next_at=row.next_at)
    match decide(watched):
        case Wait(until):
            move.next_at = until
        case GoOn(why):
            move.goes_on = True
            move.whys.append((row.step, why))
        case End(by, why):
            move.state, move.reached_by, move.next_at = "succeeded" if by else "exhausted", by, None
            if why:
                move.whys.append((row.step, why))
    return move


def _begin(connection: Connection, move: _Move, steps: Sequence[Row[Any]], drafts: Mapping[int, Any]) -> None:
    """Have the next step begin for which there is somewhere to go."""
    row, move.next_at = move.row, None
    if row.expires_at and row.expires_at <= row.now:
        move.state = "expired"
        return
    secret = Sealed(row.key_id, bytes(row.ciphertext)) if row.key_id else None
    for step in steps[move.step :]:
        stored = drafts.get(step.number)
        if stored is None:
            continue
        move.step = step.number
        user = stored["recipient"].get("user_id")
        targets = stored["targets"] or tokens_of(connection, row.project_id, user)
        if targets:
            move.begins = read_draft(
                stored, identifier=new_id(), chain_id=row.id, secret=secret, targets=targets
            )  # fmt: skip
            if step.number < len(steps):
                move.next_at = row.now + timedelta(seconds=step.patience)
            return
        move.whys.append((step.number, f"{step.channel}: {user} has no registered devices."))
    move.state = "exhausted"


def _told(move: _Move) -> Advanced:
    return Advanced(
        move.row.id,
        move.begins.channel if move.begins else None,
        move.begins.lane if move.begins else None,
        move.whys[0][1] if move.whys else None,
        None if move.state == "active" else move.state,
    )


def _by_chain(rows: Iterable[Row[Any]]) -> dict[UUID, list[Row[Any]]]:
    found: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.chain_id, []).append(row)
    return found


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
