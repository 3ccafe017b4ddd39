"""Where a user's push notifications go: device tokens, registered per user and dropped when the provider says so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from shared.ledger.database import Database

_REGISTER = text("""
    INSERT INTO devices (project_id, token, user_id, platform) VALUES (:project_id, :token, :user_id, :platform)
    ON CONFLICT (project_id, token)
    DO UPDATE SET user_id = excluded.user_id, platform = excluded.platform, registered_at = now()
""")
_OF = text("""
    SELECT token, platform, registered_at FROM devices
    WHERE project_id = :project_id AND user_id = :user_id ORDER BY registered_at
""")
_TOKENS = text("""
    SELECT user_id, array_agg(token ORDER BY registered_at) AS tokens FROM devices
    WHERE project_id = :project_id AND user_id = ANY(:user_ids) GROUP BY user_id
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

    def register(self, project_id: int, user_id: str, token: str, platform: str) -> None:
        """Add a device, or move it to this user."""
        self.database.execute(
            _REGISTER, {"project_id": project_id, "token": token, "user_id": user_id, "platform": platform}
        )

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
