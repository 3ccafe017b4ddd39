"""What the file of policies says, once it was read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on rows besides their age: `["status", "=", "held"]`. `value` is None where there is none."""

    column: str
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What every policy has.

    Parameters:
        name: what its runs are recorded under.
        schedule: cron in UTC, see `shared.periodic.cron`; it is looked at every five minutes.
    """

    name: str
    schedule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePolicy(Policy):
    """Rows whose `column` is `older_than` in the past, deleted, or archived first.

    Parameters:
        database: a name in `[databases]`.
        timezone: whose clock wrote `column`, where it is a time or date without one.
        archive: the folder in which a folder of the policy's name gets the archived rows.
        may_empty: it is fine if no row stays.
        cascades: it is fine that rows of other tables go along, by their foreign keys.
        batch: rows a transaction; `None` for the service's own, as with `pause`.
    """

    database: str
    table: str
    column: str
    older_than: timedelta
    timezone: str = "UTC"
    where: tuple[Condition, ...] = ()
    archive: Path | None = None
    may_empty: bool = False
    cascades: bool = False
    batch: int | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPolicy(Policy):
    """Keys of a Redis that match `pattern` and were not touched for `idle`."""

    redis: str
    pattern: str
    idle: timedelta
    all_keys: bool = False
    batch: int | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesPolicy(Policy):
    """Files in `folder` whose name matches `match`, last written `older_than` ago."""

    folder: Path
    older_than: timedelta
    match: str = "*"
    recursive: bool = False
    may_empty: bool = False
    batch: int | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepPolicy(Policy):
    """VACUUM and ANALYZE of `tables`; of every table that has something to clear away when there are none."""

    database: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """The file.

    Parameters:
        databases, redis: URLs by the names that policies use.
        policies: by section and name: `{"tables": {"expired-seats": …}}`.
    """

    databases: Mapping[str, str]
    redis: Mapping[str, str]
    policies: Mapping[str, Mapping[str, Policy]]

    def each(self) -> list[tuple[str, Policy]]:
        """Every policy with the path of its fields: `tables.expired-seats`, in the order of the file."""
        return [(f"{section}.{name}", one) for section, named in self.policies.items() for name, one in named.items()]
