"""The ledger's first schema.

Three tables grow with the traffic: notifications (written once), deliveries (narrow, hot) and attempts. All three are
partitioned by month on a UUIDv7 made at acceptance, so a look-up by id touches one partition and a month of history is
dropped as three tables. They carry no foreign keys: a key check per row would cost more than the row.

`due_at` is set exactly while a delivery waits and `lease_until` exactly while somebody holds it. The partial indexes
name only these, never `state`, so marking a delivery started changes no index (a HOT update).
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE projects (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    identity jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    prefix text NOT NULL UNIQUE,
    hash bytea NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
);

CREATE TABLE template_versions (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id int REFERENCES projects,
    name text NOT NULL,
    version int NOT NULL,
    checksum text NOT NULL,
    bundle jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (project_id, name, version)
);

CREATE TABLE devices (
    project_id int NOT NULL REFERENCES projects,
    token text NOT NULL,
    user_id text NOT NULL,
    platform text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, token)
);
CREATE INDEX devices_of_user ON devices (project_id, user_id);

CREATE TABLE batches (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    request jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);

CREATE TABLE batch_errors (
    batch_id uuid NOT NULL REFERENCES batches ON DELETE CASCADE,
    row_number int NOT NULL,
    field text NOT NULL,
    problem text NOT NULL,
    PRIMARY KEY (batch_id, row_number, field)
);

CREATE TABLE idempotency_keys (
    project_id int NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    response jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What shares a queue fairly: a project's single sends, or one batch of it.
CREATE TABLE streams (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    project_id int NOT NULL,
    batch_id uuid,
    paused_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (queue, project_id, batch_id)
);

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    project_id int NOT NULL,
    batch_id uuid,
    row_number int,
    channel text NOT NULL,
    lane text NOT NULL,
    kind text NOT NULL,
    template_id int,
    recipient jsonb NOT NULL,
    data jsonb,
    content jsonb,
    metadata jsonb,
    send_at timestamptz,
    expires_at timestamptz,
    on_unknown text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);
CREATE INDEX notifications_of_project ON notifications (project_id, id);
CREATE INDEX notifications_of_batch ON notifications (batch_id, row_number) WHERE batch_id IS NOT NULL;

CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    notification_id uuid NOT NULL,
    stream_id bigint NOT NULL,
    project_id int NOT NULL,
    queue text NOT NULL,
    state text NOT NULL,
    due_at timestamptz,
    lease_until timestamptz,
    started_at timestamptz,
    settled_at timestamptz,
    expires_at timestamptz,
    fence int NOT NULL DEFAULT 0,
    attempts smallint NOT NULL DEFAULT 0,
    deaths smallint NOT NULL DEFAULT 0,
    hold boolean NOT NULL,
    secret boolean NOT NULL,
    target text NOT NULL,
    provider text,
    reason text
) PARTITION BY RANGE (id);
CREATE INDEX deliveries_of_notification ON deliveries (notification_id);
CREATE INDEX deliveries_of_target ON deliveries (project_id, target);
CREATE INDEX deliveries_due ON deliveries (stream_id, due_at, id) WHERE due_at IS NOT NULL AND deaths = 0;
CREATE INDEX deliveries_suspect ON deliveries (queue, due_at) WHERE due_at IS NOT NULL AND deaths > 0;
CREATE INDEX deliveries_held_alone ON deliveries (queue) WHERE lease_until IS NOT NULL AND deaths > 1;
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE due_at IS NOT NULL AND expires_at IS NOT NULL;

CREATE TABLE attempts (
    delivery_id uuid NOT NULL,
    fence int NOT NULL,
    provider text NOT NULL,
    started_at timestamptz,
    finished_at timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL,
    code text,
    detail text,
    reference text,
    PRIMARY KEY (delivery_id, fence)
) PARTITION BY RANGE (delivery_id);

CREATE TABLE notifications_default PARTITION OF notifications DEFAULT;
CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT
    WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE TABLE attempts_default PARTITION OF attempts DEFAULT;

-- One-time codes and other secrets: ciphertext beside the immutable row, deleted when nothing needs it any more.
CREATE TABLE sealed (
    notification_id uuid PRIMARY KEY,
    key_id text NOT NULL,
    ciphertext bytea NOT NULL
);

CREATE TABLE actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL,
    who text NOT NULL
);
CREATE INDEX actions_of_notification ON actions (notification_id);

-- What the outbox provider kept: messages as they would have been sent, encrypted like every message body at rest.
CREATE TABLE outbox (
    delivery_id uuid PRIMARY KEY,
    channel text NOT NULL,
    target text NOT NULL,
    key_id text NOT NULL,
    ciphertext bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_by_age ON outbox (kept_at);

-- SMS let through to a provider, for the limits against toll fraud. A campaign's have no block: they are not counted
-- against it. What is older than a day means nothing any more.
CREATE TABLE sms_usage (
    delivery_id uuid PRIMARY KEY,
    project_id int NOT NULL,
    number text NOT NULL,
    block text,
    admitted_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX sms_usage_of_number ON sms_usage (project_id, number, admitted_at);
CREATE INDEX sms_usage_of_block ON sms_usage (project_id, block, admitted_at) WHERE block IS NOT NULL;
CREATE INDEX sms_usage_by_age ON sms_usage (admitted_at);

-- What a project's SMS of one day (UTC) cost, by the installation's list of prices.
CREATE TABLE sms_spend (
    project_id int NOT NULL,
    day date NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (project_id, day)
);

CREATE TABLE ticks (
    job text NOT NULL,
    tick timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    result jsonb,
    PRIMARY KEY (job, tick)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("The first schema is not taken back: drop the database instead.")
