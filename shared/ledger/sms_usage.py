"""What is let through to SMS providers, and how much of it is too much: the limits against toll fraud.

Whoever finds a form that sends SMS can earn by it: with thousands of messages to numbers whose operator shares the
price with him, mostly in one block of numbers. So it is counted, for each project, how many SMS go to a number, how
many to a block of numbers, and what a day's cost. The database's clock and a lock per project make that hold over all
workers. A delivery is counted once, however often it is tried.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter, itemgetter
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.database import Database

# By itself, before anything is read: a statement sees what was committed when it began, not what it waited for.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtext('crier.sms_usage'), project_id)
    FROM (SELECT DISTINCT project_id FROM unnest(CAST(:projects AS int[])) AS project_id ORDER BY 1) AS each
""")
_COUNTED = text("SELECT delivery_id FROM sms_usage WHERE delivery_id = ANY(CAST(:ids AS uuid[]))")
_RECENT = """
    SELECT each.project_id, each.{column}, ARRAY(
        SELECT extract(epoch FROM statement_timestamp() - u.admitted_at)::float FROM sms_usage u
        WHERE u.project_id = each.project_id AND u.{column} = each.{column}
          AND u.admitted_at > statement_timestamp() - make_interval(secs => :seconds)
        ORDER BY u.admitted_at DESC LIMIT :count) AS ages
    FROM (SELECT DISTINCT * FROM unnest(CAST(:projects AS int[]), CAST(:values AS text[]))) each (project_id, {column})
"""
_SPENT = text("""
    SELECT s.project_id, s.amount FROM sms_spend s
    WHERE s.project_id = ANY(CAST(:projects AS int[])) AND s.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
""")
_LEFT_OF_TODAY = text("""
    SELECT 86400 - extract(epoch FROM (statement_timestamp() AT TIME ZONE 'UTC')::time)::float
""")
_COUNT = text("""
    INSERT INTO sms_usage (delivery_id, project_id, number, block)
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:projects AS int[]), CAST(:numbers AS text[]), CAST(:blocks AS text[]))
    ON CONFLICT (delivery_id) DO NOTHING
""")
_SPEND = text("""
    INSERT INTO sms_spend (project_id, day, amount)
    SELECT project_id, (statement_timestamp() AT TIME ZONE 'UTC')::date, sum(cost)
    FROM unnest(CAST(:projects AS int[]), CAST(:costs AS numeric[])) AS each (project_id, cost)
    GROUP BY project_id
    ON CONFLICT (project_id, day) DO UPDATE SET amount = sms_spend.amount + excluded.amount
""")


class Limit(StrEnum):
    """What there can be too much of. The first two are also columns, and fields of `Sms`."""

    NUMBER = "number"
    BLOCK = "block"
    SPEND = "spend"


_OF = {limit: text(_RECENT.format(column=limit)) for limit in (Limit.NUMBER, Limit.BLOCK)}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a project may have sent: to one number, to one block of numbers, and for how much a day (UTC).

    None is no limit.
    """

    number: Rate | None = None
    block: Rate | None = None
    spend: Decimal | None = None

    @property
    def any(self) -> bool:
        """Whether anything is limited at all."""
        return not (self.number is None and self.block is None and self.spend is None)


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS that is about to be sent.

    Parameters:
        number: E.164.
        block: the numbers it is one of; None for what is not counted against its block.
    """

    delivery_id: UUID
    project_id: int
    number: str
    block: str | None
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Excess:
    """Which limit has no room for an SMS, and in how many seconds it has."""

    limit: Limit
    seconds: float


class _Gate(Protocol):
    limit: Limit

    def wait(self, sms: Sms) -> float:
        """Seconds until there is room; 0 when there is."""
        ...

    def take(self, sms: Sms) -> None:
        """Count it."""
        ...

    def defer(self, sms: Sms, wait: float) -> None:
        """Keep the room it will find in `wait` seconds for it, so that not all who wait come back at once."""
        ...


