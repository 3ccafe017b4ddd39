"""What is sent after an event: how long it takes, what follows it, and that nobody came; schedules in turn.

A follow-up is a reminder whose `before` begins with `+`: as much after the end.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHEMA = """
-- duration: as an offset is written; null where it ends as it begins.
-- follow_up: {"after": [...], "notification": {...}}
ALTER TABLE appointments ADD COLUMN duration text;
ALTER TABLE appointments ADD COLUMN follow_up jsonb;
ALTER TABLE appointments DROP CONSTRAINT appointments_state_check;
ALTER TABLE appointments ADD CONSTRAINT appointments_state_check
    CHECK (state IN ('scheduled', 'cancelled', 'past', 'no_show'));
-- Where many are due, every project has its turn.
CREATE INDEX schedules_due_of_project ON schedules (project_id, next_fire_at) WHERE next_fire_at IS NOT NULL;
-- Retention goes by when they began, whatever their state.
CREATE INDEX appointments_by_age ON appointments (starts_at);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("People's appointments are not forgotten: restore a backup instead.")
