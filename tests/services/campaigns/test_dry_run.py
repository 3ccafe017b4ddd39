"""A dry run says what would be sent, to how many, and who is left out why; and sends nothing."""

from collections import Counter
from typing import Any

import pytest

from services.campaigns import dry_run
from services.campaigns.dry_run import SAMPLED_OF_OTHERS
from shared.errors import Conflict
from shared.ledger.preferences import Preferences
from shared.ledger.suppressions import Suppressions
from shared.ledger.template_store import TemplateStore
from shared.templates.catalogue import bundle_of
from tests.services.campaigns.conftest import WHO, Ground

MENU = {
    "template.toml": """
description = "The menu."
kind = "transactional"

[variables.city]
type = "string"
description = "Where."

[variables.seats]
type = "integer"
description = "How many."

[sample]
city = "London"
seats = 2
""",
    "sms.body.txt": "A table for {{ seats + 1 }} in {{ city }}, {{ recipient.name }}.",
}
TEMPLATE = {"channel": "sms", "template": "menu"}


def tried(ground: Ground, **fields: Any) -> dict[str, Any]:
    made = ground.draft(**fields)
    ground.book.try_out(ground.project_id, made.id, who=WHO)
    while ground.engine.step():
        pass
    return ground.book.show(ground.project_id, made.id)


def add_template(ground: Ground) -> None:
    bundle = bundle_of("menu", MENU, {})
    TemplateStore(ground.database).add(ground.project_id, "menu", bundle.checksum, bundle.to_json())


def test_everybody_is_accounted_for_and_nothing_is_sent(ground: Ground) -> None:
    add_template(ground)
    ground.load(
        "email,phone,name,city,seats,shoe_size\n"
        ",+447700900001,Ada,London,3,38\n"
        ",+447700900002,Eve,Leeds,many,39\n"
        ",+447700900003,Bob,York,1,40\n"
        ",+447700900001,Ada again,London,3,41\n"
        "cy@example.com,,Cy,Bath,1,42\n"
        ",not a number,Dee,Bath,1,43\n"
    )
    Suppressions(ground.database).add(
        ground.project_id, "sms", "+447700900003", scope="everything", reason="manual", source="key test"
    )  # fmt: skip
    found = tried(ground, request=TEMPLATE)
    seen = found["dry_run"]
    assert (seen["state"], seen["looked_at"], seen["would_send"]) == ("done", 4, 1)
    assert seen["excluded"] == {
        "duplicates": 1, "refused_rows": 1, "no_address": 1, "invalid": 1, "suppressed": {"manual": 1},
    }  # fmt: skip
    assert seen["problems"]["data.seats"]["row"] == 3
    assert seen["unused_columns"] == ["shoe_size"]
    assert [(one["to"], one["content"]) for one in found["renderings"]] == [
        ("+447700900001", {"body": "A table for 4 in London, Ada."})
    ]
    assert (seen["segments"], seen["estimated_segments"]) == ({"1": 1}, 1)
    assert ground.states() == Counter()
    assert found["state"] == "draft"


def test_who_does_not_want_it_is_counted(ground: Ground) -> None:
    ground.load("phone,user_id\n+447700900001,u_1\n+447700900002,u_2\n")
    Preferences(ground.database).set(ground.project_id, "u_2", {("", "sms"): False}, source="key test")
    seen = tried(ground)["dry_run"]
    assert (seen["would_send"], seen["excluded"]["suppressed"]) == (1, {"preferences": 1})


def test_what_it_shows_is_what_is_sent(ground: Ground) -> None:
    """The template may have changed since: the draft has the version it was made with."""
    add_template(ground)
    ground.load("phone,name,city,seats\n+447700900001,Ada,London,3\n")
    found = tried(ground, request=TEMPLATE)
    changed = bundle_of("menu", {**MENU, "sms.body.txt": "Something else for {{ city }} and {{ seats }}."}, {})
    TemplateStore(ground.database).add(ground.project_id, "menu", changed.checksum, changed.to_json())
    ground.book.release(ground.project_id, found["id"], who=WHO)
    while ground.engine.step():
        pass
    [claimed] = ground.claim()
    content = ground.engine.dry_runs.renderer.content(claimed)
    assert {"body": getattr(content, "body")} == found["renderings"][0]["content"]  # noqa: B009


