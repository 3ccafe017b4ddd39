"""The chat services there are: a row for each that Apprise speaks to and that was looked at here.

A row is of a service that takes a message by one request, so that one answer says what became of it. What a URL may
carry besides (`?thread=…`) is listed too: among Apprise's options are files to read and certificates not to check.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


def _as_it_is(body: bytes) -> bytes:
    return body


def _slack(body: bytes) -> bytes:
    """Slack's special mentions begin with `<!` and `<@`, whoever wrote them: https://docs.slack.dev/messaging/formatting-message-text."""
    return body.replace(b"<!", b"&lt;!").replace(b"<@", b"&lt;@")


def _discord(body: bytes) -> bytes:
    """https://discord.com/developers/docs/resources/message#allowed-mentions-object.

    What Apprise makes of each @ beside the embed goes too, and so does the author, whose address would be empty.
    """
    asked = orjson.loads(body)
    for embed in asked.get("embeds", ()):
        embed.pop("author", None)
    kept = {name: value for name, value in asked.items() if name not in ("content", "allow_mentions")}
    return orjson.dumps(kept | {"allowed_mentions": {"parse": []}})


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A chat service.

    Parameters:
        name: as Crier writes it. title: as people do.
        schemas: what its URLs begin with. form: how they are written.
        plugin: Apprise's module, and the class in it.
        options: what a URL's query may hold. native: what besides, in a webhook's as its vendor shows it.
        always: what is asked of the plugin besides what the URL says.
        hosted: the URL names the server, which is anybody's.
        dialect: `markdown` where plain text is shown as Markdown too, so that it has to be escaped.
        plain_title: a title is shown as it is nevertheless.
        longest: characters of a body, where Apprise's own limit is another one's.
        quiet: takes from a request what would ping people.
    """

    name: str
    title: str
    schemas: tuple[str, ...]
    form: str
    plugin: tuple[str, str]
    options: frozenset[str] = frozenset()
    native: frozenset[str] = field(default=frozenset(), kw_only=True)
    always: Mapping[str, Any] = field(default_factory=dict)
    hosted: bool = False
    dialect: str = "plain"
    plain_title: bool = field(default=False, kw_only=True)
    longest: int | None = None
    quiet: Callable[[bytes], bytes] = _as_it_is


_LISTED = (
    Service(
        "slack", "Slack", ("slack",), "slack://TOKEN_A/TOKEN_B/TOKEN_C, or slack://xoxb-…/CHANNEL",
        ("slack", "NotifySlack"), frozenset({"mode"}), {"include_footer": False}, quiet=_slack,
    ),
    Service(
        "discord", "Discord", ("discord",), "discord://WEBHOOK_ID/WEBHOOK_TOKEN", ("discord", "NotifyDiscord"),
        frozenset({"thread", "href"}),
        # An embed, which shows the level; one, however many headings the text has.
        {"format": "markdown", "fields": False, "avatar": False}, dialect="markdown", longest=4000, quiet=_discord,
        native=frozenset({"wait"}),
    ),
    Service(
        "telegram", "Telegram", ("tgram",), "tgram://BOT_TOKEN/CHAT_ID", ("telegram", "NotifyTelegram"),
        frozenset({"silent", "preview", "topic", "thread"}), {"detect_owner": False, "mdv": "v2"}, dialect="markdown",
    ),
    Service(
        "teams", "Microsoft Teams", ("workflows", "workflow"), "workflows://HOST/WORKFLOW_ID/SIGNATURE",
        ("workflows", "NotifyWorkflows"), frozenset({"pa", "powerautomate", "route", "routeid", "ver", "api-version"}),
        hosted=True, dialect="markdown", longest=4000, native=frozenset({"sp", "sv", "sig"}),
    ),
    Service(
        "googlechat", "Google Chat", ("gchat",), "gchat://WORKSPACE/KEY/TOKEN", ("google_chat", "NotifyGoogleChat"),
        frozenset({"thread"}), native=frozenset({"key", "token", "threadkey", "messagereplyoption"}),
    ),
    Service(
        "webex", "Webex", ("webex", "wxteams"), "webex://WEBHOOK_TOKEN", ("webexteams", "NotifyWebexTeams"),
        dialect="markdown",
    ),
    Service(
        "zulip", "Zulip", ("zulip",), "zulip://BOT@ORGANISATION/TOKEN/CHANNEL", ("zulip", "NotifyZulip"),
        # A title is the topic.
        always={"format": "markdown"}, dialect="markdown", plain_title=True,
    ),
    Service(
        "mattermost", "Mattermost", ("mmosts", "mmost"), "mmosts://HOST/TOKEN", ("mattermost", "NotifyMattermost"),
        frozenset({"channel", "channels"}), {"format": "markdown"}, hosted=True, dialect="markdown",
    ),
    Service(
        "rocketchat", "Rocket.Chat", ("rockets", "rocket"), "rockets://WEBHOOK_A/WEBHOOK_B@HOST",
        ("rocketchat", "NotifyRocketChat"), hosted=True, dialect="markdown",
    ),
    Service(
        "nextcloudtalk", "Nextcloud Talk", ("nctalks", "nctalk"), "nctalks://USER:PASSWORD@HOST/ROOM",
        ("nextcloudtalk", "NotifyNextcloudTalk"), always={"format": "markdown"}, hosted=True, dialect="markdown",
    ),
    Service(
        "synology", "Synology Chat", ("synologys", "synology"), "synologys://HOST/TOKEN",
        ("synology", "NotifySynology"), hosted=True,
    ),
    Service(
        "ntfy", "ntfy", ("ntfys", "ntfy"), "ntfys://HOST/TOPIC", ("ntfy", "NotifyNtfy"),
        # Apprise adds the mode itself.
        frozenset({"priority", "tags", "token", "auth"}), hosted=True, native=frozenset({"mode"}),
    ),
    Service(
        "gotify", "Gotify", ("gotifys", "gotify"), "gotifys://HOST/TOKEN", ("gotify", "NotifyGotify"),
        frozenset({"priority"}), hosted=True,
    ),
    Service(
        "json", "The server", ("jsons", "json"), "jsons://HOST/PATH", ("custom_json", "NotifyJSON"),
        hosted=True,
    ),
)  # fmt: skip

SERVICES: Mapping[str, Service] = {service.name: service for service in _LISTED}
SCHEMAS: Mapping[str, Service] = {schema: service for service in _LISTED for schema in service.schemas}

ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("mailto", "mailtos", "sendgrid", "mailgun", "ses", "postmark", "brevo", "resend"), "email"),
    **dict.fromkeys(("sms", "twilio", "vonage", "sns", "sinch", "plivo", "bulksms", "clickatell"), "sms"),
    **dict.fromkeys(("whatsapp",), "whatsapp"),
    **dict.fromkeys(("fcm", "onesignal", "pbul", "pover"), "push"),
}
"""Schemas of Apprise's that are another channel's here."""
