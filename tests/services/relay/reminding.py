"""A project whose events are reminded of, and a clock that is set by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from services.relay.reminders import ReminderDesk
from shared.crypto import Sealer, new_key
from shared.intake import Intake
from shared.ledger.appointment_rows import Appointment
from shared.ledger.appointments import Appointments
from shared.ledger.database import Database
from shared.ledger.reminders import Reminders
from shared.ledger.template_store import TemplateStore
from shared.reminders.planner import Planner
from shared.templates.catalogue import load_catalogue

MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Soon", "text": "Hello"}}
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
ME = "key abc"


@dataclass
class Scene:
    """A project, and a clock that is set by hand."""

    database: Database
    project: int
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.sealer = Sealer(new_key())
        self.intake = Intake(self.database, self.sealer, now=lambda: self.now)
        self.appointments = Appointments(self.database)
        self.planner = Planner(self.appointments, self.intake, now=lambda: self.now)
        self.desk = ReminderDesk(Reminders(self.database), self.intake)

    def put(self, key: str = "a", after: timedelta = timedelta(days=3), **given: Any) -> Appointment:
        start = (self.now + after).isoformat()
        asked = {"starts_at": start, "timezone": "Europe/London", "notification": MAIL, **given}
        return self.planner.put(self.project, key, asked, who=ME)

    def move(self, to: datetime, key: str = "a", **given: Any) -> Appointment:
        return self.planner.change(self.project, key, {"starts_at": to.isoformat(), **given}, who=ME)

    def cancel(self, key: str = "a") -> Appointment:
        return self.planner.cancel(self.project, key, who=ME)

    def at(self, now: datetime) -> int:
        """Sweep at a time."""
        self.now = now
        return self.desk.sweep(now)

    def states(self, key: str = "a", version: int | None = None) -> dict[str, str]:
        found = self.appointments.get(self.project, key)
        return {one.before: one.state for one in found.reminders if one.version == (version or found.version)}

    def deliveries(self) -> list[Any]:
        return list(self.database.rows(text("SELECT id, state, expires_at FROM deliveries ORDER BY id")))

    def have_templates(self) -> None:
        """The catalogue."""
        for name, bundle in load_catalogue().items():
            TemplateStore(self.database).add(None, name, bundle.checksum, bundle.to_json())


def mark_sent(scene: Scene) -> None:
    """What is queued, a provider takes."""
    scene.database.execute(text("UPDATE deliveries SET state = 'sent', due_at = NULL, settled_at = now()"))
