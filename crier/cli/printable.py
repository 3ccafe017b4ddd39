"""Text from elsewhere, fit for a terminal."""

import re

# No escape sequence may reach the terminal: it could rewrite what stands there, or what is typed next.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` with control characters made visible; tabs and line breaks stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The same, on one line."""
    return printable(" ".join(text.split()))
