"""Where a project's chat messages go: destinations by name, their addresses sealed, for they hold tokens."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = """
-- masked: the address without what opens it, for people.
CREATE TABLE chats (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    name text NOT NULL,
    service text NOT NULL,
    masked text NOT NULL,
    description text,
    key_id text NOT NULL,
    ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT chats_by_name UNIQUE (project_id, name)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("What happened to messages is not forgotten: restore a backup instead.")
