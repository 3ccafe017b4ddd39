"""What an in-app notification is: the content a caller or a template gives, and the message that goes into an inbox.

All of it is plain text. What shows it puts it in as text, so that nothing a stranger wrote is ever read as markup.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from marshmallow import Schema, ValidationError, fields, post_load, validate

from shared.messages.fields import Line

MAX_TITLE, MAX_BODY, MAX_LINK, MAX_LABEL = 200, 2000, 1000, 40
MAX_ACTIONS = 3
MAX_DATA = 4096
"""Bytes of `data` as JSON: what an app needs to find the rest."""

LINK = re.compile(r"(https?://[^\s\\/][^\s\\]*|/(?![/\\])[^\s\\]*)\Z", re.IGNORECASE)
"""Browsers read `\\` as `/` and pass over tabs: `/\\example.com` would lead to another host."""
NO_LINK = "Must be an http or https address, or a path of your own site that begins with one /."

ICON = re.compile(r"(https://[^\s\\/][^\s\\]*|[^\s:/]{1,8})\Z", re.IGNORECASE)
NO_ICON = "Must be an https address, or an emoji."


@dataclass(frozen=True, slots=True)
class Action:
    """A button: what it says, and where it leads."""

    label: str
    link: str


@dataclass(frozen=True, slots=True)
class InAppContent:
    """What the inbox shows, and what the app gets.

    Parameters:
        body: plain text; line breaks are kept.
        link: where it leads: an http or https address, or a path such as `/orders/4711`.
        image: https address of a picture. icon: the same of a small one, or an emoji.
        category: what it is about, for the app to sort by; None: the notification's.
        data: what only the app sees.
    """

    title: str
    body: str = ""
    link: str | None = None
    image: str | None = None
    icon: str | None = None
    actions: tuple[Action, ...] = ()
    category: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InAppMessage:
    """One notification for one inbox. `to` is the user's id."""

    delivery_id: UUID
    project_id: int
    to: str
    content: InAppContent


def link_problem(link: str) -> str | None:
    """What is wrong with where something leads; None where it may."""
    return None if LINK.match(link) else NO_LINK


class ActionSchema(Schema):
    """A button of an in-app notification."""

    label = Line(required=True, validate=validate.Length(1, MAX_LABEL), metadata={"example": "Reply"})
    link = Line(
        required=True,
        validate=(validate.Length(1, MAX_LINK), validate.Regexp(LINK, error=NO_LINK)),
        metadata={"example": "/comments/c-5120"},
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Action:
        return Action(**data)


class InAppContentSchema(Schema):
    """The `content` of an in-app notification. All of it is plain text."""

    title = Line(required=True, validate=validate.Length(1, MAX_TITLE))
    body = fields.String(validate=validate.Length(0, MAX_BODY))
    link = Line(
        allow_none=True,
        validate=(validate.Length(1, MAX_LINK), validate.Regexp(LINK, error=NO_LINK)),
        metadata={"description": "http, https, or a path of your own site.", "example": "/orders/4711"},
    )
    image = fields.Url(schemes={"https"}, allow_none=True, validate=validate.Length(1, MAX_LINK))
    icon = Line(
        allow_none=True,
        validate=(validate.Length(1, MAX_LINK), validate.Regexp(ICON, error=NO_ICON)),
        metadata={"description": "An https address, or an emoji."},
    )
    actions = fields.List(
        fields.Nested(ActionSchema),
        validate=validate.Length(0, MAX_ACTIONS),
        metadata={"description": f"Buttons, {MAX_ACTIONS} at most."},
    )
    category = Line(
        allow_none=True,
        validate=validate.Regexp(
            r"[a-z0-9][a-z0-9_.-]{0,63}\Z", error="Must be up to 64 lower-case letters, digits and _.-"
        ),
        metadata={"description": "What it is about, for the app to sort by.", "example": "comments"},
    )
    data = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"description": "Up to 4 KB of JSON."})

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> InAppContent:
        if len(orjson.dumps(data.get("data", {}))) > MAX_DATA:
            raise ValidationError("May have 4 KB as JSON. Send an id instead.", "data")
        return InAppContent(**{**data, "actions": tuple(data.get("actions", ()))})
