"""The stylesheet in the tags: what css-inline would do to the finished page is done to the source."""

import re

import css_inline
import pytest

from shared.errors import TemplateError
from shared.templates.inline import inline_styles

SHEET = """
.a { color: {{ brand.accent }}; font-family: 'Segoe UI', Arial }
td.b, .c { padding: 0 3px }
a { text-decoration: none }
a:hover { color: red }
.a { margin: 0 }
.outer .a { border: 0 }
@media (max-width: 600px) { .a { margin: 9px } }
"""


def inlined(source: str) -> str:
    return inline_styles(source, SHEET, "x.html")


def test_a_page_comes_out_as_css_inline_has_it() -> None:
    page = (
        '<html><head></head><body class="c"><table class="a" style="margin: 4px"><tbody><tr class="c">'
        '<td class="b a">x</td><th class="b">y</th></tr></tbody></table><a class="b" href="#">z</a><br>'
        '<img src="x" class="c"><p class=c>q</p></body></html>'
    )
    sheet = SHEET.replace("{{ brand.accent }}", "#123456").replace(".outer .a { border: 0 }", "")
    whole = css_inline.inline(page.replace("</head>", f"<style>{sheet}</style></head>"))
    styles = re.compile(r'<(\w+)[^>]*? style="([^"]*)"')
    ours = styles.findall(inline_styles(page, sheet, "x.html"))
    assert sorted(ours) == sorted(styles.findall(whole))
    assert len(ours) == 7


def test_jinja_stays_what_it_was() -> None:
    source = (
        '{% macro row(x) %}<td class="b" align="{{ "right" if x > 1 else \'left\' }}">{{ x }}</td>{% endmacro %}\n'
        '{# <td class="a"> #}{% if a > b %}<p\n  class="a"\n>{{ "<td class=\'a\'>" }}</p>{% endif %}'
    )
    result = inlined(source)
    assert '<td style="padding: 0 3px;" class="b" align="{{ "right" if x > 1 else \'left\' }}">{{ x }}</td>' in result
    assert '{# <td class="a"> #}{% if a > b %}' in result
    assert "{{ \"<td class='a'>\" }}" in result
    assert 'style="color: {{ brand.accent }};' in result
    assert result.count("\n") == source.count("\n")


def test_an_own_style_wins_and_keeps_its_jinja() -> None:
    result = inlined('<p class="a" style="margin: {{ n }}px; width: {{ w }}%">x</p>')
    assert "margin: {{ n }}px" in result
    assert "width: {{ w }}%" in result
    assert "color: {{ brand.accent }}" in result
    assert result.count("style=") == 1


@pytest.mark.parametrize(
    "source",
    [
        '<!--[if mso]><table class="a"><tr><td class="b"><![endif]-->',
        '<style>.a > td { color: "<td class=b>" }</style>',
        "<p>no class</p>",
        "a < b and c > d",
        '<title class="a">x</title>',
    ],
)
def test_the_rest_is_left_alone(source: str) -> None:
    assert inlined(source) == source


@pytest.mark.parametrize(
    "tag",
    ['<p class="a {{ x }}">', "<p {% if x %}class='a'{% endif %}>", "<p {{ attributes }}>", "<p class=a{{ x }}>"],
)
def test_classes_that_are_not_written_out_are_refused(tag: str) -> None:
    """They could not be styled here, and the mail would be ugly without anybody knowing why."""
    with pytest.raises(TemplateError, match="write out") as raised:
        inlined(f"{{{{ a\n}}}}\n\n{tag}")
    assert (raised.value.file, raised.value.line) == ("x.html", 4)
