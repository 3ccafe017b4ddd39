"""A chat message's Markdown, as far as a preview shows it: bold, italics, code, links. The rest is as written."""

import re

from markupsafe import Markup, escape

_MARKS = re.compile(
    r"\\(?P<sign>[!-/:-@\[-`{-~])"
    r"|\*\*(?P<bold>[^*\n]+)\*\*"
    r"|(?<![*\w])\*(?P<italic>[^*\n]+)\*(?![*\w])"
    r"|`(?P<code>[^`\n]+)`"
    r"|\[(?P<words>[^\]\n]+)\]\((?P<url>https?://[^\s()<>\"]+)\)"
)


def marked_up(text: str) -> Markup:
    """`text` as HTML. Whatever is in it, nothing but these elements comes out."""
    parts: list[Markup] = []
    end = 0
    for found in _MARKS.finditer(text):
        parts += (escape(text[end : found.start()]), _element(found))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def _element(found: re.Match[str]) -> Markup:
    if found["sign"]:
        return escape(found["sign"])
    if found["bold"]:
        return Markup("<strong>{}</strong>").format(marked_up(found["bold"]))
    if found["italic"]:
        return Markup("<em>{}</em>").format(marked_up(found["italic"]))
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    link = '<a href="{}" target="_blank" rel="noreferrer">{}</a>'
    return Markup(link).format(found["url"], marked_up(found["words"]))  # noqa: S704  (a constant)
