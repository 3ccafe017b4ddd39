"""Old rows go, in batches that hurt nobody; what cannot be meant is refused."""

import os
import threading
from datetime import timedelta

import psycopg
import pytest

from services.cleanup.declared.policy import Condition
from services.cleanup.pace import Pace
from shared.errors import InvalidInput
from tests.services.cleanup.declared.conftest import ages, tell

ROWS = int(os.environ.get("ROWS_TO_CLEAN", "200000"))  # of a live table


def refused(cleaner, doing="check", *arguments):
    with pytest.raises(InvalidInput) as raised:
        getattr(cleaner, doing)(*arguments)
    return raised.value.fields


def test_old_rows_go_in_batches_and_young_ones_stay_without_any_primary_key(trips, cleaning, quickly):
    told = []
    assert cleaning().run(quickly, told.append) == {"rows": 70, "complete": True}
    assert ages(trips) == list(range(30))
    assert told == [*range(7, 71, 7)]
    assert cleaning().run(quickly, tell) == {"rows": 0, "complete": True}


def test_a_dry_run_says_what_would_go_and_touches_nothing(trips, cleaning):
    shown = cleaning().preview()
    oldest, newest = trips.execute(
        "SELECT min(recorded_at)::text, max(recorded_at)::text FROM trip_locations WHERE trip_id >= 30"
    ).fetchone()
    assert (shown.count, shown.refusal) == (70, None)
    assert shown.oldest[:19] == oldest[:19] and shown.newest[:19] == newest[:19]
    assert shown.size > 70 * 24
    assert ages(trips) == list(range(100))


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        (Condition("trip_id", "=", 40), {40}),
        (Condition("trip_id", "!=", 40), {*range(30, 100)} - {40}),
        (Condition("trip_id", ">=", 90), {*range(90, 100)}),
        (Condition("trip_id", "in", [31, 32, 5]), {31, 32}),
        (Condition("trip_id", "not in", [31, 32]), {*range(33, 100), 30}),
        (Condition("latitude", "<", 51.6), {*range(30, 100)}),
        (Condition("latitude", "is null"), set()),
        (Condition("latitude", "is not null"), {*range(30, 100)}),
    ],
)
def test_a_condition_says_which_of_the_old_rows(trips, cleaning, quickly, condition, left):
    cleaning(where=(condition,)).run(quickly, tell)
    assert {*range(100)} - set(ages(trips)) == left


def test_a_condition_is_a_parameter_whatever_it_says(shop, cleaning):
    shop.execute("INSERT INTO customers (email) VALUES ('ada@example.com')")
    shop.execute("""
        INSERT INTO seat_reservations (customer_id, seat, status, expires_at)
        SELECT id, '1A', 'held', now() - interval '1 hour' FROM customers
    """)
    where = (Condition("seat", "=", "' OR true; DROP TABLE seat_reservations --"),)
    seats = cleaning(table="seat_reservations", column="expires_at", older_than=timedelta(0), where=where)
    assert seats.run(Pace(10, 0.0, 60.0), tell)["rows"] == 0
    assert shop.execute("SELECT count(*) FROM seat_reservations").fetchone() == (1,)


@pytest.mark.parametrize(
    ("type_name", "moment"),
    [("timestamptz", "now()"), ("timestamp", "now() AT TIME ZONE 'UTC'"), ("date", "now() AT TIME ZONE 'UTC'")],
)
def test_an_age_is_told_by_the_databases_clock_in_utc(shop, cleaning, quickly, type_name, moment):
    shop.execute("SET TimeZone = 'Pacific/Auckland'")
    shop.execute(f'CREATE TABLE "Odd ""Name" (id int, "when" {type_name})')
    shop.execute(f"""
        INSERT INTO "Odd ""Name"
        SELECT age, CAST({moment} - make_interval(days => age) AS {type_name}) FROM generate_series(0, 9) age
    """)
    shop.execute("""INSERT INTO "Odd ""Name" VALUES (10, 'infinity'), (11, NULL)""")
    cleaning(table='Odd "Name', column="when", older_than=timedelta(days=5)).run(quickly, tell)
    left = {*range(6 if type_name == "date" else 5), 10, 11}
    assert {row[0] for row in shop.execute('SELECT id FROM "Odd ""Name"')} == left


def test_a_date_is_past_when_its_day_is(shop, cleaning, quickly):
    shop.execute("CREATE TABLE vouchers (valid_until date)")
    shop.execute("INSERT INTO vouchers SELECT (now() AT TIME ZONE 'UTC')::date + day FROM generate_series(-2, 1) day")
    vouchers = cleaning(table="vouchers", column="valid_until", older_than=timedelta(0))
    assert vouchers.preview().count == 2
    assert vouchers.run(quickly, tell)["rows"] == 2


