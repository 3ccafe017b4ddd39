"""What a client asks for, as types: an editor completes them, and mypy refuses what the gateway would refuse.

A test compares them with the gateway's own schemas, where every field is described.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, Required, TypeAlias, TypedDict
from uuid import UUID

Channel: TypeAlias = Literal["email", "sms", "whatsapp", "push", "inapp", "webhook", "chat"]
Lane: TypeAlias = Literal["critical", "normal", "bulk"]
Kind: TypeAlias = Literal["transactional", "promotion"]
OnUnknown: TypeAlias = Literal["resend", "hold"]
Until: TypeAlias = Literal["sent", "delivered", "opened", "clicked"]
Platform: TypeAlias = Literal["android", "ios", "web"]
Moment: TypeAlias = datetime | str
"""A datetime with its offset, or RFC 3339 text."""


class Recipient(TypedDict, total=False):
    """Whom it goes to: `user_id`, or `email`, `phone`, push `tokens` or `topic`, a webhook's `endpoint`, a `chat`."""

    email: str
    phone: str
    user_id: str
    name: str
    locale: str
    timezone: str
    tokens: Sequence[str]
    topic: str
    endpoint: str
    chat: str
    unsubscribe_url: str


class Row(TypedDict):
    """One recipient of many. Its data and metadata are laid over what all of them share."""

    to: Recipient
    data: NotRequired[Mapping[str, Any]]
    metadata: NotRequired[Mapping[str, str]]
    ordering_key: NotRequired[str | None]


class Digest(TypedDict, total=False):
    """That it is collected with others: for a `window` such as `30m`, or until `at`, a time of day such as `08:00`.

    key: what is collected together; whatever has the same template, when None.
    """

    window: str
    at: str
    key: str


class Attachment(TypedDict):
    """A file sent along. `content` is base64; with a `content_id` the HTML shows it as `<img src="cid:…">`."""

    filename: str
    content_type: str
    content: str
    content_id: NotRequired[str]


class EmailContent(TypedDict, total=False):
    """A mail: `text`, `html` or both."""

    subject: Required[str]
    text: str
    html: str
    reply_to: str
    cc: Sequence[str]
    bcc: Sequence[str]
    headers: Mapping[str, str]
    attachments: Sequence[Attachment]
    tags: Sequence[str]


class SmsContent(TypedDict):
    """The text of an SMS."""

    body: str


class WhatsAppContent(TypedDict, total=False):
    """A text, or an approved template with its variables."""

    body: str
    content_sid: str
    variables: Mapping[str, str]
    media_url: str


class AndroidOptions(TypedDict, total=False):
    """What only Android shows."""

    channel_id: str
    color: str


class IosOptions(TypedDict, total=False):
    """What only Apple's systems show."""

    subtitle: str
    category: str
    thread_id: str
    interruption_level: Literal["passive", "active", "time-sensitive", "critical"]


class PushContent(TypedDict, total=False):
    """What the lock screen shows, and what the app gets."""

    title: Required[str]
    body: Required[str]
    image: str
    icon: str
    link: str
    data: Mapping[str, str]
    badge: int
    sound: str
    collapse_key: str
    ttl: int
    priority: Literal["high", "normal"]
    android: AndroidOptions
    ios: IosOptions


class Action(TypedDict):
    """A button of an in-app notification."""

    label: str
    link: str


class InAppContent(TypedDict, total=False):
    """What an inbox shows. All of it is plain text; links are http, https, or a path of your own site."""

    title: Required[str]
    body: str
    link: str
    image: str
    icon: str
    actions: Sequence[Action]
    category: str
    data: Mapping[str, str]


class WebhookContent(TypedDict, total=False):
    """What happened: a dotted name, and what there is to say of it."""

    type: Required[str]
    data: Mapping[str, Any]


class ChatContent(TypedDict, total=False):
    """A message in a channel, and what kind of news it is."""

    title: str
    body: Required[str]
    format: Literal["text", "markdown", "html"]
    level: Literal["info", "success", "warning", "failure"]


class ContentByChannel(TypedDict, total=False):
    """What each step of a chain sends."""

    email: EmailContent
    sms: SmsContent
    whatsapp: WhatsAppContent
    push: PushContent
    inapp: InAppContent
    webhook: WebhookContent
    chat: ChatContent


Content: TypeAlias = (
    EmailContent
    | SmsContent
    | WhatsAppContent
    | PushContent
    | InAppContent
    | WebhookContent
    | ChatContent
    | ContentByChannel
)


class Envelope(TypedDict, total=False):
    """What is the same for one recipient and for many. None is as if it were left out.

    template, data: the name of a template, and its variables.
    content, kind: what is sent instead of a template; `transactional` unless said otherwise. Of a chain: by channel.
    category: what `content` is about, of which people may choose.
    lane: how urgent it is. By default codes are critical, and promotions bulk.
    send_at, expires_at: not before, and never after this moment.
    on_unknown: what is done when nobody knows whether it was sent. By default codes and promotions are held.
    metadata: strings of your own, given back with the notification.
    """

    template: str | None
    data: Mapping[str, Any] | None
    content: Content | None
    kind: Kind | None
    category: str | None
    lane: Lane | None
    send_at: Moment | None
    expires_at: Moment | None
    on_unknown: OnUnknown | None
    metadata: Mapping[str, str] | None


class Filters(TypedDict, total=False):
    """Which notifications a list shows. None is as if it were left out."""

    state: str | None
    channel: Channel | None
    template: str | None
    batch_id: str | UUID | None
    recipient: str | None
    accepted_after: Moment | None
    accepted_before: Moment | None


EmailIdentity = TypedDict("EmailIdentity", {"from": str, "name": str, "reply_to": str}, total=False)


class SmsIdentity(TypedDict, total=False):
    """Who SMS come from, by ISO 3166 country; `*` for all others."""

    senders: Mapping[str, str]


class Brand(TypedDict, total=False):
    """What templates show of the product."""

    name: str
    accent: str
    accent_dark: str
    logo_url: str
    logo_dark_url: str
    website: str
    support_email: str
    postal_address: str
    footer: str
    locale: str


class Identity(TypedDict, total=False):
    """Who a project's messages come from. What is left out is the installation's."""

    email: EmailIdentity
    sms: SmsIdentity
    brand: Brand
