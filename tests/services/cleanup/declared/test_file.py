"""Everything that is wrong with a file of policies is said at once, with the field and the remedy."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.cleanup.declared.file import read
from services.cleanup.declared.policy import Condition
from shared.errors import InvalidInput

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "examples/cleanup/policies.toml"
ENVIRON = {"SHOP_DATABASE_URL": "postgresql://127.0.0.1/shop", "SHOP_REDIS_URL": "redis://127.0.0.1"}

SOURCES = """
[databases]
shop = "SHOP_DATABASE_URL"
[redis]
shop = "SHOP_REDIS_URL"
"""
TABLE = {
    "schedule": '"0 3 * * *"', "database": '"shop"', "table": '"trips"', "column": '"at"', "older_than": '"90d"',
}  # fmt: skip


def problems(path, text, environ=ENVIRON):
    path.write_text(text)
    with pytest.raises(InvalidInput) as raised:
        read(path, environ)
    return raised.value.fields


@pytest.fixture
def path(tmp_path):
    return tmp_path / "policies.toml"


def policy(**fields):
    said = {name: value for name, value in {**TABLE, **fields}.items() if value is not None}
    return SOURCES + "[tables.trips]\n" + "\n".join(f"{name} = {value}" for name, value in said.items())


def test_the_example_is_read():
    declared = read(EXAMPLE, ENVIRON)
    assert [path for path, _ in declared.each()] == [
        "tables.expired-seats", "tables.trip-locations", "tables.notification-records", "tables.expired-tokens",
        "tables.expired-cache", "keys.inactive-sessions", "files.temporary-files", "maintenance.nightly",
    ]  # fmt: skip
    seats = declared.policies["tables"]["expired-seats"]
    assert seats.where == (Condition("status", "=", "held"),)
    assert (seats.older_than, seats.batch, seats.pause) == (timedelta(0), 500, timedelta(milliseconds=100))
    assert declared.databases == {"shop": ENVIRON["SHOP_DATABASE_URL"]}


def test_what_the_page_shows_is_read(path):
    path.write_text((ROOT / "docs/cleanup.md").read_text().partition("```toml\n")[2].partition("```")[0])
    declared = read(path, ENVIRON)
    assert declared.policies["tables"]["trip-locations"].where == (Condition("status", "in", ["held", "void"]),)
    assert len(declared.each()) == 4


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"older_then": '"9d"'}, "older_then", "Did you mean 'older_than'?"),
        ({"older_than": '"90 days"'}, "older_than", '"90d", "12h"'),
        ({"older_than": "90"}, "older_than", "a number and a unit"),
        ({"older_than": None}, "older_than", "It is missing"),
        ({"older_than": '"40000d"'}, "older_than", "at most 36500d"),
        ({"schedule": '"every day"'}, "schedule", "five fields"),
        ({"schedule": '"0 3 * * sun"'}, "schedule", "Sunday"),
        ({"schedule": None}, "schedule", "It is missing"),
        ({"database": '"shpo"'}, "database", "Did you mean 'shop'?"),
        ({"database": '"other"'}, "database", "There is: shop."),
        ({"batch": "0"}, "batch", "1"),
        ({"batch": '"many"'}, "batch", "integer"),
        ({"archive": '"archive"'}, "archive", "begins with /"),
        ({"timezone": '"Europe/Viena"'}, "timezone", "Did you mean 'Europe/Vienna'?"),
        ({"where": '"status = 1"'}, "where", "SQL is not taken"),
        ({"where": '["status = 1"]'}, "where", "must be [column, operator, value]"),
        ({"where": '[["status", "like", "x"]]'}, "where", "choose from ="),
        ({"where": '[["status", "; DROP TABLE trips --", "x"]]'}, "where", "is no operator"),
        ({"where": '[["status", "is null", "x"]]'}, "where", "takes no value"),
        ({"where": '[["status", "="]]'}, "where", "takes a value"),
        ({"where": '[["status", "in", "x"]]'}, "where", "a list of values"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_remedy(path, fields, field, says):
    found = problems(path, policy(**fields))
    assert list(found) == [f"tables.trips.{field}"]
    assert says in found[f"tables.trips.{field}"][0]


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("[table.trips]\n", "table", "Did you mean 'tables'?"),
        ("tables = 1\n", "tables", "[tables.its-name]"),
        ("[tables]\nschedule = 1\n", "tables", "[tables.its-name]"),
        ('[tables."Trips!"]\n', "tables.Trips!", "a-z"),
        ('[databases]\nshop = "postgresql://me:secret@host/shop"\n', "databases.shop", "it holds a password"),
        ('[databases]\nshop = "NOT_SET"\n', "databases.shop", "NOT_SET is not set"),
        ('[databases]\nshop = "SHOP_REDIS_URL"\n', "databases.shop", "must begin with postgresql://"),
        ("[databases\n", None, "It is no TOML"),
    ],
)
def test_what_else_may_be_wrong(path, text, field, says):
    found = problems(path, text)
    assert says in found[field or str(path)][0]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sec@ret@host/shop", "postgresql://me:sec/ret@host/shop", "postgresql://me:12/sec@host/shop",
        "postgresql://me:%sec@host/shop", "postgresql://me:secret@[host/shop", "postgresql://me:secret@host:x/shop",
    ],
)  # fmt: skip
def test_a_database_url_that_would_be_misread_is_refused_without_being_shown(path, url):
    found = problems(path, policy(), {**ENVIRON, "SHOP_DATABASE_URL": url})
    said = "The URL in SHOP_DATABASE_URL is not valid: percent-encode the password in it."
    assert found == {"databases.shop": [said]}


@pytest.mark.parametrize("url", ["redis://:sec@ret@host", "redis://:sec/ret@host", "redis://:secret@host:port"])
def test_a_redis_url_that_would_be_misread_is_refused_without_being_shown(path, url):
    found = problems(path, policy(), {**ENVIRON, "SHOP_REDIS_URL": url})
    assert found == {"redis.shop": ["The URL in SHOP_REDIS_URL is not valid: percent-encode the password in it."]}


@pytest.mark.parametrize(
    "url", ["postgresql://me:s%40%2F@a:5432,b:5433/shop?sslmode=require", "postgres://me:x@/shop?host=/run/pg"]
)
def test_a_url_that_is_unusual_and_valid_is_taken(path, url):
    path.write_text(policy())
    assert read(path, {**ENVIRON, "SHOP_DATABASE_URL": url}).databases == {"shop": url}


def test_every_problem_is_said_at_once(path):
    text = policy(older_than='"x"', schedule='"y"', tabel='"z"', table=None) + '\n[keys.left]\nredis = "shop"\n'
    assert set(problems(path, text)) == {
        "tables.trips.older_than", "tables.trips.schedule", "tables.trips.tabel", "tables.trips.table",
        "keys.left.schedule", "keys.left.pattern", "keys.left.idle",
    }  # fmt: skip


def test_two_policies_may_not_share_a_name(path):
    text = policy() + '\n[maintenance.trips]\nschedule = "0 4 * * *"\ndatabase = "shop"\n'
    assert "[tables.trips] has that name too" in problems(path, text)["maintenance.trips"][0]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        read(tmp_path / "none.toml", {})
