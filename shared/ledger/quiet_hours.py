"""A project's quiet hours: when its messages leave people in peace, unless they have hours of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import text

from shared.ledger.database import Database

_OF = text("SELECT quiet_from, quiet_until, timezone, channels FROM quiet_hours WHERE project_id = :project_id")
_SET = text("""
    INSERT INTO quiet_hours (project_id, quiet_from, quiet_until, timezone, channels)
    VALUES (:project_id, :quiet_from, :quiet_until, :timezone, :channels)
    ON CONFLICT (project_id) DO UPDATE
    SET quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, timezone = excluded.timezone,
        channels = excluded.channels
""")
_REMOVE = text("DELETE FROM quiet_hours WHERE project_id = :project_id")
_END = text("SELECT (found).until, (found).why FROM quiet_end(:moment, :zone, :quiet_from, :quiet_until) AS found")


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which nobody is disturbed; past midnight where `until` is earlier.

    Parameters:
        timezone: whose clocks they are by, where a recipient's zone is not known.
    """

    quiet_from: time
    quiet_until: time
    timezone: str
    channels: Sequence[str]


@dataclass(frozen=True)
class QuietHours:
    """The quiet hours of projects."""

    database: Database

    def of(self, project_id: int) -> Window | None:
        """A project's, if it has any."""
        rows = self.database.rows(_OF, {"project_id": project_id})
        return Window(**rows[0]._mapping) if rows else None

    def set(self, project_id: int, window: Window) -> None:
        """Keep these from now on. What was put off before stays so until then."""
        self.database.execute(
            _SET,
            {
                "project_id": project_id,
                "quiet_from": window.quiet_from,
                "quiet_until": window.quiet_until,
                "timezone": window.timezone,
                "channels": list(window.channels),
            },
        )

    def remove(self, project_id: int) -> bool:
        """Keep none; whether there were any."""
        return self.database.execute(_REMOVE, {"project_id": project_id}) > 0

    def end(self, moment: datetime, zone: str, quiet_from: time, quiet_until: time) -> tuple[datetime, str] | None:
        """When quiet hours end that `moment` is in, and the sentence that says so; None outside of them."""
        asked = {"moment": moment, "zone": zone, "quiet_from": quiet_from, "quiet_until": quiet_until}
        [row] = self.database.rows(_END, asked)
        return (row.until, row.why) if row.until else None
