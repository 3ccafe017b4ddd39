"""The text part of a mail whose sender gave only HTML: what a reader without HTML, and a spam filter, wants to see."""

import html as entities
import re

from services.email.html_tokens import TOKEN

_ATTRIBUTE = re.compile(
    r"""\s(?P<name>href|alt)\s*=\s*("(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+))""", re.IGNORECASE
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = frozenset({"head", "script", "style", "template", "title"})
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"})
_LINES = frozenset({
    "address", "article", "aside", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "form", "header", "li",
    "main", "nav", "section", "tr",
})  # fmt: skip


def plain_text(html: str) -> str:
    """The text of `html`: paragraphs apart, list items marked, links with their address, images by their text."""
    reader = _Reader()
    for token in TOKEN.finditer(html):
        if token["text"]:
            reader.read_text(_unescape(token["text"]))
        elif token["tag"]:
            reader.read_tag(token["tag"].lower(), token["attributes"], ends=bool(token["end"]))
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self._written: list[str] = []
        self._hidden_by: str | None = None
        self._link: tuple[str, int] | None = None

    def result(self) -> str:
        """What was read, without space at the ends of lines and with at most one empty line between two."""
        lines = [line.strip(" ") for line in "".join(self._written).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"

    def read_text(self, text: str) -> None:
        if self._hidden_by:
            return
        text = _SPACE.sub(" ", text)
        if not self._written or self._written[-1].endswith((" ", "\n")):
            text = text.lstrip(" ")
        if text:
            self._written.append(text)

    def read_tag(self, tag: str, attributes: str, *, ends: bool) -> None:
        if self._hidden_by:
            # The end tag of <head> may be left out.
            if (ends and tag == self._hidden_by) or tag == "body":
                self._hidden_by = None
        elif tag in _HIDDEN and not ends:
            self._hidden_by = tag
        elif tag == "br":
            self._written.append("\n")
        elif tag in _PARAGRAPHS:
            self._break("\n\n")
        elif tag in _LINES:
            self._break("\n")
            if tag == "li" and not ends:
                self._written.append("- ")
        elif tag in {"td", "th"} and not ends:
            self.read_text(" ")
        elif tag == "img":
            self.read_text(_attribute(attributes, "alt"))
        elif tag == "a" and not ends:
            self._link = (_attribute(attributes, "href"), len(self._written))
        elif tag == "a" and self._link:
            self._end_link(*self._link)

    def _end_link(self, address: str, start: int) -> None:
        self._link = None
        label = "".join(self._written[start:]).strip()
        if address.startswith(("http://", "https://")) and address != label:
            self._written.append(f" ({address})" if label else address)

    def _break(self, lines: str) -> None:
        """Begin a new line, or paragraph, unless one has just begun. A list item goes on beside its mark."""
        if self._written and self._written[-1] != "- " and not self._written[-1].endswith(lines):
            self._written.append(lines)


def _attribute(attributes: str, name: str) -> str:
    for found in _ATTRIBUTE.finditer(attributes):
        if found["name"].lower() == name:
            return _unescape(found["double"] or found["single"] or found["bare"] or "").strip()
    return ""


def _unescape(text: str) -> str:
    try:
        return entities.unescape(text)
    except ValueError:
        # A numeric reference of thousands of digits.
        return text
