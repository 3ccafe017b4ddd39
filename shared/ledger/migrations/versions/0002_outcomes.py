"""What became of messages: receipts, suppressions, dead letters, webhooks, order, and accounts that must balance.

As in the first schema no partial index names `state`: what is held for a person has `held_at`, so that marking a
delivery started changes no index.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE notifications ADD COLUMN ordering_key text;

-- doubt: a call may have been processed, and nobody knows. held_at: it waits for a person to decide.
ALTER TABLE deliveries ADD COLUMN doubt boolean NOT NULL DEFAULT false;
ALTER TABLE deliveries ADD COLUMN held_at timestamptz;
ALTER TABLE deliveries ADD COLUMN ordering_key text;
CREATE INDEX deliveries_held ON deliveries (project_id, held_at, id) WHERE held_at IS NOT NULL;

-- What the provider reported of the attempt later: delivered or undelivered.
ALTER TABLE attempts ADD COLUMN receipt text;
ALTER TABLE attempts ADD COLUMN receipt_at timestamptz;
CREATE INDEX attempts_of_reference ON attempts (reference) WHERE reference IS NOT NULL;

-- The unfinished deliveries of each ordering key. The one with the lowest sequence may be sent, the others wait.
CREATE TABLE ordered (
    project_id int NOT NULL,
    ordering_key text NOT NULL,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    delivery_id uuid NOT NULL UNIQUE,
    PRIMARY KEY (project_id, ordering_key, sequence)
);

-- How many deliveries were accepted, counted beside the rows and never from them: differences, by the minute (since
-- 1970) that is in their ids. What retention removes is subtracted.
CREATE FUNCTION minute_of(id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 60000;
CREATE TABLE tally (
    project_id int NOT NULL,
    queue text NOT NULL,
    minute bigint NOT NULL,
    deliveries int NOT NULL
);
CREATE INDEX tally_by_minute ON tally (minute);
INSERT INTO tally (project_id, queue, minute, deliveries)
    SELECT project_id, queue, minute_of(id), count(*) FROM deliveries GROUP BY 1, 2, 3;

-- What providers reported: one event each, as it came. due_at is set while it is to be processed.
CREATE TABLE receipts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    event_id text NOT NULL,
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz DEFAULT now(),
    tries smallint NOT NULL DEFAULT 0,
    outcome text,
    kind text,
    delivery_id uuid,
    project_id int,
    channel text,
    target text,
    occurred_at timestamptz,
    code text,
    detail text,
    UNIQUE (provider, event_id)
);
CREATE INDEX receipts_due ON receipts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX receipts_of_delivery ON receipts (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX receipts_of_target ON receipts (target, occurred_at) WHERE kind IN ('bounced_for_now', 'resubscribed');
CREATE INDEX receipts_by_age ON receipts (received_at);

-- Whom not to write to. scope: everything, or promotions only. sender: that one only, where it is not empty.
CREATE TABLE suppressions (
    project_id int NOT NULL REFERENCES projects,
    channel text NOT NULL,
    target text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('everything', 'promotions')),
    sender text NOT NULL DEFAULT '',
    reason text NOT NULL,
    source text NOT NULL,
    delivery_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, channel, target, scope, sender)
);
CREATE INDEX suppressions_by_age ON suppressions (project_id, created_at);

-- Deliveries and tasks that were given up. A delivery's letter has its id; a task's has its message's, and the message.
CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('delivery', 'task')),
    project_id int,
    queue text NOT NULL,
    name text,
    why text NOT NULL,
    code text,
    detail text,
    message jsonb,
    died_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_by_age ON dead_letters (died_at, id);
CREATE INDEX dead_letters_of_project ON dead_letters (project_id, died_at, id);

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    project_id int,
    who text NOT NULL,
    what text NOT NULL,
    subject text,
    detail jsonb
);
CREATE INDEX audit_log_of_project ON audit_log (project_id, at);

-- Where a project wants its webhooks. events: those it is told of; empty: it gets only what is sent to it.
CREATE TABLE endpoints (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    url text NOT NULL,
    description text,
    events text[] NOT NULL DEFAULT '{}',
    key_id text NOT NULL,
    ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text
);
CREATE INDEX endpoints_of_project ON endpoints (project_id);

-- What happened and some endpoint wants to know: written with the change itself, removed when it became webhooks.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id int NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    notification_id uuid,
    delivery_id uuid,
    detail jsonb NOT NULL DEFAULT '{}'
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("What happened to messages is not forgotten: restore a backup instead.")
