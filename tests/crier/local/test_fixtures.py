"""What tests are given is theirs alone, and empty."""

import psycopg
from redis import Redis


def test_each_test_has_an_empty_database(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE mine ()")


def test_each_test_has_an_empty_database_of_its_own(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_a_database_is_dropped_with_connections_open(empty_database_url: str) -> None:
    psycopg.connect(empty_database_url)  # left open: the fixture's end must not fail


def test_each_test_has_the_ledger_s_tables(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)


def test_each_test_has_an_empty_redis(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("a", 1)


def test_each_test_has_an_empty_redis_again(redis_url: str) -> None:
    assert Redis.from_url(redis_url).dbsize() == 0
