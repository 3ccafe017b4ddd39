"""What a template cannot do: reach Python, switch escaping off, or cost more than a rendering may (security 16, 17)."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import TemplateError

Write = Callable[..., str]
LIST = '[variables.l]\ntype = "list"\nitems.type = "string"\n[sample]\nl = ["a", "b"]\n'
TEXT = '[variables.s]\ntype = "string"\n[sample]\ns = "x"\n'


@pytest.mark.parametrize(
    "source",
    [
        "{{ ().__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ().__class__.__bases__[0].__subclasses__() }}",
        "{{ brand.__class__ }}",
        "{{ brand['__init__'] }}",
        "{{ brand.items.__func__ }}",
        "{{ range.__globals__ }}",
        "{{ namespace.__init__ }}",
        "{{ self.__init__.__globals__ }}",
        "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
        "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
        "{{ 'x'|attr('__class__') }}",
        "{{ ['x']|map(attribute='__class__')|first }}",
        "{{ ['x']|sort(attribute='upper.__self__') }}",
        "{{ '{0.__class__}'.format('x') }}",
        "{{ 'x'.encode() }}",
        "{{ 'x'.format }}",
        "{{ _formats }}",
        "{{ cycler }}",
        "{{ lipsum(1) }}",
        "{{ [].append(1) }}",
        "{{ brand.update({}) }}",
        "{% include 'template.toml' ~ '' %}",
        "{% import brand.name as x %}",
        "{% include ['a', 'b'] %}",
    ],
)
def test_pythons_insides_are_out_of_reach(write: Write, source: str) -> None:
    with pytest.raises(TemplateError):
        write(source)


@pytest.mark.parametrize(
    "source", ["{{ brand.name|safe }}", "{% autoescape false %}{{ brand.name }}{% endautoescape %}"]
)
def test_escaping_cannot_be_switched_off(write: Write, source: str) -> None:
    with pytest.raises(TemplateError):
        write(source)


LOOP = "{% for i in range(1000) %}"
BIG = "{% set b = 'xxxxxxxxxxxxxxxx' %}" + "{% set b = b ~ b %}" * 12  # 64 KB


@pytest.mark.parametrize(
    "source",
    [
        "{{ 10**100000000 }}",
        "{{ 'a'.ljust(300000000) }}",
        "{{ 'a'.zfill(300000000) }}",
        "{{ 'a'|center(300000000) }}",
        "{{ 'a' * 300000000 }}",
        "{{ 300000000 * [1] }}",
        "{{ '%300000000d' % 1 }}",
        "{{ '%300000000d'|format(1) }}",
        "{{ '{:300000000}'.format(1) }}",
        "{{ 1|round(300000000, 'ceil') }}",
        "{{ 1|round(300000000) }}",
        "{{ range(300000000)|list }}",
        "{{ range(-9999999999999999999999, 9999999999999999999999)|length }}",
        "{{ [1]|batch(300000000, 'x')|list }}",
        "{{ {'a': 1}|tojson(indent=300000000) }}",
        LOOP * 3 + "x" + "{% endfor %}" * 3,
        LOOP * 3 + "{% endfor %}" * 3,
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
        "{% include 'sms.body.txt' %}{% include 'sms.body.txt' %}",
        "{% set n = namespace(x='aaaa') %}" + LOOP + "{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}" + LOOP + "{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1, 2]) %}" + LOOP + "{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='a') %}" + LOOP + "{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
        "{% set n = namespace(x=99999999999) %}" + LOOP + "{% set n.x = n.x * n.x %}{% endfor %}",
        BIG + "{{ b|replace('x', b) }}",
        BIG + "{{ [b, b, b, b, b]|join(b) }}",
        BIG + LOOP + "{{ b }}{% endfor %}",
        BIG + "{% macro m() %}" + LOOP + "{{ b }}{% endfor %}{% endmacro %}{{ m() }}",
        BIG + LOOP + "{% if b in b ~ 'y' %}{% endif %}" * 50 + "{% endfor %}",
        BIG + LOOP + "{{ b|upper|length }}{% endfor %}",
        BIG + LOOP + "{{ b.lower().upper()|length }}{% endfor %}",
        LOOP + "{% for j in range(20) %}" + "{% if i %}{% endif %}" * 400 + "{% endfor %}{% endfor %}",
        "{% macro m() %}" + "{% if 1 %}{% endif %}" * 400 + "{% endmacro %}" + LOOP + "{{ m() }}{% endfor %}",
        "{% block b %}" + "{% if 1 %}{% endif %}" * 400 + "{% endblock %}" + LOOP + "{{ self.b() }}{% endfor %}",
        "{% set x = (-30000)|_spent %}" + LOOP * 2 + "{% endfor %}" * 2,
        "{% set x = [-30000]|map('_spent')|list %}" + LOOP * 2 + "{% endfor %}" * 2,
        "{{ " + "(" * 5000 + " }}",
        "{{ " + "-" * 20000 + "1 }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ 1 / 0 }}",
    ],
)  # fmt: skip
def test_what_could_explode_is_refused(write: Write, source: str) -> None:
    """In the process itself, without the child that strangers' templates run in first."""
    with pytest.raises(TemplateError):
        write(source)


