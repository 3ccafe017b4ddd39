"""A mail as a test reads it: its tags, its texts, and what stands around each of them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

Attributes = dict[str, str | None]
VOID = {"meta", "br", "img", "link", "input", "hr", "source"}
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


class Reader(HTMLParser):
    """Collects what a mail consists of and refuses tags that do not close.

    Attributes:
        tags: every start tag with its attributes.
        nodes: every text a reader sees, with the tags around it from the outside in.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, Attributes]] = []
        self.nodes: list[tuple[str, list[tuple[str, Attributes]]]] = []
        self._open: list[tuple[str, Attributes]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(self.tags[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "title"} & {tag for tag, _ in self._open}:
            self.nodes.append((data, list(self._open)))

    @property
    def text(self) -> str:
        """All texts."""
        return "".join(text for text, _ in self.nodes)

    @property
    def shown(self) -> Iterator[tuple[str, list[tuple[str, Attributes]]]]:
        """The texts of the page itself, without what only the inbox shows beside the subject."""
        for text, around in self.nodes:
            if not any(attributes.get("class") == "preheader" for _, attributes in around):
                yield text, around

    def all(self, tag: str) -> list[Attributes]:
        """The attributes of every `tag`."""
        return [attributes for name, attributes in self.tags if name == tag]

    def colours(self, *, dark: bool) -> Iterator[tuple[str, str, str]]:
        """Each text with its colour and that of what it stands on, `#rrggbb`."""
        sheet = _sheet(self.html) if dark else {}
        for text, around in self.shown:
            colour, ground = "", ""
            for _, attributes in around:
                colour = _value(attributes, "color", sheet) or colour
                ground = _value(attributes, "background-color", sheet) or ground
            yield text.strip(), colour, ground


def _value(attributes: Attributes, name: str, sheet: dict[tuple[str, str], str]) -> str | None:
    for css_class in reversed((attributes.get("class") or "").split()):
        if (css_class, name) in sheet:
            return sheet[css_class, name]
    own = re.search(rf"(?<![\w-]){name}: (#[0-9a-f]{{6}})", attributes.get("style") or "")
    return own[1] if own else None


def _sheet(html: str) -> dict[tuple[str, str], str]:
    """What the dark changes, by class and property."""
    found = _DARK.search(html)
    assert found
    return {
        (selector.strip().removeprefix("."), name.strip()): value.replace("!important", "").strip()
        for selectors, rules in _RULE.findall(found[1])
        for selector in selectors.split(",")
        for name, _, value in (rule.partition(":") for rule in rules.split(";") if rule.strip())
    }
