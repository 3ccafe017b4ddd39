"""Whom a notification goes to: checked field by field, and what each channel needs of it."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate

from shared.intake.fields import Locale, TimeZone
from shared.intake.problems import StrictSchema, by_path, did_you_mean
from shared.messages.fields import EmailAddress, Line, PhoneNumber, plain_e164, plain_email
from shared.messages.push import TOPIC

MAX_TOKENS = 100

DEVICE_TOKEN = (
    validate.Length(1, 4096),
    validate.Regexp(rf"^(?!{TOPIC})", error="Must be a device's token. A topic goes into to.topic."),
)
"""What a device's token must be. A topic in its place would send one person's pushes to many."""


CHAT_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.IGNORECASE)
ABOUT_CHAT_NAMES = "up to 64 letters, digits and _.- that begin with a letter or a digit"


class EndpointId(Line):
    """The id of an endpoint of webhooks, as the ledger writes it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        try:
            return str(UUID(super()._deserialize(value, attr, data, **kwargs)))
        except ValueError:
            raise ValidationError("Must be the id of an endpoint: GET /v1/webhooks lists them.") from None


class ChatName(Line):
    """The name or id of a chat destination. What is refused is not repeated: it may be an address with its tokens."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if "://" in name:
            raise ValidationError(
                "Must be the name of a destination. An address holds tokens: register it (POST /v1/chats), and name it."
            )
        if not CHAT_NAME.fullmatch(name):
            raise ValidationError(f"Must be the name or the id of a destination: {ABOUT_CHAT_NAMES}.")
        return name


class RecipientSchema(StrictSchema):
    """The `to` of a notification."""

    email = EmailAddress(metadata={"description": "Needed for email.", "example": "ada@example.com"})
    phone = PhoneNumber(
        metadata={"description": "Needed for SMS and WhatsApp, in international form.", "example": "+442079460018"}
    )
    user_id = Line(
        validate=validate.Length(1, 200),
        metadata={
            "description": "Your id of the person. Needed for in-app; for push, their registered devices get it.",
            "example": "u_1",
        },
    )
    name = Line(validate=validate.Length(1, 200), metadata={"example": "Ada Lovelace"})
    locale = Locale(metadata={"description": "Language tag (BCP 47).", "example": "en-GB"})
    timezone = TimeZone(metadata={"description": "IANA time zone.", "example": "Europe/London"})
    tokens = fields.List(
        Line(validate=DEVICE_TOKEN),
        validate=validate.Length(1, MAX_TOKENS),
        metadata={"description": "Device tokens, for push to devices that are not registered."},
    )
    topic = Line(
        validate=validate.Regexp(r"[a-zA-Z0-9_.~%-]{1,900}\Z", error="Must be letters, digits and -_.~%."),
        metadata={"description": "For push: everybody who subscribed to this topic.", "example": "line-12"},
    )
    endpoint = EndpointId(
        metadata={
            "description": "For webhooks: the id of an endpoint of yours (/v1/webhooks).",
            "example": "01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f",
        }
    )
    chat = ChatName(
        metadata={
            "description": "For chat: the name, or the id, of a destination of yours (/v1/chats).",
            "example": "ops",
        }
    )
    unsubscribe_url = fields.Url(
        schemes={"https"},
        validate=validate.Length(max=800),
        metadata={
            "description": "For mail: your https address that unsubscribes this person by one POST (RFC 8058). "
            "Promotions must have it, unless the installation makes links of its own.",
            "example": "https://example.com/unsubscribe/u_1-5f2c",
        },
    )


_SCHEMA = RecipientSchema()
_FIELDS = _SCHEMA.fields
_PLAIN = {"email": plain_email, "phone": plain_e164}


def load_recipient(to: Any) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The recipient, and what is wrong with it by field (`to.email`).

    Each field is loaded by itself, which costs a quarter of what loading by the schema does, and an ordinary address or
    number by none: for uploads of millions.
    """
    if not isinstance(to, Mapping):
        return {}, {"to": ['Must be an object that says whom it goes to, e.g. {"email": "ada@example.com"}.']}
    loaded: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for name, value in to.items():
        if name in _PLAIN and isinstance(value, str) and (plain := _PLAIN[name](value)):
            loaded[name] = plain
            continue
        field = _FIELDS.get(name)
        if field is None:
            problems[f"to.{name[:80]}"] = [f"There is no such field.{did_you_mean(name, _FIELDS)}"]
            continue
        try:
            loaded[name] = field.deserialize(value, name, to)
        except ValidationError as error:
            problems.update(by_path(error.messages, None, f"to.{name}"))
    return loaded, problems


def address(channel: str, recipient: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """The targets that the recipient itself names for `channel`, and what is missing when it names none.

    For push both are empty when the devices of its user have to be looked up.
    """
    if channel == "email":
        email = recipient.get("email")
        return ([email], None) if email else ([], "to.email")
    if channel in ("sms", "whatsapp"):
        phone = recipient.get("phone")
        return ([phone], None) if phone else ([], "to.phone")
    if channel == "webhook":
        endpoint = recipient.get("endpoint")
        return ([endpoint], None) if endpoint else ([], "to.endpoint")
    if channel == "inapp":
        user_id = recipient.get("user_id")
        return ([user_id], None) if user_id else ([], "to.user_id")
    if channel == "chat":
        chat = recipient.get("chat")
        return ([chat], None) if chat else ([], "to.chat")
    if channel != "push":
        raise ValueError(f"It is not known where a message of {channel} goes: say it here.")
    topic = recipient.get("topic")
    targets = [*dict.fromkeys(recipient.get("tokens", ())), *([TOPIC + topic] if topic else [])]
    if targets:
        return targets, None
    return [], None if recipient.get("user_id") else "to.tokens"


MISSING = {
    "to.unsubscribe_url": "A promotion by mail needs to.unsubscribe_url: an https address of yours that unsubscribes "
    "this person by one POST (RFC 8058). Where CRIER_PUBLIC_URL is an https address, Crier makes one itself.",
    "to.email": "An email needs to.email, or to.user_id of a stored recipient.",
    "to.phone": "An SMS or WhatsApp message needs to.phone, in international form, or to.user_id of a stored "
    "recipient.",
    "to.user_id": "An in-app notification needs to.user_id: whose inbox it goes into.",
    "to.endpoint": "A webhook needs to.endpoint: the id of an endpoint (/v1/webhooks).",
    "to.chat": "A chat message needs to.chat: the name of a destination (/v1/chats).",
    "to.tokens": "A push needs to.tokens, to.user_id of a user with registered devices, or to.topic.",
}


_KEPT_AS = {"to.email": "email address", "to.phone": "number"}


def missing(field: str, recipient: Mapping[str, Any]) -> str:
    """What to say when `field` is missing, and no stored recipient has it; names both remedies."""
    if field in _KEPT_AS and (user_id := recipient.get("user_id")):
        return (
            f"No {_KEPT_AS[field]} of {user_id} is stored: store one (PUT /v1/recipients/{{user_id}}), or give {field}."
        )
    return MISSING[field]


NO_CHAT = "There is no such destination in this project: GET /v1/chats lists them, POST /v1/chats makes one."
NO_ENDPOINT = "There is no such endpoint in this project: GET /v1/webhooks lists them, POST /v1/webhooks makes one."


def no_devices(user_id: str) -> str:
    """What to say when a user has no devices; names both remedies."""
    return (
        f"{user_id} has no registered devices: register one (PUT /v1/recipients/{{user_id}}/devices), "
        "or give device tokens in to.tokens."
    )
