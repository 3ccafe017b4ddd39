"""Endpoints: where a project wants its webhooks, which of our events it is told of there, and what signs them."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.crypto import Sealed, Sealer
from shared.errors import Conflict, NotFound
from shared.ledger.actions import requeue
from shared.ledger.audit import record
from shared.ledger.database import Database
from shared.ledger.ids import lowest_id, new_id

OVERLAP = 86_400.0
"""Seconds the old secret goes on signing beside a new one."""
OLD = 4
"""Old secrets that sign beside the newest, at most."""
BY_HAND = "It was disabled by hand."

_COLUMNS = "id, project_id, url, description, events, created_at, failing_since, disabled_at, disabled_reason"
_CREATE = text(f"""
    INSERT INTO endpoints (id, project_id, url, description, events, key_id, ciphertext)
    SELECT :id, :project_id, :url, :description, :events, :key_id, :ciphertext
    WHERE (SELECT count(*) FROM endpoints WHERE project_id = :project_id) < :most
    RETURNING {_COLUMNS}
""")
_OF = text(f"SELECT {_COLUMNS} FROM endpoints WHERE project_id = :project_id ORDER BY id")
_KNOWN = text("SELECT id FROM endpoints WHERE project_id = :project_id AND id = ANY(CAST(:ids AS uuid[]))")
_GET = text(f"SELECT {_COLUMNS}, key_id, ciphertext FROM endpoints WHERE id = :id")
_CHANGE = text(f"""
    UPDATE endpoints
    SET url = :url, description = :description, events = :events,
        failing_since = CASE WHEN CAST(:enabled AS boolean) OR url <> :url THEN NULL ELSE failing_since END,
        disabled_at = CASE WHEN CAST(:enabled AS boolean) THEN NULL
                           WHEN NOT CAST(:enabled AS boolean) THEN COALESCE(disabled_at, now()) ELSE disabled_at END,
        disabled_reason = CASE WHEN CAST(:enabled AS boolean) THEN NULL
                               WHEN NOT CAST(:enabled AS boolean) THEN COALESCE(disabled_reason, :by_hand)
                               ELSE disabled_reason END
    WHERE id = :id AND project_id = :project_id RETURNING {_COLUMNS}
""")
_LOCKED = text("SELECT project_id, key_id, ciphertext FROM endpoints WHERE id = :id FOR UPDATE")
_SEAL = text("UPDATE endpoints SET key_id = :key_id, ciphertext = :ciphertext WHERE id = :id")
_FAILED = text("""
    SELECT id FROM deliveries
    WHERE project_id = :project_id AND target = :target AND queue LIKE 'webhook.%' AND state = 'failed'
      AND id >= :lowest
    ORDER BY id LIMIT :most
""")
_REMOVE = text("DELETE FROM endpoints WHERE id = :id AND project_id = :project_id")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go.

    Parameters:
        events: patterns of the events it is told of; empty: it gets only what is sent to it.
        failing_since: the first failure since it last worked.
        disabled_at: since when nothing is sent to it, if nothing is; `disabled_reason` says why.
    """

    id: UUID
    project_id: int
    url: str
    description: str | None
    events: tuple[str, ...]
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class Signing:
    """An endpoint with the secrets that sign what goes there, newest first."""

    endpoint: Endpoint
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """How many deliveries are queued again, whether more are left, and the queues to ring."""

    replayed: int
    more: bool
    queues: Sequence[str]


