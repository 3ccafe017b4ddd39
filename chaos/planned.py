"""Schedules, and reminders of events, by the hundred: one of each is made as a caller would, others are its copies."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from chaos.client import request
from shared.intake import Intake
from shared.ledger.appointments import Appointments
from shared.ledger.database import Database
from shared.ledger.schedules import Schedules
from shared.reminders.planner import Planner
from shared.schedules.book import ScheduleBook

_NAME, _NUMBER = "model", "+447700899999"
_TARGETS = "unnest(CAST(:targets AS text[]), CAST(:moments AS timestamptz[])) AS t (target, due)"
_COPY_SCHEDULES = text(f"""
    INSERT INTO schedules (id, project_id, name, trigger, request, misfire, misfire_grace, next_fire_at)
    SELECT gen_random_uuid(), project_id, t.target, jsonb_build_object('at', t.due),
           jsonb_set(request, '{{to,phone}}', to_jsonb(t.target)), misfire, misfire_grace, t.due
    FROM schedules, {_TARGETS} WHERE name = '{_NAME}'
""")
_COPY_REMINDERS = text(f"""
    WITH wanted AS (SELECT gen_random_uuid() AS id, t.target, t.due FROM {_TARGETS}),
    made AS (
        INSERT INTO appointments (id, project_id, key, starts_at, wall_time, timezone, offsets, request)
        SELECT w.id, project_id, w.target, w.due + interval '1 hour', w.due AT TIME ZONE timezone, timezone, offsets,
               jsonb_set(request, '{{to,phone}}', to_jsonb(w.target))
        FROM appointments, wanted w WHERE key = '{_NAME}')
    INSERT INTO reminders (appointment_id, version, before, starts_at, due_at, next_at, state)
    SELECT id, 1, '1h', due + interval '1 hour', due, due, 'waiting' FROM wanted
""")
_LEFT = text("""
    SELECT (SELECT count(*) FROM schedules WHERE name <> :name AND next_fire_at IS NOT NULL)
         + (SELECT count(*) FROM schedule_fires WHERE state = 'promised')
         + (SELECT count(*) FROM reminders r JOIN appointments a ON a.id = r.appointment_id
            WHERE a.key <> :name AND r.next_at IS NOT NULL)
""")
_OUTCOMES = text("""
    SELECT 'schedule ' || state AS what, count(*) AS number FROM schedule_fires GROUP BY 1
    UNION ALL
    SELECT 'reminder ' || r.state, count(*) FROM reminders r JOIN appointments a ON a.id = r.appointment_id
    WHERE a.key <> :name GROUP BY 1
""")


def plan(
    database: Database, intake: Intake, project_id: int, *, schedules: Mapping[str, datetime],
    reminders: Mapping[str, datetime],
) -> None:  # fmt: skip
    """Let a schedule fire, or an event be reminded of, to each number at its moment."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = {"name": _NAME, "trigger": {"at": tomorrow}, "request": request(_NUMBER)}
    ScheduleBook(intake, Schedules(database)).create(project_id, asked, who="chaos")
    event = {"starts_at": tomorrow, "timezone": "Europe/London", "offsets": ["1h"], "notification": request(_NUMBER)}
    Planner(Appointments(database), intake).create(project_id, _NAME, event)
    for statement, due in ((_COPY_SCHEDULES, schedules), (_COPY_REMINDERS, reminders)):
        database.execute(statement, {"targets": list(due), "moments": list(due.values())})


def left(database: Database) -> int:
    """How many of them have not fired, or not been given up, yet."""
    return int(database.rows(_LEFT, {"name": _NAME})[0][0])


def outcomes(database: Database) -> dict[str, int]:
    """What became of them: `schedule fired`, `reminder sent`, …"""
    return {row.what: row.number for row in database.rows(_OUTCOMES, {"name": _NAME})}
