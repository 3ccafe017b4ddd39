"""What a push notification is: the content a caller or a template gives, and the message a provider sends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, post_load, validate

from shared.messages.fields import Line

MAX_TTL = 2_419_200
"""Seconds, four weeks: the longest any vendor keeps a push."""
TOPIC = "/topics/"
"""What the target of a push to a topic begins with; no device's token does."""
PRIORITIES = ("high", "normal")
INTERRUPTION_LEVELS = ("passive", "active", "time-sensitive", "critical")
"""https://developer.apple.com/documentation/usernotifications/unnotificationinterruptionlevel"""
ICON = re.compile(r"(https://.+|[a-z][a-z0-9_]*)\Z")
"""An address, or a drawable, which is named like its file:
https://developer.android.com/guide/topics/resources/providing-resources"""
NO_ICON = "Must be an https address, for browsers, or the name of a drawable of the Android app, such as ic_bell."


@dataclass(frozen=True, slots=True)
class AndroidOptions:
    """What only Android shows. `channel_id` is a notification channel the app made, `color` is `#rrggbb`."""

    channel_id: str | None = None
    color: str | None = None


@dataclass(frozen=True, slots=True)
class IosOptions:
    """What only Apple's systems show. `category` names actions the app declares, `thread_id` groups notifications."""

    subtitle: str | None = None
    category: str | None = None
    thread_id: str | None = None
    interruption_level: str | None = None


@dataclass(frozen=True, slots=True)
class PushContent:
    """What the lock screen shows, and what the app gets.

    Parameters:
        image: https address of a large picture.
        icon: a small one: the name of a drawable of the Android app, or an https address for browsers.
        link: what opens when it is tapped.
        badge: the count on the app's icon.
        sound: `default`, or the name of a sound file in the app.
        collapse_key: a later push with the same key takes this one's place.
        ttl: seconds a vendor keeps it for a device that cannot be reached.
        priority: `high` wakes the device, `normal` waits until it wakes; None goes by the lane.
    """

    title: str
    body: str
    image: str | None = None
    icon: str | None = None
    link: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    badge: int | None = None
    sound: str | None = None
    collapse_key: str | None = None
    ttl: int | None = None
    priority: str | None = None
    android: AndroidOptions | None = None
    ios: IosOptions | None = None


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One push to one device or one topic, ready for a provider.

    Parameters:
        token: the device's, or `/topics/` and the name of a topic.
        ttl: seconds until it is worthless.
    """

    delivery_id: UUID
    token: str
    content: PushContent
    ttl: float | None = None
    urgent: bool = True

    @property
    def topic(self) -> str | None:
        """The topic it goes to, if it goes to one."""
        return self.token.removeprefix(TOPIC) if self.token.startswith(TOPIC) else None


class AndroidOptionsSchema(Schema):
    """The `android` of a push."""

    channel_id = Line(allow_none=True, validate=validate.Length(1, 200))
    color = fields.String(
        allow_none=True, validate=validate.Regexp(r"#[0-9a-fA-F]{6}\Z", error="Must be a colour such as #1f6feb.")
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> AndroidOptions:
        return AndroidOptions(**data)


class IosOptionsSchema(Schema):
    """The `ios` of a push."""

    subtitle = Line(allow_none=True, validate=validate.Length(1, 200))
    category = Line(allow_none=True, validate=validate.Length(1, 200))
    thread_id = Line(allow_none=True, validate=validate.Length(1, 200))
    interruption_level = fields.String(
        allow_none=True,
        validate=validate.OneOf(INTERRUPTION_LEVELS, error=f"Must be one of {', '.join(INTERRUPTION_LEVELS)}."),
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> IosOptions:
        return IosOptions(**data)


class PushContentSchema(Schema):
    """The `content` of a push notification."""

    title = Line(required=True, validate=validate.Length(1, 200))
    body = fields.String(required=True, validate=validate.Length(1, 2000))
    image = fields.Url(schemes={"https"}, allow_none=True)
    icon = Line(allow_none=True, validate=(validate.Length(1, 1000), validate.Regexp(ICON, error=NO_ICON)))
    link = Line(allow_none=True, validate=validate.Length(1, 1000))
    data = fields.Dict(keys=fields.String(), values=fields.String())
    badge = fields.Integer(allow_none=True, strict=True, validate=validate.Range(0))
    sound = Line(allow_none=True, validate=validate.Length(1, 200))
    collapse_key = Line(allow_none=True, validate=validate.Length(1, 64))
    ttl = fields.Integer(allow_none=True, strict=True, validate=validate.Range(0, MAX_TTL))
    priority = fields.String(
        allow_none=True, validate=validate.OneOf(PRIORITIES, error=f"Must be one of {', '.join(PRIORITIES)}.")
    )
    android = fields.Nested(AndroidOptionsSchema, allow_none=True)
    ios = fields.Nested(IosOptionsSchema, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> PushContent:
        return PushContent(**data)
