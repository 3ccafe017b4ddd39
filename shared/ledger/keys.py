"""Projects and their API keys. A key is shown once; the ledger keeps its prefix and a hash.

A key's secret half has 256 random bits, so a plain SHA-256 is as hard to reverse as any password hash is meant to be.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import text

from shared.errors import InvalidInput, NotFound
from shared.ledger.database import Database

SCOPES = ("send", "read", "admin")
"""send: accept, cancel, retry, templates, devices. read: look. admin: keys. Each must be given by itself."""

_PROJECT = text("""
    WITH made AS (INSERT INTO projects (name) VALUES (:name) ON CONFLICT DO NOTHING RETURNING id)
    SELECT id FROM made UNION ALL SELECT id FROM projects WHERE name = :name
""")
_CREATE = text("""
    INSERT INTO api_keys (project_id, prefix, hash, name, scopes, expires_at)
    VALUES (:project_id, :prefix, :hash, :name, :scopes, :expires_at)
""")
_FIND = text("""
    SELECT k.id, k.project_id, k.prefix, k.hash, k.scopes, p.name AS project
    FROM api_keys k JOIN projects p ON p.id = k.project_id
    WHERE k.prefix = :prefix AND (k.expires_at IS NULL OR k.expires_at > now())
""")
_LIST = text("""
    SELECT k.prefix, k.name, k.scopes, k.created_at, k.expires_at, p.name AS project
    FROM api_keys k JOIN projects p ON p.id = k.project_id ORDER BY k.created_at
""")
_REVOKE = text("""
    UPDATE api_keys SET expires_at = now() + make_interval(secs => :overlap)
    WHERE prefix = :prefix AND (expires_at IS NULL OR expires_at > now() + make_interval(secs => :overlap))
""")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from: a key of a project, and what it may do."""

    project_id: int
    project: str
    prefix: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as a list shows it."""

    prefix: str
    name: str
    project: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class Keys:
    """Makes, checks and ends API keys."""

    database: Database

    def create(
        self, project: str, *, name: str = "default", scopes: tuple[str, ...] = ("send", "read"),
        expires_at: datetime | None = None,
    ) -> str:  # fmt: skip
        """Make a key for `project` (made when missing). The full key is returned this once."""
        wrong = [scope for scope in scopes if scope not in SCOPES]
        if wrong or not scopes:
            raise InvalidInput({"scopes": [f"Must be among {', '.join(SCOPES)}, not {', '.join(wrong) or 'empty'}."]})
        project_id = self.project(project)
        prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
        self.database.execute(
            _CREATE,
            {
                "project_id": project_id,
                "prefix": prefix,
                "hash": sha256(secret.encode()).digest(),
                "name": name,
                "scopes": list(scopes),
                "expires_at": expires_at,
            },
        )
        return f"crier_{prefix}_{secret}"

    def project(self, name: str) -> int:
        """The id of the project called `name`; made when missing."""
        rows = self.database.rows(_PROJECT, {"name": name}) or self.database.rows(_PROJECT, {"name": name})
        return int(rows[0].id)

    def check(self, key: str) -> Identity | None:
        """Whose key this is, or `None`. A near miss takes as long as a miss."""
        parts = key.split("_", 2)
        if len(parts) != 3 or parts[0] != "crier":
            return None
        rows = self.database.rows(_FIND, {"prefix": parts[1]})
        stored = bytes(rows[0].hash) if rows else bytes(32)
        if not hmac.compare_digest(stored, sha256(parts[2].encode()).digest()) or not rows:
            return None
        return Identity(rows[0].project_id, rows[0].project, rows[0].prefix, frozenset(rows[0].scopes))

    def every(self) -> list[KeyRow]:
        """Every key, oldest first; never the keys themselves."""
        return [
            KeyRow(row.prefix, row.name, row.project, tuple(row.scopes), row.created_at, row.expires_at)
            for row in self.database.rows(_LIST)
        ]

    def revoke(self, prefix: str, *, overlap: float = 0.0) -> None:
        """End a key, after `overlap` seconds in which its successor can be rolled out."""
        if not self.database.execute(_REVOKE, {"prefix": prefix, "overlap": overlap}):
            raise NotFound(f"There is no live key with the prefix {prefix}. `crier keys list` shows them.")
