"""Writes a mail's stylesheet into its tags: mail clients drop or rewrite `<style>`.

Every start tag is styled by itself, by what its name, classes and attributes say; nothing else of the HTML changes, and
the stylesheet stays, for the clients that read it and for what cannot be written into a tag (selectors that look at
other elements, media queries). Matching a whole document would let a few KB of selectors take minutes.
"""

import re
from collections.abc import Callable

import css_inline

from services.email.html_tokens import TOKEN

_STYLESHEET = re.compile(r"<style\b[^<>]*+>([^<]*+)</style\s*>", re.IGNORECASE)
_STYLE = re.compile(r"""\sstyle\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)
_UNSTYLED = frozenset({"base", "head", "html", "link", "meta", "script", "style", "title"})
_AROUND = {
    "td": "<table><tbody><tr>{}</tr></tbody></table>",
    "th": "<table><tbody><tr>{}</tr></tbody></table>",
    "tr": "<table><tbody>{}</tbody></table>",
    "tbody": "<table>{}</table>",
    "thead": "<table>{}</table>",
    "tfoot": "<table>{}</table>",
}
_BUDGET = 8_000_000
"""Bytes of stylesheet read for one mail: half a second. A large mail takes a tenth of it."""
_GROWTH = 1_000_000
"""Bytes a mail may grow by."""


def inline_styles(html: str) -> str:
    """`html` with the rules of its own `<style>` elements in its tags; as it was where that would take too much.

    Nothing is fetched: linked stylesheets and imports are left alone.
    """
    stylesheet = "\n".join(_STYLESHEET.findall(html))
    if not stylesheet.strip():
        return html
    try:
        return TOKEN.sub(_styler(stylesheet), html)
    except _TooMuchError:
        return html


class _TooMuchError(Exception):
    """More work than a mail is worth."""


def _styler(stylesheet: str) -> Callable[[re.Match[str]], str]:
    known: dict[tuple[str, str], str | None] = {}
    written = 0

    def styled(token: re.Match[str]) -> str:
        nonlocal written
        tag, attributes = (token["tag"] or "").lower(), token["attributes"]
        if not tag or token["end"] or tag in _UNSTYLED:
            return token[0]
        if (tag, attributes) not in known:
            if len(known) * len(stylesheet) > _BUDGET:
                raise _TooMuchError
            known[tag, attributes] = _style_of(tag, attributes, stylesheet)
        style = known[tag, attributes]
        if style is None:
            return token[0]
        written += len(style)
        if written > _GROWTH:
            raise _TooMuchError
        rest = _STYLE.sub("", attributes)
        return f"<{token['tag']} style={style}{rest}>"

    return styled


def _style_of(tag: str, attributes: str, stylesheet: str) -> str | None:
    """The `style` attribute (quoted and escaped) of an element of that name with these attributes, or none."""
    element = f"<{tag}{attributes}></{tag}>"
    try:
        if tag == "body":
            document = f"<html><head><style>{stylesheet}</style></head>{element}</html>"
            styled = css_inline.inline(document, load_remote_stylesheets=False)
        else:
            fragment = _AROUND.get(tag, "{}").format(element)
            styled = css_inline.inline_fragment(fragment, stylesheet, load_remote_stylesheets=False)
    except css_inline.InlineError:
        # A style attribute that is no CSS: the tag keeps what it has.
        return None
    start = re.search(rf"<{tag}\b[^>]*>", styled)
    style = _STYLE.search(start[0]) if start else None
    return style[1] if style else None
