"""Endpoints: their secrets, what becomes of one that fails, and what is sent to it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.errors import Conflict, NotFound
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.audit import deeds
from shared.ledger.database import Database
from shared.ledger.endpoints import BY_HAND, Endpoint, Endpoints
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys

URL = "https://hooks.example.com/in"
NOW = datetime.now(UTC)


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
    made, _ = endpoints.create(project, URL, ["*"], "Orders", who="me")
    stranger = Keys(database).project("other")
    assert endpoints.of(project) == [endpoints.get(project, made.id)] == [made]
    assert (made.url, made.events, made.description, made.disabled_at) == (URL, ("*",), "Orders", None)
    assert endpoints.of(stranger) == []
    assert endpoints.known(project, [str(made.id), str(new_id())]) == {str(made.id)}
    assert endpoints.known(stranger, [str(made.id)]) == frozenset()
    for forbidden in (
        lambda: endpoints.get(stranger, made.id),
        lambda: endpoints.remove(stranger, made.id, who="me"),
        lambda: endpoints.rotate(stranger, made.id, now=NOW, who="me"),
        lambda: endpoints.change(stranger, made.id, url=URL, events=(), description=None, who="me"),
        lambda: endpoints.replay(stranger, made.id, since=NOW, who="me"),
    ):
        with pytest.raises(NotFound):
            forbidden()
    assert endpoints.get(project, made.id) == made


def test_a_secret_is_in_no_dump(endpoints: Endpoints, project: int, database: Database) -> None:
    made, secret = endpoints.create(project, URL, who="me")
    assert secret.startswith("whsec_")
    assert secrets(endpoints, made) == (secret,)
    [row] = rows(database, "SELECT endpoints::text AS all, convert_from(ciphertext, 'UTF8') AS sealed FROM endpoints")
    assert secret.removeprefix("whsec_") not in row.all + row.sealed
    assert secret not in repr(endpoints.signing(made.id, now=NOW))


def test_a_rotated_secret_signs_beside_the_new_one_until_its_overlap_ends(endpoints: Endpoints, project: int) -> None:
    made, first = endpoints.create(project, URL, who="me")
    second = endpoints.rotate(project, made.id, now=NOW, who="me")
    assert secrets(endpoints, made, hours=23) == (second, first)
    assert secrets(endpoints, made, hours=25) == (second,)
    third = endpoints.rotate(project, made.id, now=NOW + timedelta(hours=12), who="me")
    assert secrets(endpoints, made, hours=13) == (third, second, first)
    assert secrets(endpoints, made, hours=25) == (third, second), "the first ends when it was to end"
    fourth = endpoints.rotate(project, made.id, now=NOW, overlap=0, who="me")
    assert secrets(endpoints, made) == (fourth,)


def test_a_project_has_so_many_endpoints(database: Database, project: int) -> None:
    endpoints = Endpoints(database, Sealer(new_key()), most=1)
    endpoints.create(project, URL, who="me")
    with pytest.raises(Conflict, match="may have 1 endpoints"):
        endpoints.create(project, URL, who="me")


def test_one_can_be_disabled_by_hand_and_enabled_again(endpoints: Endpoints, project: int) -> None:
    made, _ = endpoints.create(project, URL, who="me")
    paused = endpoints.change(project, made.id, url=URL, events=["*"], description="x", enabled=False, who="me")
    assert paused.disabled_at
    assert paused.disabled_reason == BY_HAND
    same = endpoints.change(project, made.id, url=URL, events=["*"], description="y", who="me")
    assert same.disabled_at == paused.disabled_at
    again = endpoints.change(project, made.id, url=URL, events=["*"], description="x", enabled=True, who="me")
    assert (again.disabled_at, again.disabled_reason) == (None, None)


def test_who_did_what_is_in_the_audit_log(endpoints: Endpoints, project: int, database: Database) -> None:
    made, _ = endpoints.create(project, URL, who="ada")
    endpoints.change(project, made.id, url=URL, events=["*"], description=None, who="bob")
    endpoints.rotate(project, made.id, now=NOW, who="cyd")
    endpoints.remove(project, made.id, who="dan")
    assert [(deed.who, deed.what, deed.subject) for deed in reversed(deeds(database, project))] == [
        ("ada", "endpoint.created", str(made.id)), ("bob", "endpoint.changed", str(made.id)),
        ("cyd", "endpoint.rotated", str(made.id)), ("dan", "endpoint.deleted", str(made.id)),
    ]  # fmt: skip


def test_what_failed_is_sent_again_as_it_was(database: Database, project: int) -> None:
    endpoints = Endpoints(database, Sealer(new_key()), replayed=1)
    made, _ = endpoints.create(project, URL, who="me")
    other, _ = endpoints.create(project, URL, who="me")
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
    endpoints.change(project, made.id, url=URL, events=[], description=None, enabled=False, who="me")
    with pytest.raises(Conflict, match="Enable it first"):
        endpoints.replay(project, made.id, since=since, who="me")