@dataclass(frozen=True)
class SmsUsage:
    """The account of what was let through."""

    database: Database

    def admit(self, asked: Sequence[Sms], limits: Limits) -> Mapping[UUID, Excess]:
        """Count those for which there is room; the others, by delivery, with the limit that keeps them longest.

        What was counted before passes. Other workers wait meanwhile, if they ask about the same projects.
        """
        if not (asked and limits.any):
            return {}
        excesses: dict[UUID, Excess] = {}
        admitted: list[Sms] = []
        with self.database.transaction() as connection:
            connection.execute(_LOCK, {"projects": [sms.project_id for sms in asked]})
            counted = set(connection.scalars(_COUNTED, {"ids": [sms.delivery_id for sms in asked]}))
            new = [sms for sms in asked if sms.delivery_id not in counted]
            gates = _gates(connection, new, limits)
            for sms in new:
                wait, gate = max(((gate.wait(sms), gate) for gate in gates), key=itemgetter(0))
                if wait > 0:
                    excesses[sms.delivery_id] = Excess(gate.limit, wait)
                    gate.defer(sms, wait)
                else:
                    admitted.append(sms)
                    for gate in gates:
                        gate.take(sms)
            if admitted:
                _count(connection, admitted)
        return excesses


def _gates(connection: Connection, asked: Sequence[Sms], limits: Limits) -> Sequence[_Gate]:
    gates: list[_Gate] = []
    if limits.number:
        gates.append(_Window(connection, Limit.NUMBER, limits.number, asked))
    if limits.block:
        gates.append(_Window(connection, Limit.BLOCK, limits.block, asked))
    if limits.spend is not None:
        gates.append(_Budget(connection, limits.spend, asked))
    return gates


def _count(connection: Connection, admitted: Sequence[Sms]) -> None:
    parameters = {
        "ids": [sms.delivery_id for sms in admitted],
        "projects": [sms.project_id for sms in admitted],
        "numbers": [sms.number for sms in admitted],
        "blocks": [sms.block for sms in admitted],
        "costs": [sms.cost for sms in admitted],
    }
    connection.execute(_COUNT, parameters)
    if any(sms.cost for sms in admitted):
        connection.execute(_SPEND, parameters)


class _Window:
    """A rate: the ages of what went to each number or block, youngest first."""

    def __init__(self, connection: Connection, limit: Limit, rate: Rate, asked: Sequence[Sms]) -> None:
        self.limit = limit
        self._rate = rate
        self._key: Callable[[Sms], str | None] = attrgetter(limit)
        watched = [sms for sms in asked if self._key(sms) is not None]
        parameters = {
            "projects": [sms.project_id for sms in watched],
            "values": [self._key(sms) for sms in watched],
            "seconds": rate.seconds,
            "count": rate.count,
        }
        self._ages = {(row[0], row[1]): list(row.ages) for row in connection.execute(_OF[limit], parameters)}

    def wait(self, sms: Sms) -> float:
        ages = self._ages.get((sms.project_id, self._key(sms)), [])
        return self._rate.seconds - ages[self._rate.count - 1] if len(ages) >= self._rate.count else 0.0

    def take(self, sms: Sms) -> None:
        if (ages := self._ages.get((sms.project_id, self._key(sms)))) is not None:
            ages.insert(0, 0.0)

    def defer(self, sms: Sms, wait: float) -> None:
        self._ages[sms.project_id, self._key(sms)].insert(0, -wait)


class _Budget:
    """A day's money."""

    limit = Limit.SPEND

    def __init__(self, connection: Connection, most: Decimal, asked: Sequence[Sms]) -> None:
        rows = connection.execute(_SPENT, {"projects": [sms.project_id for sms in asked]})
        self._spent: dict[int, Decimal] = {row.project_id: row.amount for row in rows}
        self._left_of_today: float = connection.execute(_LEFT_OF_TODAY).scalar_one()
        self._most = most

    def wait(self, sms: Sms) -> float:
        spent = self._spent.get(sms.project_id, Decimal(0))
        return self._left_of_today if spent + sms.cost > self._most else 0.0

    def take(self, sms: Sms) -> None:
        self._spent[sms.project_id] = self._spent.get(sms.project_id, Decimal(0)) + sms.cost

    def defer(self, sms: Sms, wait: float) -> None:
        """Tomorrow has money for many."""
