"""Campaigns as people see them: made, looked at, released, paused, resumed, cancelled.

The recipients of a campaign are notifications of a batch, in a stream of their own. A pause is one row: nothing is
claimed from a stream that is paused. Whoever changes a campaign locks its row, and so does the service that takes its
members (`shared/ledger/campaign_turns.py`) for as long as it takes a thousand of them: either comes first, never both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, text

from shared.errors import Conflict, NotFound
from shared.ledger import inserts
from shared.ledger.audiences import read_cursor
from shared.ledger.audit import record
from shared.ledger.database import Database
from shared.ledger.draft import IdempotencyKey
from shared.ledger.streams import pause_stream, resume_stream, take_back

COLUMNS = (
    "id, project_id, name, audience_id, template_id, request, queue, throttle, rate, send_at, local_time, members, "
    "state, next_at, paced_until, batch_id, stream_id, taken, refused, passed_over, dry_run, renderings, problem, "
    "created_at, released_at, started_at, paused_at, paused_for, ended_at"
)
NOW = "coalesce(CAST(:now AS timestamptz), now())"
OPEN = ("draft", "scheduled", "running", "paused", "cancelling")
STATES = (*OPEN, "cancelled", "done")

_CREATE = text(f"""
    INSERT INTO campaigns (id, project_id, name, audience_id, template_id, request, queue, throttle, rate, send_at,
                           local_time, members)
    SELECT :id, :project_id, :name, :audience_id, :template_id, CAST(:request AS jsonb), :queue, :throttle, :rate,
           :send_at, CAST(:local_time AS jsonb), :members
    WHERE (SELECT count(*) FROM campaigns WHERE project_id = :project_id AND ended_at IS NULL) < :most
    RETURNING {COLUMNS}
""")
_AUDIENCE = text("SELECT FROM audiences WHERE id = :id AND deleted_at IS NULL FOR SHARE")
_GET = text(f"SELECT {COLUMNS} FROM campaigns WHERE id = :id AND project_id = :project_id")
_LOCK = text(
    f"SELECT {COLUMNS}, {NOW} AS now FROM campaigns WHERE id = :id AND project_id = :project_id FOR UPDATE"
)  # fmt: skip
_PAGE = text(f"""
    SELECT {COLUMNS} FROM campaigns
    WHERE project_id = :project_id AND (CAST(:before AS uuid) IS NULL OR id < :before)
      AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit
""")
_BEGIN_DRY_RUN = text(f"""
    UPDATE campaigns SET dry_run = CAST(:dry_run AS jsonb), renderings = NULL, problem = NULL, next_at = {NOW}
    WHERE id = :id
""")
_RELEASE = text(f"""
    UPDATE campaigns
    SET state = CASE WHEN :starts_at > {NOW} THEN 'scheduled' ELSE 'running' END, released_at = {NOW},
        next_at = greatest(CAST(:starts_at AS timestamptz), {NOW}), passed_over = :passed_over, problem = NULL
    WHERE id = :id
""")
_WAVE = text("""
    INSERT INTO campaign_waves (campaign_id, zone, starts_at, members) VALUES (:id, :zone, :starts_at, :members)
""")
_PAUSE = text(f"UPDATE campaigns SET state = 'paused', paused_at = {NOW}, next_at = NULL WHERE id = :id")
# The pace begins anew, so that what was not sent meanwhile is not sent all at once.
_RESUME = text(f"""
    UPDATE campaigns
    SET state = CASE WHEN started_at IS NULL AND (
            SELECT min(starts_at) FROM campaign_waves WHERE campaign_id = :id) > {NOW}
        THEN 'scheduled' ELSE 'running' END,
        paused_for = paused_for + CASE WHEN started_at IS NULL THEN 0
                                       ELSE extract(epoch FROM {NOW} - paused_at) END,
        paced_until = CASE WHEN rate IS NOT NULL
                           THEN {NOW} + make_interval(secs => CAST(:waiting AS float)) END,
        paused_at = NULL, next_at = {NOW}, problem = NULL
    WHERE id = :id
""")
_WAITING = text(f"""
    SELECT id FROM deliveries
    WHERE stream_id = :stream_id AND due_at <= {NOW} + make_interval(secs => :ahead) AND deaths = 0
    ORDER BY due_at, id OFFSET :skipped LIMIT :most
