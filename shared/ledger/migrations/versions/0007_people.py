"""People: who they are, what they may choose about, what they chose, and when they are left in peace.

`quiet_end` says when quiet hours end for a moment, by the clock on the wall there. It is asked by the gate only, for
those whom quiet hours concern.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = """
-- quiet_from, quiet_until: their own quiet hours. Both the same: none at all, whatever the project says.
-- In the collation of bytes, so that the index finds them by how they begin.
CREATE TABLE recipients (
    project_id int NOT NULL REFERENCES projects,
    user_id text COLLATE "C" NOT NULL,
    name text,
    email text,
    phone text,
    locale text,
    timezone text,
    quiet_from time,
    quiet_until time,
    metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, user_id),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
CREATE INDEX recipients_by_email ON recipients (project_id, lower(email)) WHERE email IS NOT NULL;

-- What people may choose about. required: not to be chosen. promotional: news and offers, which go with all promotions.
CREATE TABLE categories (
    project_id int NOT NULL REFERENCES projects,
    name text NOT NULL,
    label text NOT NULL,
    description text,
    required boolean NOT NULL DEFAULT false,
    promotional boolean NOT NULL DEFAULT false,
    position int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, name),
    CHECK (NOT (required AND promotional))
);

-- An empty category or channel: all of them. What says more decides.
CREATE TABLE preferences (
    project_id int NOT NULL REFERENCES projects,
    user_id text COLLATE "C" NOT NULL,
    category text NOT NULL DEFAULT '',
    channel text NOT NULL DEFAULT '',
    wanted boolean NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, user_id, category, channel)
);

CREATE TABLE quiet_hours (
    project_id int PRIMARY KEY REFERENCES projects,
    quiet_from time NOT NULL,
    quiet_until time NOT NULL,
    timezone text NOT NULL,
    channels text[] NOT NULL,
    CHECK (quiet_from <> quiet_until)
);

-- Wider than before, so there is nothing to look through for.
ALTER TABLE suppressions DROP CONSTRAINT suppressions_scope_check;
ALTER TABLE suppressions ADD CONSTRAINT suppressions_scope_check
    CHECK (scope IN ('everything', 'promotions') OR starts_with(scope, 'category:')) NOT VALID;

ALTER TABLE actions ADD COLUMN detail text;

-- Until when quiet hours or a cap kept it: its patience with a provider begins then.
ALTER TABLE deliveries ADD COLUMN put_off_until timestamptz;

CREATE FUNCTION is_quiet(wall time, quiet_from time, quiet_until time) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN quiet_from < quiet_until THEN wall >= quiet_from AND wall < quiet_until
                WHEN quiet_from > quiet_until THEN wall >= quiet_from OR wall < quiet_until
                ELSE false END
$$;

CREATE TYPE waiting AS (until timestamptz, why text);

-- The first moment after `moment` at which the clock in `zone` shows a time outside; null where it does already. An
-- hour that is skipped or shown twice is found minute by minute, on the one day on which there is any. A zone that this
-- server does not know must not keep others from being sent: then the clocks are those of UTC.
CREATE FUNCTION quiet_end(moment timestamptz, zone text, quiet_from time, quiet_until time) RETURNS waiting
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    wall timestamp;
    wall_end timestamp;
    ends timestamptz;
BEGIN
    wall := moment AT TIME ZONE zone;
    IF is_quiet(wall::time, quiet_from, quiet_until) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    wall_end := wall::date + quiet_until;
    IF wall_end <= wall THEN
        wall_end := wall_end + interval '1 day';
    END IF;
    ends := wall_end AT TIME ZONE zone;
    IF ends - moment <> wall_end - wall OR (ends AT TIME ZONE zone) <> wall_end THEN
        SELECT coalesce(min(minute), ends) INTO ends
        FROM generate_series(ends - interval '3 hours', ends + interval '3 hours', interval '1 minute') AS minute
        WHERE minute > moment AND NOT is_quiet((minute AT TIME ZONE zone)::time, quiet_from, quiet_until);
    END IF;
    RETURN (ends, 'Quiet hours until ' || to_char(ends AT TIME ZONE zone, 'HH24:MI') || ' (' || zone || ').');
EXCEPTION WHEN invalid_parameter_value THEN
    IF zone = 'UTC' THEN
        RAISE;
    END IF;
    RETURN quiet_end(moment, 'UTC', quiet_from, quiet_until);
END
$$;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("What people chose is not forgotten: restore a backup instead.")