def test_a_long_one_is_done_in_pieces_that_add_up(ground: Ground) -> None:
    ground.people(2500)
    made = ground.draft()
    ground.book.try_out(ground.project_id, made.id, who=WHO)
    ground.engine.step()
    looked_at = ground.book.show(ground.project_id, made.id)["dry_run"]
    assert (looked_at["state"], looked_at["looked_at"]) == ("running", 1000)
    while ground.engine.step():
        pass
    found = ground.book.show(ground.project_id, made.id)
    seen = found["dry_run"]
    assert (seen["looked_at"], seen["would_send"], len(found["renderings"])) == (2500, 2500, 3)
    assert sum(seen["segments"].values()) == seen["sampled"] < 1000
    assert seen["estimated_segments"] == 2500


def test_a_throttle_says_how_long_it_takes(ground: Ground) -> None:
    ground.people(100)
    seen = tried(ground, throttle="10/s")["dry_run"]
    assert (seen["estimated_seconds"], seen["estimated_by"]) == (10.0, "throttle")
    assert tried(ground)["dry_run"]["estimated_seconds"] is None


def test_by_local_time_it_says_from_when_until_when(ground: Ground) -> None:
    ground.load("phone,timezone\n+447700900001,Asia/Tokyo\n+447700900002,America/New_York\n")
    seen = tried(ground, local_time={"at": "2031-03-28T09:00", "timezone": "Europe/London"})["dry_run"]
    assert seen["first_at"].startswith("2031-03-28T00:00:00")
    assert seen["last_at"].startswith("2031-03-28T13:00:00")


def test_without_one_nothing_is_released_unless_that_is_said(ground: Ground) -> None:
    ground.people(1)
    made = ground.draft()
    with pytest.raises(Conflict, match="without_dry_run"):
        ground.book.release(ground.project_id, made.id, who=WHO)
    ground.book.try_out(ground.project_id, made.id, who=WHO)
    with pytest.raises(Conflict, match="dry run"):
        ground.book.release(ground.project_id, made.id, who=WHO)
    ground.engine.step()
    ground.book.release(ground.project_id, made.id, who=WHO)
    with pytest.raises(Conflict, match="only a draft"):
        ground.book.try_out(ground.project_id, made.id, who=WHO)


def test_it_can_be_done_again(ground: Ground) -> None:
    ground.people(2)
    made = ground.draft()
    for _ in range(2):
        ground.book.try_out(ground.project_id, made.id, who=WHO)
        while ground.engine.step():
            pass
    found = ground.book.show(ground.project_id, made.id)
    assert (found["dry_run"]["would_send"], len(found["renderings"])) == (2, 2)


def test_where_nothing_is_counted_few_are_rendered(ground: Ground) -> None:
    ground.load("email\n" + "".join(f"guest.{number}@example.com\n" for number in range(200)))
    request = {"channel": "email", "content": {"subject": "Sunday", "text": "We are open."}}
    found = tried(ground, request=request)
    seen = found["dry_run"]
    assert (seen["would_send"], seen["sampled"], "segments" in seen) == (200, SAMPLED_OF_OTHERS, False)
    assert [one["to"] for one in found["renderings"]] == [f"guest.{number}@example.com" for number in range(3)]


def test_what_takes_long_is_not_rendered_as_often(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger would give the turn up for dead."""
    monkeypatch.setattr(dry_run, "SECONDS", -1.0)
    ground.people(10)
    seen = tried(ground)["dry_run"]
    assert (seen["state"], seen["would_send"], seen["sampled"]) == ("done", 10, 0)