""")
# Those that wait already, one after the other at the pace of the campaign.
_STAGGER = text(f"""
    UPDATE deliveries d
    SET due_at = {NOW} + make_interval(secs => :begin + (:first + w.place - 1) / CAST(:rate AS float))
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS w (id, place)
    WHERE d.id = w.id AND d.due_at IS NOT NULL
""")
_CANCEL = text(f"""
    UPDATE campaigns
    SET state = CASE WHEN batch_id IS NULL THEN 'cancelled' ELSE 'cancelling' END,
        ended_at = CASE WHEN batch_id IS NULL THEN {NOW} END,
        next_at = CASE WHEN batch_id IS NOT NULL THEN {NOW} END,
        paused_for = paused_for + coalesce(extract(epoch FROM {NOW} - paused_at), 0), paused_at = NULL
    WHERE id = :id
""")
_DELETE = text("DELETE FROM campaigns WHERE id = :id")
_WAVES = text("""
    SELECT zone, starts_at, members, number, done FROM campaign_waves WHERE campaign_id = :id ORDER BY starts_at, zone
""")
_SPEED = text("""
    SELECT taken / nullif(extract(epoch FROM ended_at - started_at) - paused_for, 0) AS speed FROM campaigns
    WHERE queue = :queue AND state = 'done' AND rate IS NULL AND local_time IS NULL AND taken >= :least
    ORDER BY ended_at DESC LIMIT 1
