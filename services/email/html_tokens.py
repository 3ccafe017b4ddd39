"""HTML as tokens. No tree is built, and reading takes time in proportion to the length of the HTML and nothing else.

What callers send is read with this and not with a parser: the standard library's takes minutes for 400 KB of
`<a href='`, and one that builds trees as browsers do can make 30 MB of 35 KB, or overflow the stack.
"""

import re

TOKEN = re.compile(
    r"""<!--.*?(?:-->|\Z)
    | <[!?][^<>]*+>
    | <(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*)(?P<attributes>(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+)>
    | (?P<text>[^<]++|<)""",
    re.DOTALL | re.VERBOSE,
)
"""One token: a tag (`end` is `/` for an end tag), a piece of `text`, or something that says nothing: a comment, a
doctype."""
