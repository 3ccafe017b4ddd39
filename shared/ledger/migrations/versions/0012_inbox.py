"""People's inboxes: what in-app notifications put there, and what people did with it.

Everything that happens in an inbox has a number, given while the inbox's row is locked. So the numbers are committed in
their order, and who has seen all up to one of them misses nothing that comes later.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHEMA = """
-- changes: the number of the last change. unread: of those not archived; kept, not counted.
CREATE TABLE inboxes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    user_id text NOT NULL,
    changes bigint NOT NULL DEFAULT 0,
    unread int NOT NULL DEFAULT 0 CHECK (unread >= 0),
    UNIQUE (project_id, user_id)
) WITH (fillfactor = 80);

-- id: the delivery's. arrived: the change that put it here, which is the order people see; what was accepted weeks ago
-- for today is new today. change: the last one it had.
CREATE TABLE inbox (
    id uuid PRIMARY KEY,
    inbox_id bigint NOT NULL,
    arrived bigint NOT NULL,
    change bigint NOT NULL,
    content jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz,
    archived_at timestamptz
);
CREATE INDEX inbox_newest ON inbox (inbox_id, arrived) WHERE archived_at IS NULL;
CREATE INDEX inbox_unread ON inbox (inbox_id, arrived) WHERE read_at IS NULL AND archived_at IS NULL;
CREATE INDEX inbox_archived ON inbox (inbox_id, arrived) WHERE archived_at IS NOT NULL;
CREATE INDEX inbox_changes ON inbox (inbox_id, change);
CREATE INDEX inbox_by_age ON inbox (created_at);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("People's inboxes are not forgotten: restore a backup instead.")