""")

AHEAD = 5.0
"""Seconds for which a campaign with a throttle has messages in the ledger."""
_TELLING = 1000
_STAGGERED, _SLICE = 50_000, 5_000


@dataclass(frozen=True, slots=True)
class Campaign:
    """One notification to each member of an audience.

    Parameters:
        request: what is sent, as a caller would ask for it, without a recipient.
        rate: messages a second, as `throttle` says it; None for as fast as it goes.
        local_time: a time on the clocks of the recipients.
        taken: members of which notifications were made, or which were refused or passed over by then.
        next_at: when there is something to do for it; None while there is not.
        dry_run: how far that is, and what came of it. renderings: what the first will read.
        problem: what keeps it from going on, if anything does.
    """

    id: UUID
    project_id: int
    name: str
    audience_id: UUID
    template_id: int | None
    request: Mapping[str, Any]
    queue: str
    throttle: str | None
    rate: float | None
    send_at: datetime | None
    local_time: Mapping[str, Any] | None
    members: int
    state: str
    next_at: datetime | None
    paced_until: datetime | None
    batch_id: UUID | None
    stream_id: int | None
    taken: int
    refused: int
    passed_over: int
    dry_run: Mapping[str, Any] | None
    renderings: Sequence[Mapping[str, Any]] | None
    problem: str | None
    created_at: datetime
    released_at: datetime | None
    started_at: datetime | None
    paused_at: datetime | None
    paused_for: float
    ended_at: datetime | None

    @property
    def channel(self) -> str:
        """By which it is sent."""
        return self.queue.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Wave:
    """Members who go at the same moment: those of a time zone, or everybody ('*').

    Parameters:
        number: of the last one that was taken.
    """

    zone: str
    starts_at: datetime
    members: int
    number: int = 0
    done: bool = False


@dataclass(frozen=True)
class Campaigns:
    """The campaigns of projects.

    Parameters:
        most: campaigns of a project that have not ended.

    Every `now` is for tests: None is the database's clock. `who` does it, for the audit log.
    """

    database: Database
    most: int = 1000

    def create(
        self, made: Campaign, *, who: str, key: IdempotencyKey | None = None
    ) -> Campaign | None:  # fmt: skip
        """Write a draft; None when the key was used before.

        Raises:
            Conflict: the project has too many, or the audience was deleted a moment ago.
        """
        asked = {
            "id": made.id, "project_id": made.project_id, "name": made.name, "audience_id": made.audience_id,
            "template_id": made.template_id, "request": _json(made.request), "queue": made.queue,
            "throttle": made.throttle, "rate": made.rate, "send_at": made.send_at,
            "local_time": _json(made.local_time), "members": made.members, "most": self.most,
        }  # fmt: skip
        with self.database.transaction() as connection:
            if key and not connection.exec_driver_sql(inserts.KEY, inserts.of_key(made.project_id, key)).all():
                return None
            if connection.execute(_AUDIENCE, {"id": made.audience_id}).first() is None:
                raise Conflict("Its audience was deleted a moment ago.")
            row = connection.execute(_CREATE, asked).first()
            if row is None:
                raise Conflict(f"A project may have {self.most} campaigns that have not ended. Delete drafts.")
            record(connection, made.project_id, who, "campaign.created", subject=made.id)
        return Campaign(**row._mapping)

    def get(self, project_id: int, identifier: UUID) -> Campaign:
        """A campaign of this project. Raises NotFound."""
        rows = self.database.rows(_GET, {"id": identifier, "project_id": project_id})
        if not rows:
            raise _missing(identifier)
        return Campaign(**rows[0]._mapping)

    def page(
        self, project_id: int, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Campaign], str | None]:
        """At most `limit`, newest first, and the cursor of what follows. Raises InvalidInput for one that is none."""
        asked = {"project_id": project_id, "state": state, "before": read_cursor(cursor), "limit": limit + 1}
        found = [Campaign(**row._mapping) for row in self.database.rows(_PAGE, asked)]
        return found[:limit], str(found[limit - 1].id) if len(found) > limit else None

    def waves(self, identifier: UUID) -> list[Wave]:
        """When its members go, in order of time; none before it is released."""
        return [Wave(**row._mapping) for row in self.database.rows(_WAVES, {"id": identifier})]

    def speed(self, queue: str) -> float | None:
        """Messages a second that the last campaign of a lane had that nothing slowed down; None when there was none."""
        rows = self.database.rows(_SPEED, {"queue": queue, "least": _TELLING})
        return float(rows[0].speed) if rows and rows[0].speed else None

    def begin_dry_run(
        self, project_id: int, identifier: UUID, dry_run: Mapping[str, Any], *, who: str, now: datetime | None = None
    ) -> None:
        """Have the service look at every member. Raises NotFound, and Conflict when it is no draft any more."""
        with self.database.transaction() as connection:
            found, _ = _locked(connection, project_id, identifier, now)
            if found.state != "draft":
                raise Conflict(f"It is {found.state}: only a draft can be tried.")
            connection.execute(_BEGIN_DRY_RUN, {"id": identifier, "dry_run": _json(dry_run), "now": now})
            record(connection, project_id, who, "campaign.dry-run", subject=identifier)

    def release(
        self, project_id: int, identifier: UUID, waves: Sequence[Wave], passed_over: int, *,
        unseen: bool = False, who: str, now: datetime | None = None,
    ) -> None:  # fmt: skip
        """Let it go out.

        Parameters:
            waves: when whose turn is. passed_over: members who are in none.
            unseen: even though its dry run has not been finished.

        Raises:
            NotFound: there is none.
            Conflict: it is no draft any more, or there was no dry run.
        """
        with self.database.transaction() as connection:
            found, _ = _locked(connection, project_id, identifier, now)
            if found.state != "draft":
                raise Conflict(f"It is {found.state} already.")
            if not unseen and (found.dry_run or {}).get("state") != "done":
                raise Conflict(
                    "It has had no dry run to the end: POST …/dry-run shows what would be sent. To release it unseen, "
                    'give {"without_dry_run": true}.'
                )
            for wave in waves:
                connection.execute(
                    _WAVE,
                    {"id": identifier, "zone": wave.zone, "starts_at": wave.starts_at, "members": wave.members},
                )
            asked = {
                "id": identifier, "starts_at": min(wave.starts_at for wave in waves), "passed_over": passed_over,
                "now": now,
            }  # fmt: skip
            connection.execute(_RELEASE, asked)
            record(connection, project_id, who, "campaign.released", subject=identifier, detail={"unseen": unseen})

    def pause(self, project_id: int, identifier: UUID, *, who: str, now: datetime | None = None) -> None:
        """Let nothing more of it go out until it is resumed; harmless when it is paused.

        What workers hold and have not begun to send is taken back from them.

        Raises:
            NotFound: there is none.
            Conflict: it is a draft, or has ended.
        """
        with self.database.transaction() as connection:
            found, _ = _locked(connection, project_id, identifier, now)
            if found.state == "paused":
                return
            if found.state not in ("scheduled", "running"):
                raise Conflict(f"It is {found.state}: there is nothing to pause.")
            pause_stream(connection, found.stream_id)
            take_back(connection, found.stream_id)
            connection.execute(_PAUSE, {"id": identifier, "now": now})
            record(connection, project_id, who, "campaign.paused", subject=identifier)

    def resume(self, project_id: int, identifier: UUID, *, who: str, now: datetime | None = None) -> str:
        """Let it go on where it was; the queue to ring. Harmless when it is not paused.

        Raises:
            NotFound: there is none.
            Conflict: it is a draft, or has ended.
        """
        with self.database.transaction() as connection:
            found, moment = _locked(connection, project_id, identifier, now)
            if found.state in ("scheduled", "running"):
                return found.queue
            if found.state != "paused":
                raise Conflict(f"It is {found.state}: there is nothing to resume.")
            waiting = 0.0
            if found.rate is not None:
                waiting = _paced_again(connection, found, found.rate, moment)
            resume_stream(connection, found.stream_id)
            connection.execute(_RESUME, {"id": identifier, "waiting": waiting, "now": now})
            record(connection, project_id, who, "campaign.resumed", subject=identifier)
        return found.queue

    def cancel(self, project_id: int, identifier: UUID, *, who: str, now: datetime | None = None) -> None:
        """Let nothing more of it go out, for good; harmless when that was done before. Of one that is stuck, try again.

        Nothing is claimed from this moment on; the service then cancels what waits.

        Raises:
            NotFound: there is none.
            Conflict: it has ended.
        """
        with self.database.transaction() as connection:
            found, _ = _locked(connection, project_id, identifier, now)
            if found.state == "cancelled":
                return
            if found.state == "done":
                raise Conflict("It is too late to cancel: all of it has been sent, or has ended.")
            if found.stream_id is not None:
                pause_stream(connection, found.stream_id)
                take_back(connection, found.stream_id)
            connection.execute(_CANCEL, {"id": identifier, "now": now})
            if found.state != "cancelling":
                record(connection, project_id, who, "campaign.cancelled", subject=identifier)

    def remove(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Delete a draft. Raises NotFound, and Conflict when it is none any more."""
        with self.database.transaction() as connection:
            found, _ = _locked(connection, project_id, identifier)
            if found.state != "draft":
                raise Conflict(f"It is {found.state}: only a draft can be deleted.")
            connection.execute(_DELETE, {"id": identifier})
            record(connection, project_id, who, "campaign.deleted", subject=identifier)


