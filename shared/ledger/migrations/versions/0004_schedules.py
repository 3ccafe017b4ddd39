"""Schedules: notifications sent at a moment, at intervals or by cron, and what became of each time they fired."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = """
-- request: a whole notification request. next_fire_at: set exactly while it is active.
CREATE TABLE schedules (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    name text NOT NULL,
    trigger jsonb NOT NULL,
    request jsonb NOT NULL,
    misfire text NOT NULL CHECK (misfire IN ('skip', 'once', 'all')),
    misfire_grace int NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
    next_fire_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX schedules_by_name ON schedules (project_id, name) WHERE ended_at IS NULL;
CREATE INDEX schedules_of_project ON schedules (project_id, id);
CREATE INDEX schedules_due ON schedules (next_fire_at) WHERE next_fire_at IS NOT NULL;
CREATE INDEX schedules_ended ON schedules (ended_at) WHERE ended_at IS NOT NULL;

-- Each time a schedule was due, once. notification_id is written before the notification is accepted under it;
-- lease_until is set exactly while that is still to be done.
CREATE TABLE schedule_fires (
    schedule_id uuid NOT NULL REFERENCES schedules ON DELETE CASCADE,
    fire_time timestamptz NOT NULL,
    notification_id uuid,
    state text NOT NULL CHECK (state IN ('promised', 'fired', 'skipped', 'failed')),
    reason text,
    tries smallint NOT NULL DEFAULT 1,
    lease_until timestamptz,
    fired_at timestamptz,
    PRIMARY KEY (schedule_id, fire_time)
);
CREATE INDEX schedule_fires_promised ON schedule_fires (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX schedule_fires_by_age ON schedule_fires (fire_time);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("Statements of this version need the schema as it is: restore a backup instead.")
