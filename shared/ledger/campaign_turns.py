"""Turns: what the service of campaigns does for one of them, a piece at a time.

A turn is a transaction that holds the campaign's row: the notifications of some members and the number of the last of
them are written together, so wherever a process dies, none is left out and none taken twice. Their ids are derived from
the batch and the member's number besides. A worker that is stopped in the middle loses the row after `IDLE` seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, text

from shared.ledger.audiences import Member, members_of
from shared.ledger.batches import Batch, RowError, open_batch, write_errors
from shared.ledger.campaigns import AHEAD, COLUMNS, NOW, Campaign, Wave, stagger, waiting_of
from shared.ledger.database import Database
from shared.ledger.draft import Draft
from shared.ledger.endings import finish, recorded, returned
from shared.ledger.streams import pause_stream, reopen, resume_stream, take_back
from shared.ledger.wishes import barred, who_chooses

IDLE = 15
"""Seconds that a turn may let the ledger wait for its next statement."""
MOST_DEATHS = 10
"""Workers that may die during a campaign's turns, one after the other, before it waits for a person."""
_MUCH = 3
"""As much of a throttled campaign is due as it has in the ledger ahead, so many times over: it is spread."""

_DUE = text("""
    SELECT EXISTS (SELECT FROM campaigns WHERE next_at <= now())
        OR EXISTS (SELECT FROM audiences WHERE deleted_at IS NOT NULL AND emptied_at IS NULL) AS due
""")
_IDLE = text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE}s'")
# Counted before the turn, and committed: what kills its worker must not be given to the next one for ever.
_TRY = text(f"""
    WITH due AS MATERIALIZED (
        SELECT id FROM campaigns WHERE next_at <= {NOW} ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE campaigns c SET tries = tries + 1 FROM due WHERE c.id = due.id RETURNING c.id
""")
_CLAIM = text(f"""
    SELECT {COLUMNS}, {NOW} AS now, tries FROM campaigns WHERE id = :id AND next_at <= {NOW} FOR UPDATE SKIP LOCKED
""")
_TRIED = text("UPDATE campaigns SET tries = 0 WHERE id = :id")
_STOP = text("UPDATE campaigns SET problem = :problem, next_at = NULL, tries = 0 WHERE id = :id")
_STOPPED = text(f"UPDATE campaigns SET state = 'paused', paused_at = {NOW} WHERE id = :id")
_WAVE = text("""
    SELECT zone, starts_at, members, number, done FROM campaign_waves
    WHERE campaign_id = :id AND NOT done AND starts_at <= :now ORDER BY starts_at, zone LIMIT 1
""")
_NEXT_WAVE = text("SELECT min(starts_at) FROM campaign_waves WHERE campaign_id = :id AND NOT done")
_CROWDED = text("""
    SELECT EXISTS (
        SELECT FROM deliveries WHERE stream_id = :stream_id AND due_at <= :now AND deaths = 0
        ORDER BY due_at OFFSET :most LIMIT 1)
""")
_BEGIN = text("UPDATE campaigns SET batch_id = :batch_id, stream_id = :stream_id WHERE id = :id")
_MOVE = text("UPDATE campaign_waves SET number = :number, done = :done WHERE campaign_id = :id AND zone = :zone")
_TAKEN = text("""
    UPDATE campaigns
    SET taken = taken + :taken, refused = refused + :refused, state = 'running',
        started_at = coalesce(started_at, :now), next_at = :next_at, paced_until = :paced_until, problem = NULL
    WHERE id = :id
""")
_WAIT = text("UPDATE campaigns SET next_at = :next_at WHERE id = :id")
_PACED = text("UPDATE campaigns SET paced_until = :paced_until WHERE id = :id")
_CLOSE_BATCH = text("UPDATE batches SET closed_at = coalesce(closed_at, now()) WHERE id = :id")
_LEFT = text("""
    SELECT EXISTS (SELECT FROM deliveries WHERE stream_id = :stream_id AND due_at IS NOT NULL AND deaths = 0)
        OR EXISTS (SELECT FROM deliveries WHERE queue = :queue AND stream_id = :stream_id AND due_at IS NOT NULL
                                            AND deaths > 0)
        OR EXISTS (SELECT FROM deliveries WHERE lease_until IS NOT NULL AND stream_id = :stream_id)
""")
_END = text("UPDATE campaigns SET state = :state, ended_at = :now, next_at = NULL, problem = NULL WHERE id = :id")
# What is in doubt is not sent again; but that it was not sent nobody can promise.
_CANCEL = text(f"""
    WITH plain AS MATERIALIZED (
        SELECT id FROM deliveries WHERE stream_id = :stream_id AND due_at IS NOT NULL AND deaths = 0
        ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED),
    suspect AS MATERIALIZED (
        SELECT id FROM deliveries
        WHERE queue = :queue AND stream_id = :stream_id AND due_at IS NOT NULL AND deaths > 0
        LIMIT :most FOR UPDATE SKIP LOCKED),
    waiting AS (SELECT id FROM plain UNION ALL SELECT id FROM suspect),
    stopped AS (
        UPDATE deliveries d
        SET state = CASE WHEN d.doubt THEN 'unknown' ELSE 'cancelled' END, due_at = NULL, lease_until = NULL,
            held_at = CASE WHEN d.doubt THEN now() END, settled_at = now(),
            reason = CASE WHEN d.doubt THEN 'Its campaign was cancelled; nobody knows whether it had been sent before.'
                          ELSE 'Its campaign was cancelled.' END
        FROM waiting w WHERE d.id = w.id
        RETURNING {returned("d")}),
    {recorded("stopped")}
    SELECT id, notification_id, state, secret, held_at, ordering_key FROM stopped
""")
_DRY = text("""
    UPDATE campaigns SET dry_run = CAST(:dry_run AS jsonb), next_at = CASE WHEN :more THEN :now END,
        renderings = coalesce(CAST(:renderings AS jsonb), renderings)
    WHERE id = :id
""")
_POSTPONE = text("""
    UPDATE campaigns SET problem = :problem, tries = 0, next_at = now() + make_interval(secs => :seconds)
    WHERE id = :id AND next_at IS NOT NULL
""")
_BARRED = text(f"""
    SELECT place, reason FROM (
        SELECT w.place, {
    barred(
        project=":project_id",
        channel="CAST(:channel AS text)",
        target="lower(w.target)",
        promotion="CAST(:promotion AS bool)",
        category="CAST(:category AS text)",
        user="w.user_id",
        senders="b.sender = ''",
    )
} AS reason
        FROM unnest(CAST(:targets AS text[]), CAST(:users AS text[])) WITH ORDINALITY AS w (target, user_id, place)
        OFFSET 0) found
    WHERE reason IS NOT NULL
""")
_COUNTS = text("SELECT state, count(*) AS campaigns FROM campaigns WHERE ended_at IS NULL GROUP BY state")


