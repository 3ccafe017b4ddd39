"""Chat destinations: each its project's alone, its address sealed."""

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.errors import Conflict, NotFound
from shared.ledger.audit import deeds
from shared.ledger.chats import Address, Chats
from shared.ledger.database import Database
from shared.ledger.keys import Keys

URL = "slack://T1/B1/canary-7d1f"
ADDRESS = Address(URL, "slack", "slack://…")


@pytest.fixture
def chats(database: Database) -> Chats:
    return Chats(database, Sealer(new_key()))


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


@pytest.fixture
def stranger(database: Database) -> int:
    return Keys(database).project("other")


def test_a_destination_is_its_projects_alone(chats: Chats, project: int, stranger: int) -> None:
    made = chats.create(project, "ops", ADDRESS, "On call", who="me")
    other = chats.create(stranger, "ops", ADDRESS, who="me")
    assert chats.of(project) == [chats.find(project, "ops")] == [chats.find(project, str(made.id))] == [made]
    assert chats.known(project, ["ops", str(made.id), str(other.id), "dev"]) == {
        "ops": str(made.id), str(made.id): str(made.id),
    }  # fmt: skip
    for forbidden in (
        lambda: chats.find(project, str(other.id)),
        lambda: chats.remove(project, str(other.id), who="me"),
        lambda: chats.move(project, str(other.id), ADDRESS, who="me"),
    ):
        with pytest.raises(NotFound):
            forbidden()
    assert chats.of(stranger) == [other]


def test_the_address_is_sealed_and_the_name_is_taken_once(chats: Chats, project: int, database: Database) -> None:
    made = chats.create(project, "ops", ADDRESS, who="me")
    with pytest.raises(Conflict, match="There is a destination ops already: PATCH it"):
        chats.create(project, "ops", ADDRESS, who="me")
    dump = str(database.rows(text("SELECT chats.* FROM chats")))
    assert "canary" not in dump
    opened = chats.opened(made.id)
    assert opened
    assert (opened.chat, opened.url) == (made, URL)
    assert "canary" not in repr(opened) + repr(ADDRESS)


def test_it_moves_under_its_name(chats: Chats, project: int, database: Database) -> None:
    made = chats.create(project, "ops", ADDRESS, "On call", who="me")
    moved = chats.move(project, "ops", Address("tgram://1:a/2", "telegram", "tgram://…"), who="you")
    assert (moved.id, moved.service, moved.masked, moved.description) == (made.id, "telegram", "tgram://…", "On call")
    opened = chats.opened(made.id)
    assert opened
    assert opened.url == "tgram://1:a/2"
    assert chats.remove(project, "ops", who="you") == moved
    assert chats.opened(made.id) is None
    assert [deed.what for deed in deeds(database, project)] == ["chat.deleted", "chat.changed", "chat.created"]


def test_there_are_not_too_many(database: Database, project: int, stranger: int) -> None:
    chats = Chats(database, Sealer(new_key()), most=1)
    chats.create(project, "ops", ADDRESS, who="me")
    chats.create(stranger, "ops", ADDRESS, who="me")
    with pytest.raises(Conflict, match="may have 1 destinations"):
        chats.create(project, "dev", ADDRESS, who="me")
