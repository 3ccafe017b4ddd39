"""Frequency caps: how often a project writes to one person, at most, and what becomes of more.

Looked up when deliveries are started. So that this costs nothing where there are none, a process remembers a
project's caps for a second: that is how late a change of them is noticed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

from cachetools import TTLCache
from sqlalchemy import Row, text

from shared.durations import spelled
from shared.errors import Conflict, NotFound
from shared.ledger.audit import record
from shared.ledger.database import Database

MOST = 20
"""Caps a project may have: each is asked for every message."""
OVER = "Over the cap "
"""How the reason begins of what a cap kept back."""
REMEMBERED = 1.0
"""Seconds for which a process remembers a project's caps."""
NEVER_KINDS = frozenset({"code"})
NEVER_LANES = frozenset({"critical"})
"""What is never counted nor kept back: codes, what is critical, and what goes to no person (`NOBODY`)."""

_COLUMNS = "project_id, name, most, per, seconds, kind, category, channels, over, created_at"
_PUT = text(f"""
    INSERT INTO caps (project_id, name, most, per, seconds, kind, category, channels, over)
    VALUES (:project_id, :name, :most, :per, :seconds, :kind, :category, :channels, :over)
    ON CONFLICT (project_id, name) DO UPDATE
    SET most = excluded.most, per = excluded.per, seconds = excluded.seconds, kind = excluded.kind,
        category = excluded.category, channels = excluded.channels, over = excluded.over
    RETURNING {_COLUMNS}
""")
# One after the other, so that two at once do not both make the last one there is room for.
_LOCK = text("SELECT FROM projects WHERE id = :project_id FOR UPDATE")
_OTHERS = text("SELECT count(*) FROM caps WHERE project_id = :project_id AND name <> :name")
_OF = text(f"SELECT {_COLUMNS} FROM caps WHERE project_id = ANY(:projects) ORDER BY project_id, name")
_REMOVE = text("DELETE FROM caps WHERE project_id = :project_id AND name = :name")


class Cap(NamedTuple):
    """At most `most` to a person in any `per`.

    Parameters:
        seconds: what `per` means, e.g. 604800 for 7d.
        kind, category, channels: what it counts and keeps back; None or none: whatever it is.
        over: `drop` what is more, or have it `wait` for room.
    """

    name: str
    most: int
    per: str
    seconds: int
    kind: str | None
    category: str | None
    channels: tuple[str, ...]
    over: str

    def concerns(self, kind: str, category: str | None, channel: str) -> bool:
        """Whether it counts a message of this kind."""
        return (
            self.kind in (None, kind)
            and self.category in (None, category)
            and (not self.channels or channel in self.channels)
        )

    @property
    def reason(self) -> str:
        """Why something is over it, in a sentence."""
        return f"{OVER}{self.name}: {self.most} in {spelled(self.per)}."


class KeptCap(NamedTuple):
    """A cap, and since when there is one of its name."""

    cap: Cap
    created_at: datetime


@dataclass(frozen=True)
class Caps:
    """The caps of projects."""

    database: Database
    _remembered: TTLCache[int, tuple[Cap, ...]] = field(
        default_factory=lambda: TTLCache(maxsize=10_000, ttl=REMEMBERED), repr=False, compare=False
    )
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def put(self, project_id: int, cap: Cap, *, who: str) -> KeptCap:
        """Make a cap, or replace that of the same name. What was counted before counts on.

        Raises:
            Conflict: the project has `MOST` others.
        """
        asked = {"project_id": project_id, **cap._asdict(), "channels": list(cap.channels)}
        with self.database.transaction() as connection:
            connection.execute(_LOCK, {"project_id": project_id})
            others: int = connection.execute(_OTHERS, {"project_id": project_id, "name": cap.name}).scalar_one()
            if others >= MOST:
                raise Conflict(f"A project may have {MOST} caps. Delete one that is needed no more.")
            made = connection.execute(_PUT, asked).one()
            record(connection, project_id, who, "cap.put", subject=cap.name, detail=_told(cap))
        return KeptCap(_cap(made), made.created_at)

    def all(self, project_id: int) -> list[KeptCap]:
        """A project's caps, by name."""
        rows = self.database.rows(_OF, {"projects": [project_id]})
        return [KeptCap(_cap(row), row.created_at) for row in rows]

    def remove(self, project_id: int, name: str, *, who: str) -> None:
        """Delete a cap. What waits because of it goes on waiting until its time. Raises NotFound."""
        with self.database.transaction() as connection:
            if not connection.execute(_REMOVE, {"project_id": project_id, "name": name}).rowcount:
                raise NotFound(f"There is no cap {name} in this project.")
            record(connection, project_id, who, "cap.deleted", subject=name)

    def remembered(self, projects: Collection[int]) -> Mapping[int, Sequence[Cap]]:
        """The caps of some projects as they were a second ago or later."""
        with self._lock:
            known = {project: caps for project in projects if (caps := self._remembered.get(project)) is not None}
        if missing := set(projects) - known.keys():
            found: dict[int, list[Cap]] = {project: [] for project in missing}
            for row in self.database.rows(_OF, {"projects": sorted(missing)}):
                found[row.project_id].append(_cap(row))
            looked_up = {project: tuple(caps) for project, caps in found.items()}
            with self._lock:
                self._remembered.update(looked_up)
            known |= looked_up
        return known


def _cap(row: Row[Any]) -> Cap:
    return Cap(row.name, row.most, row.per, row.seconds, row.kind, row.category, tuple(row.channels), row.over)


def _told(cap: Cap) -> Mapping[str, Any]:
    return {**cap._asdict(), "channels": list(cap.channels)}