@dataclass
class Turn:
    """A campaign whose turn it is, and the transaction that holds it.

    Parameters:
        now: by the clock of the database, when the turn began.
    """

    connection: Connection
    campaign: Campaign
    now: datetime

    def wave(self) -> Wave | None:
        """The wave that is to go on now, if any."""
        row = self.connection.execute(_WAVE, {"id": self.campaign.id, "now": self.now}).first()
        return Wave(**row._mapping) if row else None

    def begin(self, batch: Batch) -> None:
        """Open the batch that its notifications belong to, and their stream: the first time somebody's turn comes.

        Not before, since ids of notifications tell when they were made. A pause finds the stream, for it waits for this
        turn to end.
        """
        found = self.campaign
        open_batch(self.connection, found.project_id, batch, closed=False)
        stream_id = reopen(self.connection, found.queue, found.project_id, batch.id)
        self.connection.execute(_BEGIN, {"id": found.id, "batch_id": batch.id, "stream_id": stream_id})
        self.campaign = replace(found, batch_id=batch.id, stream_id=stream_id)

    def members(self, wave: Wave, limit: int) -> list[Member]:
        """The next members of a wave."""
        return members_of(self.connection, self.campaign.audience_id, wave.zone, after=wave.number, limit=limit)

    def everybody(self, after: int, limit: int) -> list[Member]:
        """The next members of the whole audience."""
        return members_of(self.connection, self.campaign.audience_id, "*", after=after, limit=limit)

    def is_crowded(self, most: int, *, ahead: float = 0.0) -> bool:
        """Whether more than `most` of it are due, or are within the seconds `ahead`, and have not been claimed."""
        asked = {"stream_id": self.campaign.stream_id, "now": self.now + timedelta(seconds=ahead), "most": most}
        return bool(self.connection.execute(_CROWDED, asked).scalar_one())

    def spread(self) -> bool:
        """Where much more is due together than the throttle allows, let it be due one after the other; whether it was.

        Quiet hours and caps put many off to the same moment. They follow what has its moments already.
        """
        rate = self.campaign.rate
        if rate is None or not self.is_crowded(max(2, int(rate * AHEAD * _MUCH)), ahead=AHEAD):
            return False
        found = waiting_of(self.connection, self.campaign.stream_id, AHEAD, self.now, skipped=max(1, int(rate * AHEAD)))
        paced = self.campaign.paced_until or self.now
        # Those that stay have their turns first.
        begin = max((paced - self.now).total_seconds(), AHEAD)
        paced_until = self.now + timedelta(seconds=stagger(self.connection, found, rate, self.now, begin=begin))
        self.connection.execute(_PACED, {"id": self.campaign.id, "paced_until": paced_until})
        self.campaign = replace(self.campaign, paced_until=paced_until)
        return True

    def refuse(self, errors: Sequence[RowError]) -> None:
        """Record members that nothing can be sent to."""
        if self.campaign.batch_id:
            write_errors(self.connection, self.campaign.batch_id, errors)

    def move(self, wave: Wave, number: int, *, done: bool) -> None:
        """Say how far a wave is."""
        self.connection.execute(
            _MOVE, {"id": self.campaign.id, "zone": wave.zone, "number": number, "done": done}
        )  # fmt: skip

    def taken(self, taken: int, refused: int, *, next_at: datetime | None, paced_until: datetime | None) -> None:
        """Say how many members were taken, and when it goes on; None: as the waves say."""
        asked = {
            "id": self.campaign.id, "taken": taken, "refused": refused, "now": self.now, "paced_until": paced_until,
            "next_at": next_at or self._next_wave() or self.now,
        }  # fmt: skip
        self.connection.execute(_TAKEN, asked)

    def wait(self, seconds: float) -> None:
        """Look at it again later; when a wave begins before, then."""
        self.connection.execute(
            _WAIT, {"id": self.campaign.id, "next_at": self.now + timedelta(seconds=seconds)}
        )  # fmt: skip

    def wait_for_next_wave(self, look: float | None = None) -> bool:
        """Look at it again when the next wave begins, or before, after the seconds `look`; whether there is one."""
        following = self._next_wave()
        if following is not None:
            next_at = following if look is None else min(following, self.now + timedelta(seconds=look))
            self.connection.execute(_WAIT, {"id": self.campaign.id, "next_at": next_at})
        return following is not None

    def close(self) -> None:
        """Every member was taken: the batch gets no more."""
        self.connection.execute(_CLOSE_BATCH, {"id": self.campaign.batch_id})

    def is_drained(self) -> bool:
        """Whether nothing of it waits, nor is being sent."""
        asked = {"stream_id": self.campaign.stream_id, "queue": self.campaign.queue}
        return not self.connection.execute(_LEFT, asked).scalar_one()

    def end(self, state: str) -> None:
        """It is over: done or cancelled. What is sent again by hand later goes out as any other."""
        self.close()
        resume_stream(self.connection, self.campaign.stream_id)
        self.connection.execute(_END, {"id": self.campaign.id, "state": state, "now": self.now})

    def stop(self, problem: str) -> None:
        """Let it wait for a person."""
        self.connection.execute(_STOP, {"id": self.campaign.id, "problem": problem})
        if self.campaign.state in ("scheduled", "running"):
            pause_stream(self.connection, self.campaign.stream_id)
            take_back(self.connection, self.campaign.stream_id)
            self.connection.execute(_STOPPED, {"id": self.campaign.id, "now": self.now})

    def cancel_some(self, most: int) -> int:
        """Cancel some of what waits; how many. What workers have not begun to send is taken back from them first."""
        take_back(self.connection, self.campaign.stream_id)
        asked = {"stream_id": self.campaign.stream_id, "queue": self.campaign.queue, "most": most}
        rows = self.connection.execute(_CANCEL, asked).all()
        finish(self.connection, rows)
        return len(rows)

    def barred(self, drafts: Sequence[tuple[Draft, str]]) -> dict[int, str]:
        """Which drafts, by their place and each with one of its targets, must not or may not be sent there, and why."""
        first, _ = drafts[0]
        asked = {
            "targets": [target for _, target in drafts],
            "users": [who_chooses(draft.channel, draft.kind, draft.recipient) for draft, _ in drafts],
            "project_id": self.campaign.project_id, "channel": self.campaign.channel,
            "promotion": first.kind == "promotion", "category": first.category,
        }  # fmt: skip
        return {row.place - 1: row.reason for row in self.connection.execute(_BARRED, asked)}

    def note(self, dry_run: Mapping[str, Any], renderings: Sequence[Any] | None, *, more: bool) -> None:
        """Say how far the dry run is."""
        asked = {
            "id": self.campaign.id, "dry_run": orjson.dumps(dry_run).decode(), "more": more, "now": self.now,
            "renderings": None if renderings is None else orjson.dumps(renderings, default=str).decode(),
        }  # fmt: skip
        self.connection.execute(_DRY, asked)

    def _next_wave(self) -> datetime | None:
        found: datetime | None = self.connection.execute(_NEXT_WAVE, {"id": self.campaign.id}).scalar_one()
        return found


