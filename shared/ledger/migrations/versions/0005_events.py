"""Events of a project's own, and the reminders of each.

What the API calls an event is an appointment here: `events` are what happened to messages. As everywhere, `next_at` is
set exactly while something is to be done, and the partial index names only that.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = """
-- wall_time: what the clock shows there. offsets, request: what each reminder sends, and how long before.
-- version: raised whenever it begins at another time; the reminders of the versions before stay as they were.
CREATE TABLE appointments (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    key text NOT NULL,
    starts_at timestamptz NOT NULL,
    wall_time timestamp NOT NULL,
    timezone text NOT NULL,
    offsets text[] NOT NULL,
    request jsonb NOT NULL,
    state text NOT NULL DEFAULT 'scheduled' CHECK (state IN ('scheduled', 'cancelled', 'past')),
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, key)
);
CREATE INDEX appointments_in_order ON appointments (project_id, state, starts_at, id);
CREATE INDEX appointments_ahead ON appointments (starts_at) WHERE state = 'scheduled';

-- notification_id: written before the notification is, so that a crash in between sends it once all the same.
CREATE TABLE reminders (
    appointment_id uuid NOT NULL REFERENCES appointments ON DELETE CASCADE,
    version int NOT NULL,
    before text NOT NULL,
    starts_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    next_at timestamptz,
    state text NOT NULL CHECK (state IN ('waiting', 'promised', 'sent', 'cancelled', 'missed', 'failed')),
    notification_id uuid UNIQUE,
    reason text,
    PRIMARY KEY (appointment_id, version, before)
);
CREATE INDEX reminders_due ON reminders (next_at) WHERE next_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("People's appointments are not forgotten: restore a backup instead.")
