"""Writes the stylesheet into the tags, in the source of a template: once when it is compiled, not once a message.

Mail clients drop or rewrite `<style>`, so what a mail looks like has to be in `style` attributes. Every start tag
is styled by itself, by what its name, classes and attributes say, and only its `style` attribute is rewritten:
blocks, macros and loops stay as they are, and so do the line numbers that errors name. Selectors that look at
other elements (`.a .b`) never match here; they and media queries belong in a `<style>` of the layout.
"""

import re
from secrets import token_hex

import css_inline

from shared.errors import TemplateError

_JINJA = re.compile(
    r"""\{\#.*?\#\}|\{\{(?:"[^"]*"|'[^']*'|(?!\}\}).)*\}\}|\{%(?:"[^"]*"|'[^']*'|(?!%\}).)*%\}""", re.DOTALL
)
# A comment (conditional ones for Outlook among them) and what <style> holds are passed over as they are.
_SKIP_OR_TAG = re.compile(
    r"""<!--.*?-->|<style\b.*?</style\s*>|<([a-zA-Z][a-zA-Z0-9]*)((?:[\s/](?:"[^"]*"|'[^']*'|[^"'<>])*)?)>""",
    re.DOTALL,
)
_STYLE = re.compile(r"""(\sstyle\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_VALUE = re.compile(r"""=\s*(?:"[^"]*"|'[^']*')""")
_CLASS = re.compile(r"""\sclass\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
_AROUND = {
    "td": "<table><tbody><tr>{}</tr></tbody></table>",
    "th": "<table><tbody><tr>{}</tr></tbody></table>",
    "tr": "<table><tbody>{}</tbody></table>",
    "tbody": "<table>{}</table>",
    "thead": "<table>{}</table>",
    "tfoot": "<table>{}</table>",
}
_DOCUMENT = ("html", "head", "body", "title", "meta", "link", "base", "script")
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def inline_styles(source: str, stylesheet: str, file: str) -> str:
    """`source` (HTML with Jinja2 in it) with the rules of `stylesheet` written into its tags.

    Jinja2 may stand in attribute values and in values of the stylesheet; it is put aside while tags are read.
    `TemplateError`, with the line of `file`, where it decides which attributes or classes a tag has.
    """
    aside: list[str] = []
    mark = f"j{token_hex(4)}x"

    def put_aside(match: re.Match[str]) -> str:
        aside.append(match[0])
        return f"{mark}{len(aside) - 1}x"

    def restored(text: str) -> str:
        return re.sub(rf"{mark}(\d+)x", lambda match: aside[int(match[1])], text)

    masked, css = _JINJA.sub(put_aside, source), _JINJA.sub(put_aside, stylesheet)
    seen: dict[tuple[str, str], str | None] = {}

    def styled(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        name, attributes = match[1].lower(), match[2].rstrip("/")
        if name in _DOCUMENT and name != "body":
            return match[0]
        classes = _CLASS.search(attributes)
        if mark in _VALUE.sub("", attributes) or (classes and mark in classes[1]):
            line = restored(masked[: match.start()]).count("\n") + 1
            raise TemplateError(
                f"<{match[1]}>: write out its attributes and classes; only values can come from Jinja2.",
                file=file,
                line=line,
            )
        if (name, attributes) not in seen:
            seen[name, attributes] = _style(name, attributes, css)
        return _with_style(match[0], match[1], seen[name, attributes])

    return restored(_SKIP_OR_TAG.sub(styled, masked))


def _style(name: str, attributes: str, css: str) -> str | None:
    """The `style` attribute (quoted, escaped) an element of that name and these attributes gets, or none."""
    if name == "body":
        html = _inliner.inline(f"<html><head><style>{css}</style></head><body{attributes}></body></html>")
    else:
        element = f"<{name}{attributes}></{name}>"
        html = css_inline.inline_fragment(_AROUND.get(name, "{}").format(element), css, load_remote_stylesheets=False)
    tag = re.search(rf"<{name}\b[^>]*>", html)
    style = _STYLE.search(tag[0]) if tag else None
    return style[2] if style else None


def _with_style(tag: str, name: str, style: str | None) -> str:
    if style is None:
        return tag
    if _STYLE.search(tag):
        return _STYLE.sub(lambda match: match[1] + style, tag, count=1)
    return f"<{name} style={style}{tag[len(name) + 1 :]}"