def waiting_of(
    connection: Connection, stream_id: int | None, ahead: float, now: datetime, *, skipped: int = 0
) -> list[UUID]:  # fmt: skip
    """What is due within the next seconds, in order, without the first of it; of very many only some."""
    asked = {"stream_id": stream_id, "ahead": ahead, "now": now, "skipped": skipped, "most": _STAGGERED}
    return list(connection.execute(_WAITING, asked).scalars())


def stagger(connection: Connection, ids: Sequence[UUID], rate: float, now: datetime, *, begin: float = 0.0) -> float:
    """Let them be due one after the other, the first after `begin` seconds; the seconds until all had their turns.

    A slice at a time, since no statement of the gateway may take long.
    """
    for first in range(0, len(ids), _SLICE):
        asked = {"ids": list(ids[first : first + _SLICE]), "first": first, "rate": rate, "now": now, "begin": begin}
        connection.execute(_STAGGER, asked)
    return begin + len(ids) / rate


def _paced_again(connection: Connection, found: Campaign, rate: float, now: datetime) -> float:
    """Give what became due during a pause its moments again; the seconds until the last of them."""
    last = (found.paced_until - now).total_seconds() if found.paced_until else 0.0
    # What has moments far ahead keeps them: what is due by now follows.
    begin, ahead = (last, 0.0) if last > AHEAD * 2 else (0.0, AHEAD * 2)
    return stagger(connection, waiting_of(connection, found.stream_id, ahead, now), rate, now, begin=begin)


def _locked(
    connection: Connection, project_id: int, identifier: UUID, now: datetime | None = None
) -> tuple[Campaign, datetime]:
    row = connection.execute(_LOCK, {"id": identifier, "project_id": project_id, "now": now}).first()
    if row is None:
        raise _missing(identifier)
    *columns, moment = row
    return Campaign(*columns), moment


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _missing(identifier: UUID) -> NotFound:
    return NotFound(f"There is no campaign {identifier} in this project.")