@pytest.mark.parametrize(("marks", "says"), [(5_000, "too much work"), (20_000, "256 KB")])
def test_the_numbers_in_plurals_are_measured_before_they_are_written(write: Write, marks: int, says: str) -> None:
    numbers = "range(1000000000000000000, 1000000000000001000)"
    source = f"{{{{ {numbers}|map('plural', one='a', other='{'#' * marks}')|list|length }}}}"
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError, match=says):
            write(source)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_a_template_as_big_as_they_come_is_fine(write: Write) -> None:
    """The meter leaves room for two hundred rows of a few expressions each."""
    rows = "{% for i in range(200) %}" + "{{ i }} {{ 'x'|upper }} {% if i %}a{% endif %} " * 5 + "{% endfor %}"
    assert len(write(rows)) > 200 * 5


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ l|join(', ') }} {{ l|length }} {{ l[0]|upper }} {{ l.index('b') }}", "a, b 2 A 1"),
        ("{% for x in l %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "1a,2b"),
        ("{{ 'a b'.split()|last }} {{ 'ab'.startswith('a') }} {{ ' x '.strip() ~ 1 ~ 2.5 }}", "b True x12.5"),
        ("{{ 7 // 2 + 1 - 3 * 2 }} {{ 7 % 4 }} {{ 1 / 2 }} {{ 2.345|round(1) }}", "-2 3 0.5 2.3"),
        ("{% set n = namespace(t=0) %}{% for x in range(4) %}{% set n.t = n.t + x %}{% endfor %}{{ n.t }}", "6"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{{ {'items': 3}.items }}", "3"),
        ("{{ l|tojson }} {{ '</script>'|tojson }}", '["a", "b"] "\\u003c/script\\u003e"'),
        ("{{ 'abab'|replace('a', 'c') }} {{ 'abc'|truncate(2, true, '', 0) }}", "cbcb ab"),
        ("{{ l is defined }}{{ 'x' if nope }} {{ nope is none }} {{ nope or '-' }}", "True True -"),
    ],
)  # fmt: skip
def test_what_people_need_is_there(write: Write, source: str, expected: str) -> None:
    manifest = LIST.replace("[sample]", '[variables.nope]\ntype = "string"\nrequired = false\n[sample]')
    assert write(source, manifest) == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ o }}", "empty value"),
        ("{{ l }}", "list"),
        ("{{ d }}", r"\|date"),
        ("{{ m }}", r"\|money"),
        ("{{ l.index }}", r"call it with \(\)"),
        ("{{ m.amuont }}", "amuont"),
    ],
)
def test_nothing_unreadable_is_sent(write: Write, source: str, says: str) -> None:
    """No reader ever sees `None`, `[1, 2]` or `Money(amount=…)`: the author is told what to write."""
    manifest = (
        '[variables]\no = { type = "string", required = false }\nd = { type = "date" }\nm = { type = "money" }\n'
        'l = { type = "list", items = { type = "string" } }\n'
        '[sample]\nd = "2026-03-01"\nm = { amount = 1, currency = "EUR" }\nl = ["a"]\n'
    )
    with pytest.raises(TemplateError, match=says):
        write(source, manifest)


def test_markup_in_data_is_escaped_in_html_only(template: Callable[..., Any], brand: Any) -> None:
    """Security 18."""
    made = template(
        {
            "email.subject.txt": "{{ s }}",
            "email.body.txt": "{{ s }}",
            "email.body.html": "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}"
            "<b title='{{ s }}'>{{ s ~ '<' }}{{ m(s) }}</b>",
        },
        TEXT,
    )
    content = made.render("email", {"s": "<script>'\"&"}, {}, brand)
    assert content.subject == "<script>'\"&"
    assert content.text == "<script>'\"&\n"
    escaped = "&lt;script&gt;&#39;&#34;&amp;"
    assert content.html == f"<b title='{escaped}'>{escaped}&lt;<i>{escaped}</i></b>"
