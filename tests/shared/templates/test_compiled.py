"""Compiling and rendering: errors by file and line, headers on one line, many threads at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.errors import TemplateError
from shared.messages.email import EmailContent
from shared.messages.push import PushContent
from shared.messages.sms import SmsContent
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle

MULTILINE = '[variables.s]\ntype = "string"\nmultiline = true\n[sample]\ns = "x"\n'
MAIL = {"email.subject.txt": "Hi", "email.body.txt": "Hi"}
PUSH = {"push.title.txt": "Hi", "push.body.txt": "Hi"}


def test_equal_bundles_are_compiled_once(catalogue: dict[str, Bundle]) -> None:
    bundle = catalogue["welcome"]
    assert compile_bundle(bundle) is compile_bundle(Bundle.from_json(bundle.to_json()))


@pytest.mark.parametrize("breaks", ["\n", "\r", "\r\nBcc: x@example.com", "\x85", "\u2028", "\u2029", "\v", "\x1c"])
@pytest.mark.parametrize(
    ("channel", "files"),
    [
        ("email", MAIL | {"email.subject.txt": "Hello {{ s }} there"}),
        ("push", PUSH | {"push.title.txt": "{{ s }}"}),
        ("push", PUSH | {"push.link.txt": "https://x/{{ s }}"}),
    ],
)
def test_a_line_break_never_reaches_a_header(
    template: Callable[..., Template], brand: Brand, channel: str, files: dict[str, str], breaks: str
) -> None:
    """Security 12, even where the data came past the check."""
    made = template(files, MULTILINE.replace("multiline = true\n", ""))
    with pytest.raises(TemplateError, match="single line"):
        made.render(channel, {"s": f"a{breaks}b"}, {}, brand)


@pytest.mark.parametrize(
    "files",
    [
        MAIL | {"email.subject.txt": "{{ s }}"},
        MAIL | {"email.attach.x.typ": "Hi"},
        PUSH | {"push.link.txt": "https://x/{{ s }}"},
    ],
)
def test_texts_of_several_lines_are_refused_in_headers(
    template: Callable[..., Template], files: dict[str, str]
) -> None:
    """When the template is made, not when somebody first sends two lines."""
    names = '[attachments]\nx = "{{ s }}.pdf"\n' if "email.attach.x.typ" in files else ""
    with pytest.raises(TemplateError, match="`s` is multiline"):
        template(files, MULTILINE + names)


def test_stored_data_that_does_not_fit_is_told(template: Callable[..., Template], brand: Brand) -> None:
    made = template({"sms.body.txt": "x"}, '[variables.d]\ntype = "date"\n[sample]\nd = "2026-01-01"\n')
    with pytest.raises(TemplateError, match="stored data"):
        made.render("sms", {"d": "tomorrow"}, {}, brand)


def test_errors_at_render_name_file_and_line(template: Callable[..., Template], brand: Brand) -> None:
    files = MAIL | {"email.body.txt": "one\ntwo\n{% if s %}\n{{ s|date }}\n{% endif %}\n"}
    with pytest.raises(TemplateError) as raised:
        template(files, MULTILINE).render("email", {"s": "x"}, {}, brand)
    assert (raised.value.file, raised.value.line) == ("email.body.txt", 4)


def test_errors_in_a_macro_name_the_macros_file(template: Callable[..., Template], brand: Brand) -> None:
    files = MAIL | {"email.body.html": '{% from "_layout/parts.html" import multiline %}\n{{ multiline(3) }}'}
    with pytest.raises(TemplateError) as raised:
        template(files).render("email", {}, {}, brand)
    assert raised.value.file == "_layout/parts.html"
    assert raised.value.line


@pytest.mark.parametrize(
    ("channel", "files", "says"),
    [
        ("sms", {"sms.body.txt": "{% if false %}x{% endif %}"}, "sms.body.txt: .*empty"),
        ("push", PUSH | {"push.data.json": "{"}, "push.data.json: .*JSON"),
        ("push", PUSH | {"push.data.json": '{"a": 1}'}, "push.data.json: .*strings"),
        ("push", PUSH | {"push.collapse_key.txt": "x" * 65}, "push.collapse_key.txt: .*64"),
        ("push", PUSH | {"push.sound.txt": "x" * 201}, "push.sound.txt: .*200"),
        ("push", PUSH | {"push.icon.txt": "a\nb"}, "push.icon.txt: .*line"),
        ("email", PUSH, "made has no form for email; it has push"),
    ],
)
def test_what_cannot_be_sent_is_told(
    template: Callable[..., Template], brand: Brand, channel: str, files: dict[str, str], says: str
) -> None:
    with pytest.raises(TemplateError, match=says):
        template(files).render(channel, {}, {}, brand)


def test_the_parts_of_a_push(template: Callable[..., Template], brand: Brand) -> None:
    made = template(
        {
            "push.title.txt": "{{ t }}\n",
            "push.body.txt": "{{ s }}",
            "push.link.txt": "app://x\n",
            "push.image.txt": "https://example.com/x.png",
            "push.icon.txt": "ic_{{ t|length }}\n",
            "push.sound.txt": "chime.caf",
            "push.collapse_key.txt": "k",
            "push.data.json": '{"s": {{ s|tojson }}}',
        },
        '[variables]\ns = { type = "string" }\nt = { type = "string" }\n[sample]\ns = "x"\nt = "x"\n',
    )
    assert made.render("push", {"s": '"<ü😀', "t": '"<ü😀'}, {}, brand) == PushContent(
        title='"<ü😀',
        body='"<ü😀',
        link="app://x",
        image="https://example.com/x.png",
        icon="ic_4",
        sound="chime.caf",
        collapse_key="k",
        data={"s": '"<ü😀'},
    )


def test_long_pushes_are_shortened(template: Callable[..., Template], brand: Brand) -> None:
    content = template(
        {"push.title.txt": "{{ s }}", "push.body.txt": "{{ s }}"}, MULTILINE.replace("multiline = true\n", "")
    ).render("push", {"s": "word " * 1000}, {}, brand)
    assert isinstance(content, PushContent)
    assert (len(content.title), len(content.body)) <= (200, 1000)
    assert content.body.endswith("word…")


def test_the_recipient_is_known_or_empty(template: Callable[..., Template], brand: Brand) -> None:
    made = template({"sms.body.txt": "{{ recipient.name or 'you' }}"})
    assert made.render("sms", {}, {"name": "Ada", "secret": "x"}, brand) == SmsContent("Ada")
    assert made.render("sms", {}, {}, brand) == SmsContent("you")
    with pytest.raises(TemplateError, match="secret"):
        template({"sms.body.txt": "{{ recipient.secret }}"}).render("sms", {}, {"secret": "x"}, brand)


def test_documents_tell_their_line(template: Callable[..., Template], brand: Brand) -> None:
    made = template(MAIL | {"email.attach.x.typ": "= Hi\n\n#nonsense()"})
    with pytest.raises(TemplateError, match=r"^email.attach.x.typ, line 3: unknown variable: nonsense"):
        made.render("email", {}, {}, brand)


@pytest.mark.parametrize("source", ['#read("/etc/passwd")', '#read("../../etc/passwd")', '#image("/etc/hostname")'])
def test_documents_read_no_files(template: Callable[..., Template], brand: Brand, source: str) -> None:
    with pytest.raises(TemplateError):
        template(MAIL | {"email.attach.x.typ": source}).render("email", {}, {}, brand)


def test_a_document_gets_its_data_ready_to_show(template: Callable[..., Template], brand: Brand) -> None:
    """Amounts and times have a text; what is missing is none; strings are never source."""
    source = (
        "#let d = json(bytes(sys.inputs.data))\n"
        '#assert.eq(d.price, (amount: "1.50", currency: "EUR", text: "€1.50"))\n'
        '#assert.eq(d.day.text, "1 July 2026")\n#assert.eq(d.at.time, "22:05")\n#assert.eq(d.none, none)\n'
        '#assert.eq(d.brand.name, "Lumen")\n#assert.eq(d.list.first().n, "2.5")\nok'
    )
    manifest = """
