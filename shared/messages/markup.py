"""Plain text among Markdown: written so that nothing in it means anything but itself."""

import re

BREAK = "\u200b"
"""A zero-width space: nothing to see, and the end of a word to every parser."""

_SIGN = re.compile(r"[\\`*_\[\]>#]")
_AT_LINE_START = re.compile(r"(?m)^([ \t]*)([-+])")
_UNDERLINE = re.compile(r"(?m)^([ \t]*)(?==)")
_PAIR = re.compile(r"([~|])(?=\1)")
_OPENING = re.compile(r"<(?=\S)|&(?=#?\w+;)")


_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_SIGN_OF_URL = re.compile(r"[\\`*()\[\]|]|~(?=~)")


def url_among_markdown(text: str) -> str | None:
    """`text` as the destination of a link, if it is nothing but an address; a backslash would stay in it."""
    if not _URL.fullmatch(text):
        return None
    return _SIGN_OF_URL.sub(lambda sign: f"%{ord(sign[0]):02X}", text)


def markdown_escaped(text: str) -> str:
    """`text` as Markdown that shows it as it is.

    A backslash stands only before what every dialect takes one before; `<`, entities, `==`, `~~` and `||` are parted
    by a zero-width space instead, since some dialects would show the backslash.
    """
    escaped = _SIGN.sub(r"\\\g<0>", text)
    escaped = _AT_LINE_START.sub(r"\1\\\2", escaped)
    escaped = _UNDERLINE.sub(rf"\g<0>{BREAK}", escaped)
    escaped = _PAIR.sub(rf"\1{BREAK}", escaped)
    return _OPENING.sub(rf"\g<0>{BREAK}", escaped)