@pytest.mark.parametrize(
    ("timezone", "left"), [("UTC", {0}), ("Pacific/Auckland", set()), ("America/New_York", {0, 3})]
)
def test_a_time_without_a_zone_is_of_the_zone_that_is_said(shop, cleaning, quickly, timezone, left):
    shop.execute("CREATE TABLE offers (id int, ends_at timestamp)")
    shop.execute("""
        INSERT INTO offers VALUES (0, now() AT TIME ZONE 'UTC' + interval '2 hours'),
                                  (3, now() AT TIME ZONE 'UTC' - interval '3 hours')
    """)
    offers = cleaning(table="offers", column="ends_at", older_than=timedelta(0), timezone=timezone)
    offers.run(quickly, tell)
    assert {row[0] for row in shop.execute("SELECT id FROM offers")} == left


def test_partitions_are_cleaned_each(shop, cleaning, quickly):
    shop.execute("CREATE TABLE visits (id int, at timestamptz) PARTITION BY HASH (id)")
    for number in range(3):
        shop.execute(
            f"CREATE TABLE visits_{number} PARTITION OF visits FOR VALUES WITH (MODULUS 3, REMAINDER {number})"
        )
    shop.execute("INSERT INTO visits SELECT n, now() - make_interval(days => n) FROM generate_series(0, 99) n")
    cleaned = cleaning(table="visits", column="at", older_than=timedelta(days=20, hours=-1)).run(quickly, tell)
    assert cleaned == {"rows": 80, "complete": True}
    assert shop.execute("SELECT count(*), max(id) FROM visits").fetchone() == (20, 19)


def test_when_time_is_up_the_rest_is_left_for_the_next_run(trips, cleaning):
    assert cleaning().run(Pace(7, 0.0, 0.0), tell) == {"rows": 7, "complete": False}
    assert len(ages(trips)) == 93


def test_what_somebody_holds_is_left_and_not_waited_for(trips, cleaning, quickly):
    with trips.transaction():
        trips.execute("SELECT FROM trip_locations WHERE trip_id = 50 FOR UPDATE")
        assert cleaning().run(quickly, tell) == {"rows": 69, "complete": True}
    assert ages(trips) == [*range(30), 50]


def test_who_locks_the_table_is_not_waited_for_long(trips, cleaning, quickly):
    with trips.transaction():
        trips.execute("LOCK TABLE trip_locations IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            cleaning().run(quickly, tell)
    assert len(ages(trips)) == 100


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"table": "trip_location"}, "table", "Did you mean 'trip_locations'?"),
        ({"table": "nothing_like_it"}, "table", "There is: cache_entries, customers"),
        ({"table": "public.trip_location"}, "table", "There is no table 'public.trip_location'"),
        ({"table": "trip_locations; DROP TABLE customers"}, "table", "There is no table"),
        ({"column": "recorded"}, "column", "Did you mean 'recorded_at'?"),
        ({"column": "trip_id"}, "column", "'trip_id' is bigint, and must be a timestamp or a date. Of trip_locations"),
        ({"where": (Condition("trip", "=", 1),)}, "where", "Did you mean 'trip_id'?"),
        ({"where": (Condition("trip_id", "=", "x"),)}, "where", 'invalid input syntax for type bigint: "x"'),
        ({"where": (Condition("trip_id", "in", ["1", "x"]),)}, "where", 'invalid input syntax for type bigint: "x"'),
    ],
)
@pytest.mark.parametrize("doing", ["check", "preview", "run"])
def test_what_is_not_there_or_no_time_is_refused(trips, cleaning, quickly, fields, field, says, doing):
    found = refused(cleaning(**fields), doing, *([quickly, tell] if doing == "run" else []))
    assert list(found) == [f"tables.trips.{field}"]
    assert says in found[f"tables.trips.{field}"][0]
    assert len(ages(trips)) == 100


def test_a_view_is_refused(shop, cleaning):
    shop.execute("CREATE VIEW seen AS SELECT * FROM trip_locations")
    assert "is a view" in refused(cleaning(table="seen"))["tables.trips.table"][0]


def test_a_table_that_others_inherit_from_is_refused_with_their_names(trips, cleaning, quickly):
    trips.execute("CREATE TABLE tram_locations () INHERITS (trip_locations)")
    found = refused(cleaning(), "run", quickly, tell)
    assert "write policies for public.tram_locations" in found["tables.trips.table"][0]
    assert len(ages(trips)) == 100
    cleaning(table="tram_locations").check()


def test_a_policy_that_would_remove_every_row_is_refused(shop, cleaning, quickly):
    shop.execute("""
        INSERT INTO trip_locations
        SELECT day, 1, 1, now() - make_interval(days => day) FROM generate_series(50, 200) day
    """)
    found = refused(cleaning(), "run", quickly, tell)
    assert "`may_empty = true`" in found["tables.trips.may_empty"][0]
    assert "Every row of trip_locations would go" in cleaning().preview().refusal
    assert len(ages(shop)) == 151
    shop.execute("INSERT INTO trip_locations VALUES (1, 1, 1, now())")
    assert cleaning().run(quickly, tell)["rows"] == 151


