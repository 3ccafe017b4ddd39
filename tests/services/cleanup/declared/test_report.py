"""The report says what is large, what is waste and what to do; maintenance does it."""

import json

import orjson
import pytest

from services.cleanup.declared.policy import UpkeepPolicy
from services.cleanup.declared.report import as_html, as_json, readable, survey
from services.cleanup.declared.upkeep import Upkeep
from services.cleanup.pace import Pace
from shared.errors import InvalidInput
from tests.services.cleanup.declared.conftest import tell

ROWS = 40_000


@pytest.fixture
def worn(shop):
    """Half of what was written is dead, and nobody has cleared up."""
    shop.execute("ALTER TABLE trip_locations SET (autovacuum_enabled = false)")
    shop.execute(
        "INSERT INTO trip_locations SELECT n, 1, 1, now() - make_interval(secs => n) FROM generate_series(1, %s) n",
        [ROWS],
    )
    flush(shop)
    shop.execute("ANALYZE trip_locations")
    shop.execute("DELETE FROM trip_locations WHERE trip_id > %s", [ROWS // 2])
    flush(shop)
    return shop


def flush(shop):
    """Have what this session counted written down for everybody."""
    shop.execute("SELECT pg_stat_force_next_flush()")
    shop.execute("SELECT 1")


def table(report, name="public.trip_locations"):
    return next(one for one in report.tables if one["name"] == name)


def test_it_counts_what_is_there(worn, shop_url):
    report = survey("shop", shop_url, None, 0.2)
    found = table(report)
    size, indexes = worn.execute("SELECT pg_table_size('trip_locations'), pg_indexes_size('trip_locations')").fetchone()
    assert (found["table_bytes"], found["index_bytes"]) == (size, indexes)
    assert (found["live"], found["dead"], found["deleted"]) == (ROWS // 2, ROWS // 2, ROWS // 2)
    assert found["vacuumed_at"] is None and found["analyzed_at"] is not None
    assert {one["name"] for one in report.indexes} >= {"public.trip_locations_recorded_at_idx", "public.tokens_pkey"}
    assert report.growth_bytes is None


def test_a_vacuum_ends_with_the_time_of_its_policy(shop, shop_url):
    shop.execute("INSERT INTO trip_locations SELECT n, 1, 1, now() FROM generate_series(1, 100000) n")
    shop.execute("DELETE FROM trip_locations WHERE trip_id % 2 = 0")
    shop.execute("SELECT pg_stat_force_next_flush()")
    policy = UpkeepPolicy(name="n", schedule="", database="shop", tables=("trip_locations",))
    upkeep = Upkeep(policy, shop_url, "maintenance.n", 0.2)
    done = upkeep.run(Pace(1, 0.0, 0.001), tell)
    assert done == {"tables": 0, "complete": True, "stopped": ["public.trip_locations"]}
    assert upkeep.run(Pace(1, 0.0, float("inf")), tell) == {"tables": 1, "complete": True}


def test_it_recommends_to_vacuum_and_maintenance_does(worn, shop_url):
    advice = {one.about: one for one in survey("shop", shop_url, None, 0.2).recommendations}
    assert advice["public.trip_locations"].statement == 'VACUUM (ANALYZE) "public"."trip_locations";'
    upkeep = Upkeep(UpkeepPolicy(name="n", schedule="", database="shop"), shop_url, "maintenance.n", 0.2)
    assert upkeep.preview().count >= ROWS // 2
    done = upkeep.run(Pace(1, 0.0, 600.0), tell)
    assert done["complete"] and done["tables"] >= 1
    worn.execute("SELECT pg_stat_clear_snapshot()")
    report = survey("shop", shop_url, None, 0.2)
    assert table(report)["dead"] == 0 and table(report)["vacuumed_at"] is not None
    assert "public.trip_locations" not in {one.about for one in report.recommendations}


def test_the_estimate_of_empty_space_is_near_what_is_empty(shop, shop_url):
    shop.execute("ALTER TABLE cache_entries SET (autovacuum_enabled = false)")
    shop.execute(
        "INSERT INTO cache_entries SELECT n::text, decode(repeat('ab', 500), 'hex'), now()"
        " FROM generate_series(1, 60000) n"
    )
    shop.execute("VACUUM ANALYZE cache_entries")
    full = table(survey("shop", shop_url, None, 0.2), "public.cache_entries")
    assert full["bloat_bytes"] < 0.15 * full["table_bytes"]
    shop.execute("DELETE FROM cache_entries WHERE key::int % 4 <> 0")
    shop.execute("VACUUM ANALYZE cache_entries")
    report = survey("shop", shop_url, None, 0.2)
    worn = table(report, "public.cache_entries")
    assert 0.65 * worn["table_bytes"] < worn["bloat_bytes"] < 0.85 * worn["table_bytes"]
    assert any("empty space" in one.says for one in report.recommendations if one.about == "public.cache_entries")


def test_growth_is_told_by_comparing_with_an_earlier_report(shop, shop_url):
    (before,) = orjson.loads(orjson.dumps(as_json([survey("shop", shop_url, None, 0.2)])))["databases"]
    shop.execute("INSERT INTO trip_locations SELECT n, 1, 1, now() FROM generate_series(1, 20000) n")
    report = survey("shop", shop_url, before, 0.2)
    assert report.growth_bytes > 500_000
    assert table(report)["growth_bytes"] > 500_000
    assert table(report, "public.tokens")["growth_bytes"] == 0


def test_the_page_says_it_and_is_not_broken_by_names(shop, shop_url):
    shop.execute('CREATE TABLE "<script>alert(1)</script>" (id int)')
    page = as_html([survey("shop", shop_url, None, 0.2)])
    assert "public.trip_locations" in page and "never" in page
    assert "<script>" not in page
    assert json.loads(orjson.dumps(as_json([survey("shop", shop_url, None, 0.2)])))["v"] == 1


def test_maintenance_of_a_table_that_is_not_there_is_refused(shop_url):
    policy = UpkeepPolicy(name="n", schedule="", database="shop", tables=("trip_location",))
    with pytest.raises(InvalidInput, match="Did you mean 'trip_locations'"):
        Upkeep(policy, shop_url, "maintenance.n", 0.2).check()


@pytest.mark.parametrize(
    ("size", "said"), [(None, "–"), (0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (-2_500_000, "-2.5 MB")]
)
def test_sizes_are_said_as_people_say_them(size, said):
    assert readable(size) == said
