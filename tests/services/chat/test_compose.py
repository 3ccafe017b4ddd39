"""What becomes of a chat message before it is sent."""

from datetime import UTC, datetime

import pytest

from services.chat.compose import compose, remembered
from shared.crypto import Sealer, new_key
from shared.errors import Rejected
from shared.ledger.chats import Address, Chat, Chats, OpenChat
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.messages.chat import ChatContent, ChatMessage

CHAT = Chat(new_id(), 1, "ops", "slack", "slack://…", None, datetime.now(UTC))
URL = "slack://T1/B1/canary-7d1f"


def composed(found: OpenChat | None, project_id: int = 1) -> ChatMessage:
    return compose(
        ChatContent("Hello"), lambda _: found, delivery_id=new_id(), project_id=project_id, target=str(CHAT.id),
        deadline=4.0,
    )  # fmt: skip


def test_it_has_the_address_and_does_not_show_it() -> None:
    message = composed(OpenChat(CHAT, URL))
    assert (message.to, message.name, message.service, message.url) == (str(CHAT.id), "ops", "slack", URL)
    assert "canary" not in repr(message)


@pytest.mark.parametrize(("found", "project"), [(None, 1), (OpenChat(CHAT, URL), 2)])
def test_without_a_destination_of_the_project_there_is_no_call(found: OpenChat | None, project: int) -> None:
    with pytest.raises(Rejected, match="The destination was deleted") as caught:
        composed(found, project)
    assert caught.value.code == "deleted"


def test_a_destination_is_looked_up_once_for_many(database: Database) -> None:
    chats = Chats(database, Sealer(new_key()))
    made = chats.create(Keys(database).project("acme"), "ops", Address(URL, "slack", "slack://…"), who="me")
    look_up = remembered(chats)
    first = look_up(made.id)
    database.close()
    assert look_up(made.id) is first