@pytest.mark.parametrize(("fields", "count"), [({"may_empty": True}, 1000), ({}, 100)])
def test_every_row_may_go_when_that_is_said_or_there_are_few(shop, cleaning, quickly, fields, count):
    shop.execute("INSERT INTO trip_locations SELECT n, 1, 1, '2020-01-01' FROM generate_series(1, %s) n", [count])
    assert cleaning(**fields).run(quickly, tell) == {"rows": count, "complete": True}


def test_what_a_foreign_key_takes_along_has_to_be_meant(shop, cleaning, quickly, archives):
    shop.execute("CREATE TABLE orders (id int PRIMARY KEY, at timestamptz)")
    shop.execute("CREATE TABLE order_lines (order_id int REFERENCES orders ON DELETE CASCADE)")
    shop.execute("INSERT INTO orders VALUES (1, '2020-01-01')")
    shop.execute("INSERT INTO order_lines VALUES (1)")
    orders = {"table": "orders", "column": "at"}
    assert "rows of order_lines along" in refused(cleaning(**orders))["tables.trips.cascades"][0]
    archived = cleaning(**orders, cascades=True, archive=archives)
    assert "would not be archived" in refused(archived)["tables.trips.cascades"][0]
    assert cleaning(**orders, cascades=True).run(quickly, tell)["rows"] == 1


@pytest.mark.parametrize(("target", "cleaned"), [("orders_1", "orders"), ("orders", "orders_1"), ("orders", "orders")])
def test_what_a_foreign_key_of_a_partition_takes_along_has_to_be_meant(shop, cleaning, target, cleaned):
    shop.execute("CREATE TABLE orders (id int PRIMARY KEY, at timestamptz) PARTITION BY RANGE (id)")
    shop.execute("CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100)")
    shop.execute(f"CREATE TABLE order_lines (order_id int REFERENCES {target} ON DELETE CASCADE)")
    orders = {"table": cleaned, "column": "at"}
    assert "rows of order_lines along" in refused(cleaning(**orders))["tables.trips.cascades"][0]
    cleaning(**orders, cascades=True).check()


def test_criers_own_ledger_is_refused(database_url, cleaning):
    cleaner = cleaning(table="deliveries", column="accepted_at")
    own = type(cleaner)(cleaner.policy, database_url, cleaner.path, cleaner.lock_timeout)
    assert "Crier's own ledger" in refused(own)["tables.trips.table"][0]


@pytest.mark.parametrize("archived", [False, True], ids=["deleted", "archived"])
def test_a_live_table_is_cleaned_while_it_is_written_to(shop, shop_url, cleaning, archives, archived):
    shop.execute("CREATE TABLE sessions (id bigint PRIMARY KEY, seen_at timestamptz, hits int DEFAULT 0)")
    shop.execute("CREATE INDEX ON sessions (seen_at)")
    shop.execute(
        """
        INSERT INTO sessions SELECT n, now() - CASE WHEN n %% 10 = 0 THEN interval '1 hour' ELSE interval '60 days' END
        FROM generate_series(1, %s) n
        """,
        [ROWS],
    )
    stop, errors, woken, added = threading.Event(), [], [], []

    def write():
        """Adds sessions, and wakes old and young ones, as the application would."""
        try:
            with psycopg.connect(shop_url, autocommit=True) as writer:
                number = 0
                while not stop.is_set():
                    number += 1
                    writer.execute("INSERT INTO sessions VALUES (%s, now())", [ROWS + number])
                    added.append(ROWS + number)
                    one, other = ROWS - number * 7 % ROWS, number * 13 % ROWS + 1
                    with writer.transaction():
                        statement = "UPDATE sessions SET seen_at = now(), hits = hits + 1 WHERE id = %s"
                        found = [one for one in (one, other) if writer.execute(statement, [one]).rowcount]
                    woken.extend(found)
        except psycopg.Error as error:
            errors.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        fields = {"table": "sessions", "column": "seen_at", "archive": archives if archived else None}
        result = cleaning(**fields).run(Pace(5000, 0.01, float("inf")), tell)
    finally:
        stop.set()
        writing.join()
    assert errors == []
    assert result["complete"]
    assert len(added) > 20
    left = {row[0] for row in shop.execute("SELECT id FROM sessions").fetchall()}
    live = {*added, *woken, *range(10, ROWS + 1, 10)}
    assert live <= left, "no live row is lost"
    assert shop.execute("SELECT count(*) FROM sessions WHERE seen_at < now() - interval '30 days'").fetchone() == (0,)
    assert len(left) + result["rows"] == ROWS + len(added)