@dataclass(frozen=True)
class Turns:
    """Gives the campaigns that are due their turns. Any number of services may ask at once."""

    database: Database

    def due(self) -> bool:
        """Whether there is something to do. Asked every second: two looks at indexes that are almost always empty."""
        return bool(self.database.rows(_DUE)[0].due)

    @contextmanager
    def take(self, now: datetime | None = None) -> Iterator[Turn | None]:
        """The turn of the campaign that has been due the longest; None when none is. Committed at the end.

        Parameters:
            now: for tests; the database's clock when None.
        """
        found = self.database.rows(_TRY, {"now": now})
        tried = found[0].id if found else None
        with self.database.transaction() as connection:
            connection.execute(_IDLE)
            row = connection.execute(_CLAIM, {"id": tried, "now": now}).first() if tried else None
            if row is None:
                yield None
                return
            *columns, moment, tries = row
            turn = Turn(connection, Campaign(*columns), moment)
            if tries > MOST_DEATHS:
                turn.stop("Every service that took it died. Look into that, then resume it or try it again.")
                yield None
                return
            yield turn
            connection.execute(_TRIED, {"id": turn.campaign.id})

    def survived(self, identifier: UUID) -> None:
        """Its turn came to nothing, but nobody died of it."""
        self.database.execute(_TRIED, {"id": identifier})

    def postpone(self, identifier: UUID, seconds: float, problem: str) -> None:
        """Look at one that failed later, so that it does not keep the others from going on."""
        self.database.execute(_POSTPONE, {"id": identifier, "seconds": seconds, "problem": problem})

    def counts(self) -> dict[str, int]:
        """Campaigns that have not ended, by state."""
        return {row.state: row.campaigns for row in self.database.rows(_COUNTS)}
