"""What is handed to Apprise of a message: words that ping nobody, in the format its plugin is best at."""

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, NamedTuple

from shared.chat.services import Service
from shared.messages.chat import ChatContent
from shared.messages.markup import BREAK, markdown_escaped

# Apprise reads entities when it turns HTML into what a service takes, so they are read here too, as browsers do.
_AT = (  # @everyone, @here, <@U123>, @**all**, @"group/staff"; not ada@example.com
    rf"(?<![^\W_])(?:@|&(?:commat;|#0*64(?!\d);?|#x0*40(?![\da-f]);?))(?=[^\s{BREAK}])"
)
_BRACKET = r"(?:<|&(?:lt;?|#0*60(?!\d);?|#x0*3c(?![\da-f]);?))(?=[!@&]|users/|/?at\b)"  # <!channel>, <users/all>, <at>
_MENTION = re.compile(rf"(?P<address>https?://[^\s<>()\[\]\"]+)|{_AT}|{_BRACKET}", re.IGNORECASE)
_AT_SIGN = re.compile(_AT, re.IGNORECASE)
_ROOM = 16
"""Characters left for what Apprise puts between a title and a body."""


_ESCAPED: Mapping[str, Callable[[str], str]] = {"text": str, "markdown": markdown_escaped, "html": escape}


class Words(NamedTuple):
    """A title and a body in one of Apprise's formats; `shortened` when they had more to say."""

    title: str
    body: str
    format: str
    shortened: bool


def unmentioned(text: str) -> str:
    """`text` without what would ping people: whoever wrote it, a name or a comment in it may be a stranger's."""
    return _MENTION.sub(_broken, text)


def _broken(found: re.Match[str]) -> str:
    if found["address"]:
        # It leads where it led.
        return _AT_SIGN.sub("%40", found["address"])
    return found[0] + BREAK


def words_for(content: ChatContent, service: Service, plugin: Any) -> Words:
    """What `plugin` is given, within the length that it says its service takes."""
    kind = content.format
    title, body = unmentioned(content.title or ""), unmentioned(content.body)
    most = max(1, int(plugin.body_maxlen) - len(title) - _ROOM)
    if shortened := len(body) > most:
        body = body[: most - 1].rstrip() + "…"
    if kind == "text" and service.dialect == "markdown":
        # It is shown as Markdown whatever it is called.
        kind, body = "markdown", markdown_escaped(body)
    if plugin.title_maxlen <= 0:
        # It becomes a part of the body.
        title = _ESCAPED[kind](title)
    elif service.dialect == "markdown" and not service.plain_title:
        title = markdown_escaped(title)
    return Words(title, body, kind, shortened)