@dataclass(frozen=True)
class Endpoints:
    """The endpoints of projects. Secrets are stored sealed.

    Parameters:
        most: endpoints a project may have.
        replayed: deliveries that one replay queues again at most.
    """

    database: Database
    sealer: Sealer
    most: int = 50
    replayed: int = 1000

    def create(
        self, project_id: int, url: str, events: Sequence[str] = (), description: str | None = None, *, who: str
    ) -> tuple[Endpoint, str]:
        """A new endpoint, and its secret, which is shown this once.

        Parameters:
            events: patterns of the events it is told of.
            who: does it, for the audit log; so everywhere here.

        Raises:
            Conflict: the project has `most` of them.
        """
        secret = new_secret()
        asked = {
            "id": new_id(), "project_id": project_id, "url": url, "description": description, "events": list(events),
            "most": self.most, **self._sealed([{"secret": secret, "expires_at": None}]),
        }  # fmt: skip
        with self.database.transaction() as connection:
            made = connection.execute(_CREATE, asked).first()
            if made is None:
                raise Conflict(f"A project may have {self.most} endpoints. Delete one that is needed no more.")
            record(connection, project_id, who, "endpoint.created", subject=made.id)
        return _endpoint(made), secret

    def of(self, project_id: int) -> list[Endpoint]:
        """A project's endpoints, oldest first."""
        return [_endpoint(row) for row in self.database.rows(_OF, {"project_id": project_id})]

    def known(self, project_id: int, identifiers: Sequence[str]) -> frozenset[str]:
        """Those of `identifiers` that are endpoints of this project, disabled ones too."""
        rows = self.database.rows(_KNOWN, {"project_id": project_id, "ids": list(identifiers)}) if identifiers else ()
        return frozenset(str(row.id) for row in rows)

    def get(self, project_id: int, identifier: UUID) -> Endpoint:
        """An endpoint of this project. Raises NotFound."""
        rows = self.database.rows(_GET, {"id": identifier})
        if not rows or rows[0].project_id != project_id:
            raise _missing(identifier)
        return _endpoint(rows[0])

    def change(
        self, project_id: int, identifier: UUID, *, url: str, events: Sequence[str], description: str | None,
        enabled: bool | None = None, who: str,
    ) -> Endpoint:  # fmt: skip
        """Replace what it is. Another URL begins without failures.

        Parameters:
            enabled: send to it again, or no more; None leaves that as it is.

        Raises:
            NotFound: the project has no such endpoint.
        """
        asked = {
            "id": identifier, "project_id": project_id, "url": url, "events": list(events), "description": description,
            "enabled": enabled, "by_hand": BY_HAND,
        }  # fmt: skip
        with self.database.transaction() as connection:
            changed = connection.execute(_CHANGE, asked).first()
            if changed is None:
                raise _missing(identifier)
            record(connection, project_id, who, "endpoint.changed", subject=identifier)
        return _endpoint(changed)

    def remove(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Delete it; what still waits for it fails. Raises NotFound."""
        with self.database.transaction() as connection:
            if not connection.execute(_REMOVE, {"id": identifier, "project_id": project_id}).rowcount:
                raise _missing(identifier)
            record(connection, project_id, who, "endpoint.deleted", subject=identifier)

    def rotate(self, project_id: int, identifier: UUID, *, now: datetime, overlap: float = OVERLAP, who: str) -> str:
        """A new secret, which is shown this once. Those before it go on signing beside it for `overlap` seconds.

        Raises:
            NotFound: the project has no such endpoint.
        """
        secret = new_secret()
        with self.database.transaction() as connection:
            found = connection.execute(_LOCKED, {"id": identifier}).first()
            if found is None or found.project_id != project_id:
                raise _missing(identifier)
            end = now.timestamp() + overlap
            kept = [
                {**one, "expires_at": min(one["expires_at"] or end, end)}
                for one in self._opened(found)
                if not one["expires_at"] or one["expires_at"] > now.timestamp()
            ]
            every = [{"secret": secret, "expires_at": None}, *(kept[:OLD] if overlap > 0 else ())]
            connection.execute(_SEAL, {"id": identifier, **self._sealed(every)})
            record(connection, project_id, who, "endpoint.rotated", subject=identifier)
        return secret

    def signing(self, identifier: UUID, *, now: datetime) -> Signing | None:
        """An endpoint and its secrets; None when there is no such endpoint."""
        rows = self.database.rows(_GET, {"id": identifier})
        if not rows:
            return None
        live = (one for one in self._opened(rows[0]) if not one["expires_at"] or one["expires_at"] > now.timestamp())
        return Signing(_endpoint(rows[0]), tuple(one["secret"] for one in live))

    def replay(self, project_id: int, identifier: UUID, *, since: datetime, who: str) -> Replay:
        """Queue again what failed to reach it, oldest first, `replayed` at most.

        Parameters:
            since: what was accepted before is left alone.

        Raises:
            NotFound: the project has no such endpoint.
            Conflict: it is disabled, and would get nothing.
        """
        if self.get(project_id, identifier).disabled_at is not None:
            raise Conflict("The endpoint is disabled. Enable it first: PATCH it with enabled true.")
        wanted = {"project_id": project_id, "target": str(identifier), "lowest": lowest_id(since)}
        with self.database.transaction() as connection:
            ids = [row.id for row in connection.execute(_FAILED, {**wanted, "most": self.replayed + 1})]
            done = requeue(connection, ids[: self.replayed], who)
            counted = {"count": len(done.ids)}
            record(connection, project_id, who, "endpoint.replayed", subject=identifier, detail=counted)
        return Replay(len(done.ids), len(ids) > self.replayed, done.queues)

    def _sealed(self, every: list[dict[str, Any]]) -> dict[str, Any]:
        sealed = self.sealer.seal({"secrets": every})
        return {"key_id": sealed.key_id, "ciphertext": sealed.ciphertext}

    def _opened(self, row: Row[Any]) -> list[dict[str, Any]]:
        every: list[dict[str, Any]] = self.sealer.open(Sealed(row.key_id, bytes(row.ciphertext)))["secrets"]
        return every


def new_secret() -> str:
    """A fresh secret: 32 bytes, as Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        row.id, row.project_id, row.url, row.description, tuple(row.events), row.created_at, row.failing_since,
        row.disabled_at, row.disabled_reason,
    )  # fmt: skip


def _missing(identifier: UUID) -> NotFound:
    return NotFound(f"There is no endpoint {identifier} in this project.")
