"""How much a person gets: caps and what was counted for them, and digests with what they collect.

A contact is one delivery that was started, with a hash in place of who it went to. A digest is a notification that
collects until it closes; its items are numbered, and a message is made of all of them or of none.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = """
-- per: as it was written, e.g. 7d; seconds is what it means. Null or empty: whatever kind, category or channel.
CREATE TABLE caps (
    project_id int NOT NULL REFERENCES projects,
    name text NOT NULL,
    most int NOT NULL,
    per text NOT NULL,
    seconds int NOT NULL,
    kind text,
    category text,
    channels text[] NOT NULL,
    over text NOT NULL CHECK (over IN ('drop', 'wait')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, name)
);

CREATE TABLE contacts (
    delivery_id uuid PRIMARY KEY,
    notification_id uuid NOT NULL,
    project_id int NOT NULL,
    person uuid NOT NULL,
    kind text NOT NULL,
    category text,
    channel text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX contacts_of_person ON contacts (project_id, person, at);
CREATE INDEX contacts_by_age ON contacts (at);

-- key: a hash of whom it is for, and of its template, channel and key. closed_at: set when nothing joins it any more.
CREATE TABLE digests (
    notification_id uuid PRIMARY KEY,
    project_id int NOT NULL,
    key uuid NOT NULL,
    closes_at timestamptz NOT NULL,
    closed_at timestamptz,
    count int NOT NULL
);
CREATE UNIQUE INDEX digests_open ON digests (project_id, key) WHERE closed_at IS NULL;

CREATE TABLE digest_items (
    notification_id uuid NOT NULL,
    number int NOT NULL,
    item jsonb NOT NULL,
    variables jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (notification_id, number)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("What happened to messages is not forgotten: restore a backup instead.")