[variables]
price = { type = "money" }
day = { type = "date" }
at = { type = "datetime" }
none = { type = "string", required = false }
list = { type = "list", items = { type = "object", fields = { n = { type = "decimal" } } } }
[sample]
price = { amount = "1.50", currency = "EUR" }
day = "2026-07-01"
at = "2026-07-01T21:05:00Z"
list = [{ n = 2.5 }]
"""
    made = template(MAIL | {"email.attach.x.typ": source}, manifest)
    content = made.render("email", made.sample, {"locale": "en-GB", "timezone": "Europe/London"}, brand)
    assert isinstance(content, EmailContent)
    assert content.attachments[0].content.startswith(b"%PDF-")


def test_many_threads_render_what_one_renders(catalogue: dict[str, Bundle]) -> None:
    """Fresh templates, so that compiling races too; different recipients and brands at the same time."""
    templates = {name: Template(bundle) for name, bundle in catalogue.items()}
    jobs = [
        (name, channel, {"locale": locale, "timezone": zone}, Brand(name=f"Brand {number}"))
        for number, (locale, zone) in enumerate([("en-GB", "Europe/London"), ("en-US", "Asia/Tokyo"), (None, None)])
        for name, template in templates.items()
        for channel in template.channels
    ]
    threads = 8
    together = threading.Barrier(threads)

    def render(start: int) -> list[Any]:
        together.wait(timeout=30)
        order = jobs[start:] + jobs[:start]
        done = {id(job): templates[job[0]].render(job[1], templates[job[0]].sample, *job[2:]) for job in order}
        return [done[id(job)] for job in jobs]

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(render, range(threads)))
    alone = {name: Template(catalogue[name]) for name in templates}
    expected = [alone[job[0]].render(job[1], alone[job[0]].sample, *job[2:]) for job in jobs]
    assert all(result == expected for result in results)


def test_one_threads_costs_are_not_anothers(template: Callable[..., Template], brand: Brand) -> None:
    """A template near its limit is not stopped because others run beside it."""
    made = template({"sms.body.txt": "{% for i in range(900) %}{{ i }}{% for j in range(9) %}{% endfor %}{% endfor %}"})
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda _: made.render("sms", {}, {}, brand), range(32)))
    assert len(bodies) == 1
