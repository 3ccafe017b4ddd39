"""`/v1/chats`: where a project's chat messages go."""

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from services.gateway.answers import ReceiptSchema, answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.chat_schemas import ChatChangeSchema, ChatListSchema, ChatRequestSchema, ChatSchema
from services.gateway.endpoint_schemas import DeletedSchema
from services.gateway.parts import parts
from services.gateway.routes import route
from shared.chat.addresses import read
from shared.errors import InvalidInput
from shared.intake.problems import load
from shared.ledger.chats import Address, Chat

KB = 1024

blueprint = Blueprint("chats", __name__, url_prefix="/v1/chats", description="Where chat messages go.")
_NEW, _CHANGE = ChatRequestSchema(), ChatChangeSchema()


@route(
    blueprint, "POST", "", scope="admin", name="createChat",
    answers=(201, ChatSchema, "The destination."),
    body={"application/json": ChatRequestSchema}, about_body="16 KB.",
)  # fmt: skip
def create() -> Response:
    """Make a destination

    Its URL is read by Apprise, which knows some chat services; it is not called. `POST …/test` does that.
    """
    asked = load(_NEW, json_body(16 * KB))
    made = parts().chats.create(
        identity().project_id, asked["name"], _address(asked["url"]), asked.get("description"), who=_who()
    )
    return answer(_shown(made), 201, {"Location": f"/v1/chats/{made.name}"})


@route(
    blueprint, "GET", "", scope="read", name="listChats",
    answers=(200, ChatListSchema, "The project's destinations."),
)  # fmt: skip
def list_chats() -> Response:
    """The project's destinations, by name"""
    return answer({"items": [_shown(one) for one in parts().chats.of(identity().project_id)]})


@route(
    blueprint, "GET", "/<chat>", scope="read", name="getChat", answers=(200, ChatSchema, "The destination."),
)  # fmt: skip
def show(chat: str) -> Response:
    """A destination, by name or id"""
    return answer(_shown(parts().chats.find(identity().project_id, chat)))


@route(
    blueprint, "PATCH", "/<chat>", scope="admin", name="changeChat",
    answers=(200, ChatSchema, "The destination as it is now."),
    body={"application/json": ChatChangeSchema}, about_body="16 KB.",
)  # fmt: skip
def change(chat: str) -> Response:
    """Give a destination another URL

    What waits for it goes there too.
    """
    address = _address(load(_CHANGE, json_body(16 * KB))["url"])
    return answer(_shown(parts().chats.move(identity().project_id, chat, address, who=_who())))


@route(
    blueprint, "DELETE", "/<chat>", scope="admin", name="deleteChat",
    answers=(200, DeletedSchema, "It is gone; what still waits for it fails."),
)  # fmt: skip
def delete(chat: str) -> Response:
    """Delete a destination"""
    gone = parts().chats.remove(identity().project_id, chat, who=_who())
    return answer({"id": gone.id, "deleted": True})


@route(
    blueprint, "POST", "/<chat>/test", scope="admin", name="testChat",
    answers=(202, ReceiptSchema, "A message is on its way."),
)  # fmt: skip
def test(chat: str) -> Response:
    """Send a test

    What becomes of it is in the timeline of the notification that is answered.
    """
    found = parts().chats.find(identity().project_id, chat)
    content = {"title": "A test", "body": f"Messages to {found.name} arrive here.", "level": "success"}
    asked = {"channel": "chat", "to": {"chat": str(found.id)}, "content": content}
    receipt = parts().intake.accept(identity().project_id, asked)
    return answer(receipt.to_json(), 202, {"Location": f"/v1/notifications/{receipt.id}"})


def _address(given: str) -> Address:
    try:
        return read(given, parts().reach)
    except ValueError as error:
        raise InvalidInput({"url": [str(error)]}) from None


def _shown(chat: Chat) -> dict[str, Any]:
    return {
        "id": chat.id, "name": chat.name, "service": chat.service, "url": chat.masked,
        "description": chat.description, "created_at": chat.created_at,
    }  # fmt: skip


def _who() -> str:
    return f"key {identity().prefix}"
