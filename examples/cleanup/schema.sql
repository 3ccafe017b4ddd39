-- A small booking application: what it leaves behind is what policies.toml cleans up.

CREATE TABLE customers (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE
);

-- A seat is held for some minutes while its customer pays.
CREATE TABLE seat_reservations (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id bigint NOT NULL REFERENCES customers,
    seat        text NOT NULL,
    status      text NOT NULL CHECK (status IN ('held', 'paid')),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX ON seat_reservations (expires_at);

-- Where each bus was, every few seconds. No primary key: nobody asks for one row.
CREATE TABLE trip_locations (
    trip_id     bigint NOT NULL,
    latitude    numeric(9, 6) NOT NULL,
    longitude   numeric(9, 6) NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX ON trip_locations (recorded_at);

CREATE TABLE notification_records (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    body        jsonb NOT NULL,
    sent_at     timestamptz NOT NULL
);
CREATE INDEX ON notification_records (sent_at);

CREATE TABLE tokens (
    digest     bytea PRIMARY KEY,
    purpose    text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ON tokens (expires_at);

CREATE TABLE cache_entries (
    key        text PRIMARY KEY,
    value      bytea NOT NULL,
    expires_at timestamp NOT NULL  -- in UTC
);
CREATE INDEX ON cache_entries (expires_at);
