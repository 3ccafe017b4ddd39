"""Chains: a notification that is tried on one channel after another, until one of them succeeds.

Whoever ends a delivery of a chain writes that down as news, and takes no lock: the relay reads the news and decides.
As everywhere, `next_at` is set exactly while something is to be done at a time, and the partial index names only that.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = """
-- Here as well as on its notification: whoever ends a delivery sees at once that there is somebody to tell.
ALTER TABLE deliveries ADD COLUMN chain_id uuid;
CREATE INDEX deliveries_of_chain ON deliveries (chain_id) WHERE chain_id IS NOT NULL;

-- goal: how far a message must have come: 1 sent, 2 delivered, 3 opened, 4 clicked. step: the one that was begun last.
-- key_id, ciphertext: secret variables of the steps still to come.
CREATE TABLE chains (
    id uuid PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects,
    goal smallint NOT NULL CHECK (goal BETWEEN 1 AND 4),
    step smallint NOT NULL,
    state text NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'succeeded', 'exhausted', 'cancelled', 'expired')),
    next_at timestamptz,
    expires_at timestamptz,
    reached_by text,
    key_id text,
    ciphertext bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX chains_due ON chains (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX chains_ended ON chains (ended_at) WHERE ended_at IS NOT NULL;

-- patience: seconds it is given. draft: what it will be; gone once it has begun, or never will. goal: where it may end
-- sooner than the chain: the last step of a provider that reports nothing. why: it was not enough.
CREATE TABLE chain_steps (
    chain_id uuid NOT NULL REFERENCES chains ON DELETE CASCADE,
    number smallint NOT NULL,
    channel text NOT NULL,
    goal smallint NOT NULL,
    patience float NOT NULL,
    draft jsonb,
    notification_id uuid,
    began_at timestamptz,
    why text,
    PRIMARY KEY (chain_id, number)
);

-- How far a message of a chain has come; 0: no further. due_at: later than at once where it could not be looked at.
CREATE TABLE chain_news (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_id uuid NOT NULL,
    channel text NOT NULL,
    level smallint NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX chain_news_of_chain ON chain_news (chain_id);
CREATE INDEX chain_news_due ON chain_news (due_at);

-- Who sends what waits in a queue, as its workers said when they started.
CREATE TABLE routes (
    queue text PRIMARY KEY,
    providers text[] NOT NULL,
    said_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("What happened to messages is not forgotten: restore a backup instead.")
