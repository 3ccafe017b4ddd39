-- What the application of schema.sql has left behind after a while: some of it old, some not.

INSERT INTO customers (email) SELECT n || '@example.com' FROM generate_series(1, 10) n;
INSERT INTO seat_reservations (customer_id, seat, status, expires_at)
SELECT n % 10 + 1, n::text, CASE WHEN n % 2 = 0 THEN 'held' ELSE 'paid' END, now() + make_interval(mins => n - 50)
FROM generate_series(0, 99) n;
INSERT INTO trip_locations SELECT n, 51.5, -0.12, now() - make_interval(hours => n) FROM generate_series(0, 999) n;
INSERT INTO notification_records (customer_id, body, sent_at)
SELECT 1, '{}', now() - make_interval(days => n) - interval '1 minute' FROM generate_series(0, 99) n;
INSERT INTO tokens SELECT n::text::bytea, 'login', now() - make_interval(hours => n) - interval '1 minute'
FROM generate_series(0, 47) n;
INSERT INTO cache_entries SELECT n::text, '', now() AT TIME ZONE 'UTC' + make_interval(mins => 20 * n - 190)
FROM generate_series(0, 19) n;
