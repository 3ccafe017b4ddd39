"""Endpoints: their secrets, what becomes of one that fails, and what is sent to it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.errors import Conflict, NotFound
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.database import Database
from shared.ledger.endpoints import BY_HAND, DISABLED, Endpoint, Endpoints
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys

URL = "https://hooks.example.com/in"
NOW = datetime.now(UTC)
DAY = 86_400.0


@pytest.fixture
def endpoints(database: Database) -> Endpoints:
    return Endpoints(database, Sealer(new_key()))


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


def secrets(endpoints: Endpoints, one: Endpoint, *, hours: float = 0) -> tuple[str, ...]:
    """What signs for `one` in so many hours."""
    found = endpoints.signing(one.id, now=NOW + timedelta(hours=hours))
    assert found
    return found.secrets


def rows(database: Database, statement: str) -> list[Any]:
    return list(database.rows(text(statement)))


def test_an_endpoint_is_its_projects_alone(endpoints: Endpoints, project: int, database: Database) -> None:
    made, _ = endpoints.create(project, URL, ["*"], "Orders")
    stranger = Keys(database).project("other")
    assert endpoints.of(project) == [endpoints.get(project, made.id)] == [made]
    assert (made.url, made.events, made.description, made.disabled_at) == (URL, ("*",), "Orders", None)
    assert endpoints.of(stranger) == []
    assert endpoints.known(project, [str(made.id), str(new_id())]) == {str(made.id)}
    assert endpoints.known(stranger, [str(made.id)]) == frozenset()
    for forbidden in (
        lambda: endpoints.get(stranger, made.id),
        lambda: endpoints.remove(stranger, made.id),
        lambda: endpoints.rotate(stranger, made.id, now=NOW),
        lambda: endpoints.change(stranger, made.id, url=URL, events=(), description=None),
        lambda: endpoints.replay(stranger, made.id, since=NOW, who="me"),
    ):
        with pytest.raises(NotFound):
            forbidden()
    assert endpoints.get(project, made.id) == made


def test_a_secret_is_in_no_dump(endpoints: Endpoints, project: int, database: Database) -> None:
    made, secret = endpoints.create(project, URL)
    assert secret.startswith("whsec_")
    assert secrets(endpoints, made) == (secret,)
    [row] = rows(database, "SELECT endpoints::text AS all, convert_from(ciphertext, 'UTF8') AS sealed FROM endpoints")
    assert secret.removeprefix("whsec_") not in row.all + row.sealed
    assert secret not in repr(endpoints.signing(made.id, now=NOW))


def test_a_rotated_secret_signs_beside_the_new_one_until_its_overlap_ends(endpoints: Endpoints, project: int) -> None:
    made, first = endpoints.create(project, URL)
    second = endpoints.rotate(project, made.id, now=NOW)
    assert secrets(endpoints, made, hours=23) == (second, first)
    assert secrets(endpoints, made, hours=25) == (second,)
    third = endpoints.rotate(project, made.id, now=NOW + timedelta(hours=12))
    assert secrets(endpoints, made, hours=13) == (third, second, first)
    assert secrets(endpoints, made, hours=25) == (third, second), "the first ends when it was to end"
    fourth = endpoints.rotate(project, made.id, now=NOW, overlap=0)
    assert secrets(endpoints, made) == (fourth,)


def test_a_project_has_so_many_endpoints(database: Database, project: int) -> None:
    endpoints = Endpoints(database, Sealer(new_key()), most=1)
    endpoints.create(project, URL)
    with pytest.raises(Conflict, match="may have 1 endpoints"):
        endpoints.create(project, URL)


def age(database: Database, days: float) -> None:
    database.execute(text("UPDATE endpoints SET failing_since = failing_since - make_interval(secs => :s)"), {
        "s": days * DAY
    })  # fmt: skip


def test_an_endpoint_that_failed_for_days_is_disabled_and_the_others_are_told(
    endpoints: Endpoints, project: int, database: Database
) -> None:
    made, _ = endpoints.create(project, URL, ["*"])
    endpoints.create(project, "https://other.example.com/", [DISABLED])
    assert not endpoints.failed(made.id, "It failed for 5 days.", patience=5 * DAY)
    age(database, 4.9)
    assert not endpoints.failed(made.id, "It failed for 5 days.", patience=5 * DAY)
    assert rows(database, "SELECT FROM events") == []
    age(database, 0.2)
    assert endpoints.failed(made.id, "It failed for 5 days.", patience=5 * DAY)
    found = endpoints.get(project, made.id)
    assert found.disabled_at
    assert found.disabled_reason == "It failed for 5 days."
    assert not endpoints.failed(made.id, "Again.", patience=0.0), "it is told once"
    [event] = rows(database, "SELECT * FROM events")
    assert (event.type, event.detail["endpoint"]) == ("endpoint.disabled", str(made.id))
    assert event.detail["reason"] == "It failed for 5 days."
    [audited] = rows(database, "SELECT * FROM audit_log")
    assert (audited.what, audited.subject) == ("endpoint.disabled", str(made.id))


def test_a_success_begins_anew(endpoints: Endpoints, project: int, database: Database) -> None:
    made, _ = endpoints.create(project, URL)
    endpoints.failed(made.id, "", patience=DAY)
    age(database, 2)
    endpoints.succeeded(made.id)
    assert endpoints.get(project, made.id).failing_since is None
    assert not endpoints.failed(made.id, "", patience=DAY)


def test_one_that_wants_no_more_is_disabled_at_once_and_can_be_enabled_again(
    endpoints: Endpoints, project: int, database: Database
) -> None:
    made, _ = endpoints.create(project, URL)
    assert endpoints.failed(made.id, "It answered 410.", patience=DAY, at_once=True)
    assert rows(database, "SELECT FROM events") == [], "there is nobody to be told"
    changed = endpoints.change(project, made.id, url=URL, events=["*"], description="x", enabled=True)
    assert (changed.disabled_at, changed.disabled_reason, changed.failing_since) == (None, None, None)
    paused = endpoints.change(project, made.id, url=URL, events=["*"], description="x", enabled=False)
    assert paused.disabled_at
    assert paused.disabled_reason == BY_HAND
    same = endpoints.change(project, made.id, url=URL, events=["*"], description="y")
    assert same.disabled_at == paused.disabled_at


def test_what_failed_is_sent_again_as_it_was(database: Database, project: int) -> None:
    endpoints = Endpoints(database, Sealer(new_key()), replayed=1)
    made, _ = endpoints.create(project, URL)
    other, _ = endpoints.create(project, URL)
    for to in (made, made, made, other):
        draft = Draft(
            new_id(), "webhook", "normal", "transactional", {"endpoint": str(to.id)}, [str(to.id)], "resend",
            content={"type": "ping", "data": {}},
        )  # fmt: skip
        Acceptance(database).accept(project, [draft])
    before = rows(database, "SELECT id FROM deliveries ORDER BY id")
    database.execute(text("UPDATE deliveries SET state = 'failed', due_at = NULL WHERE id <> :id"), {
        "id": before[2].id
    })  # fmt: skip
    since = NOW - timedelta(hours=1)
    assert endpoints.replay(project, made.id, since=datetime.now(UTC) + timedelta(hours=1), who="me").replayed == 0
    first = endpoints.replay(project, made.id, since=since, who="me")
    assert (first.replayed, first.more, list(first.queues)) == (1, True, ["webhook.normal"])
    second = endpoints.replay(project, made.id, since=since, who="me")
    assert (second.replayed, second.more) == (1, False)
    assert endpoints.replay(project, made.id, since=since, who="me").replayed == 0
    assert [row.state for row in rows(database, "SELECT state FROM deliveries ORDER BY id")] == [
        "queued", "queued", "queued", "failed",
    ]  # fmt: skip
    endpoints.failed(made.id, "", patience=DAY, at_once=True)
    with pytest.raises(Conflict, match="Enable it first"):
        endpoints.replay(project, made.id, since=since, who="me")
