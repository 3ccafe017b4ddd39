"""Where a user's push notifications go: device tokens, registered per user and dropped when the provider says so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from shared.ledger.children import children_of
from shared.ledger.database import Database
from shared.ledger.states import State

MOST = 100
"""Devices a user may have. One more takes the place of the one that was registered longest ago."""

# What waits for the old token follows it, unless that token is somebody else's, or the new one gets it already.
_REGISTER = text(f"""
    WITH theirs AS (SELECT FROM devices WHERE project_id = :project_id AND token = :replaces AND user_id <> :user_id),
    gone AS (DELETE FROM devices WHERE project_id = :project_id AND token = :replaces),
    moved AS (
        UPDATE deliveries d SET target = :token
        WHERE d.project_id = :project_id AND d.target = :replaces AND d.queue LIKE 'push.%'
          AND d.state IN ('{State.SCHEDULED}', '{State.QUEUED}') AND NOT EXISTS (SELECT FROM theirs)
          AND NOT EXISTS (
              SELECT FROM deliveries o
              WHERE {children_of("d.notification_id", "o")} AND o.target = :token))
    INSERT INTO devices (project_id, token, user_id, platform) VALUES (:project_id, :token, :user_id, :platform)
    ON CONFLICT (project_id, token)
    DO UPDATE SET user_id = excluded.user_id, platform = excluded.platform, registered_at = now()
""")
_MAKE_ROOM = text("""
    DELETE FROM devices WHERE project_id = :project_id AND token IN (
        SELECT token FROM devices WHERE project_id = :project_id AND user_id = :user_id
        ORDER BY registered_at DESC, token = :token DESC OFFSET :most)
""")
_OF = text("""
    SELECT token, platform, registered_at FROM devices
    WHERE project_id = :project_id AND user_id = :user_id ORDER BY registered_at
""")
_TOKENS = text("""
    SELECT user_id, array_agg(token ORDER BY registered_at) AS tokens FROM devices
    WHERE project_id = :project_id AND user_id = ANY(:user_ids) GROUP BY user_id
""")
# One that was registered anew since the call began is another installation with that token.
_FORGET = text("""
    DELETE FROM devices WHERE project_id = :project_id AND token = :token
    AND registered_at <= coalesce(CAST(:asked_at AS timestamptz), now())
""")
_DROP = text("DELETE FROM devices WHERE project_id = :project_id AND token = :token")


@dataclass(frozen=True, slots=True)
class Device:
    """An installation of an app. A token belongs to whoever registered it last."""

    token: str
    platform: str
    registered_at: datetime


@dataclass(frozen=True)
class Devices:
    """The devices of a project's users."""

    database: Database

    def register(
        self, project_id: int, user_id: str, token: str, platform: str, *, replaces: str | None = None
    ) -> None:
        """Add a device, or move it to this user.

        Parameters:
            replaces: the token it had before. That one is forgotten, and this user's pushes that wait for it go to the
                new one.
        """
        parameters = {
            "project_id": project_id,
            "token": token,
            "user_id": user_id,
            "platform": platform,
            "replaces": None if replaces == token else replaces,
            "most": MOST,
        }
        with self.database.transaction() as connection:
            connection.execute(_REGISTER, parameters)
            connection.execute(_MAKE_ROOM, parameters)

    def of(self, project_id: int, user_id: str) -> list[Device]:
        """A user's devices, oldest first."""
        rows = self.database.rows(_OF, {"project_id": project_id, "user_id": user_id})
        return [Device(row.token, row.platform, row.registered_at) for row in rows]

    def tokens(self, project_id: int, user_ids: list[str]) -> dict[str, list[str]]:
        """The tokens of each of many users; users without devices are absent."""
        rows = self.database.rows(_TOKENS, {"project_id": project_id, "user_ids": user_ids})
        return {row.user_id: row.tokens for row in rows}

    def drop(self, project_id: int, token: str) -> bool:
        """Forget a device; whether there was one."""
        return self.database.execute(_DROP, {"project_id": project_id, "token": token}) > 0


def forget(connection: Connection, project_id: int, token: str, asked_at: datetime | None) -> None:
    """Forget a device that the provider, called at `asked_at`, says is no more, in a transaction of the caller's."""
    connection.execute(_FORGET, {"project_id": project_id, "token": token, "asked_at": asked_at})


def tokens_of(connection: Connection, project_id: int, user_id: str) -> list[str]:
    """The tokens of a user, in a transaction of the caller's."""
    rows = connection.execute(_TOKENS, {"project_id": project_id, "user_ids": [user_id]}).all()
    return list(rows[0].tokens) if rows else []
