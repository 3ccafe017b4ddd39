"""Audiences, campaigns, and the waves in which a campaign goes out.

A member is found by its number, the line of the file it was on. `campaigns.next_at` is set exactly while there is
something to do for a campaign: whoever finds it due locks the row, does a piece, and says when the next one is.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = """
-- closed_at: when the last row had been read; until then it is being loaded. zones: members by time zone ('' without).
-- A deleted one is emptied piece by piece, and its name stays for the campaigns it was of.
CREATE TABLE audiences (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    name text NOT NULL,
    form text NOT NULL CHECK (form IN ('csv', 'ndjson')),
    unique_by text NOT NULL CHECK (unique_by IN ('person', 'email', 'phone')),
    members int NOT NULL DEFAULT 0,
    duplicates int NOT NULL DEFAULT 0,
    refused int NOT NULL DEFAULT 0,
    zones jsonb NOT NULL DEFAULT '{}',
    sha256 text,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    deleted_at timestamptz,
    emptied_at timestamptz
);
CREATE UNIQUE INDEX audiences_by_name ON audiences (project_id, name) WHERE deleted_at IS NULL;
CREATE INDEX audiences_of_project ON audiences (project_id, id);
CREATE INDEX audiences_to_empty ON audiences (deleted_at) WHERE deleted_at IS NOT NULL AND emptied_at IS NULL;

-- key: what makes it one person, hashed.
CREATE TABLE audience_members (
    audience_id uuid NOT NULL,
    number int NOT NULL,
    key uuid NOT NULL,
    zone text NOT NULL,
    recipient jsonb NOT NULL,
    data jsonb,
    metadata jsonb,
    PRIMARY KEY (audience_id, number)
);
CREATE UNIQUE INDEX audience_members_once ON audience_members (audience_id, key);
CREATE INDEX audience_members_of_zone ON audience_members (audience_id, zone, number) WHERE zone <> '';

-- Rows of a file that are no members: refused for a problem, or the double of a row before.
CREATE TABLE audience_rows (
    audience_id uuid NOT NULL,
    row_number int NOT NULL,
    field text NOT NULL,
    problem text NOT NULL,
    doubles int,
    PRIMARY KEY (audience_id, row_number, field)
);

-- rate: messages a second. paced_until: until when those that are in the ledger last, at that rate. tries: turns that
-- were begun and not ended, since their workers died.
CREATE TABLE campaigns (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    name text NOT NULL,
    audience_id uuid NOT NULL REFERENCES audiences,
    template_id int,
    request jsonb NOT NULL,
    queue text NOT NULL,
    throttle text,
    rate float,
    send_at timestamptz,
    local_time jsonb,
    members int NOT NULL,
    state text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'scheduled', 'running', 'paused', 'cancelling', 'cancelled', 'done')),
    next_at timestamptz,
    paced_until timestamptz,
    batch_id uuid,
    stream_id bigint,
    taken int NOT NULL DEFAULT 0,
    refused int NOT NULL DEFAULT 0,
    passed_over int NOT NULL DEFAULT 0,
    dry_run jsonb,
    renderings jsonb,
    problem text,
    tries smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    started_at timestamptz,
    paused_at timestamptz,
    paused_for float NOT NULL DEFAULT 0,
    ended_at timestamptz
);
CREATE INDEX campaigns_of_project ON campaigns (project_id, id);
CREATE INDEX campaigns_of_audience ON campaigns (audience_id);
CREATE INDEX campaigns_of_batch ON campaigns (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX campaigns_due ON campaigns (next_at) WHERE next_at IS NOT NULL;

-- Members of a zone, who go at a moment of theirs; zone '*' is everybody. number: of the last one that was taken.
CREATE TABLE campaign_waves (
    campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    zone text NOT NULL,
    starts_at timestamptz NOT NULL,
    members int NOT NULL,
    number int NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false,
    PRIMARY KEY (campaign_id, zone)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("Whom a campaign has reached is not forgotten: restore a backup instead.")
