"""Template versions. A version never changes; a notification is pinned to the one it was accepted with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text

from shared.ledger.database import Database

# A project's own template hides the shared catalogue's of the same name (project_id NULL).
_LATEST = text("""
    SELECT id, name, version, checksum, bundle, created_at FROM template_versions
    WHERE name = :name AND (project_id = :project_id OR project_id IS NULL)
    ORDER BY project_id IS NULL, version DESC LIMIT 1
""")
_BY_ID = text("SELECT id, name, version, checksum, bundle, created_at FROM template_versions WHERE id = :id")
_NAMES = text("""
    SELECT DISTINCT ON (name) id, name, version, checksum, bundle, created_at FROM template_versions
    WHERE project_id = :project_id OR project_id IS NULL
    ORDER BY name, project_id IS NULL, version DESC
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('crier.template.' || :name))")
_NEWEST = text("""
    SELECT id, name, version, checksum, bundle, created_at FROM template_versions
    WHERE name = :name AND project_id IS NOT DISTINCT FROM :project_id ORDER BY version DESC LIMIT 1
""")
_ADD = text("""
    INSERT INTO template_versions (project_id, name, version, checksum, bundle)
    VALUES (:project_id, :name, :version, :checksum, CAST(:bundle AS jsonb))
    RETURNING id, name, version, checksum, bundle, created_at
""")


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version of a template: `bundle` holds every file it is made of."""

    id: int
    name: str
    version: int
    checksum: str
    bundle: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class TemplateStore:
    """Reads and adds template versions."""

    database: Database

    def latest(self, project_id: int, name: str) -> TemplateVersion | None:
        """The version a new notification is pinned to."""
        rows = self.database.rows(_LATEST, {"project_id": project_id, "name": name})
        return _version(rows[0]) if rows else None

    def by_id(self, version_id: int) -> TemplateVersion:
        """The version a notification was pinned to."""
        return _version(self.database.rows(_BY_ID, {"id": version_id})[0])

    def names(self, project_id: int) -> list[TemplateVersion]:
        """The latest version of every template this project can use, by name."""
        return [_version(row) for row in self.database.rows(_NAMES, {"project_id": project_id})]

    def add(self, project_id: int | None, name: str, checksum: str, bundle: Mapping[str, Any]) -> TemplateVersion:
        """Add a version unless the newest one is the same; `project_id` None adds to the shared catalogue."""
        with self.database.transaction() as connection:
            connection.execute(_LOCK, {"name": name})
            newest = connection.execute(_NEWEST, {"name": name, "project_id": project_id}).first()
            if newest and newest.checksum == checksum:
                return _version(newest)
            version = newest.version + 1 if newest else 1
            added = connection.execute(
                _ADD,
                {
                    "project_id": project_id,
                    "name": name,
                    "version": version,
                    "checksum": checksum,
                    "bundle": orjson.dumps(bundle).decode(),
                },
            ).one()
            return _version(added)


def _version(row: Row[Any]) -> TemplateVersion:
    return TemplateVersion(row.id, row.name, row.version, row.checksum, row.bundle, row.created_at)
