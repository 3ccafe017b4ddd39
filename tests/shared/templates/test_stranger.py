"""A stranger's template first runs in a child process; whatever it does, this process goes on (security 16, 17)."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import InvalidInput, TemplateError
from shared.messages.email import EmailContent
from shared.messages.sms import SmsContent
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle
from shared.templates.stranger import examine

MAIL = {"email.subject.txt": "Hi", "email.body.txt": "Hi"}
NAME = '[variables.name]\ntype = "string"\n[sample]\nname = "Ada"\n'


def test_the_content_is_what_a_worker_would_render(catalogue: dict[str, Bundle], brand: Brand) -> None:
    bundle = catalogue["booking_confirmation"]
    template = compile_bundle(bundle)
    to = {"name": "Ada", "locale": "en-GB", "timezone": "Europe/London"}
    assert examine(bundle, recipient=to, brand=brand) == {
        channel: template.render(channel, template.sample, to, brand) for channel in template.channels
    }


def test_a_shipped_document_is_set(catalogue: dict[str, Bundle]) -> None:
    bundle = catalogue["payment_receipt"]
    content = examine(bundle, documents=[bundle.files["email.attach.receipt.typ"]])["email"]
    assert isinstance(content, EmailContent)
    assert content.attachments[0].content.startswith(b"%PDF-")


def test_own_data_is_checked_and_shown(bundle: Callable[..., Bundle]) -> None:
    made = bundle({"sms.body.txt": "Hello {{ name }}"}, NAME)
    assert examine(made, data={"name": "王 😀"}) == {"sms": SmsContent("Hello 王 😀")}
    with pytest.raises(InvalidInput) as raised:
        examine(made, data={"nam": "x"})
    assert set(raised.value.fields) == {"data.name", "data.nam"}


@pytest.mark.parametrize(
    "source", ["{{ ().__class__ }}", "{{ 10**100000000 }}", "{{ 'a'.ljust(300000000) }}", "{% for %}", "{{ nope }}"]
)
def test_errors_come_back_by_file_and_line(bundle: Callable[..., Bundle], source: str) -> None:
    with pytest.raises(TemplateError) as raised:
        examine(bundle({"sms.body.txt": f"Hi\n\n{source}"}))
    assert (raised.value.file, raised.value.line) == ("sms.body.txt", 3)


def test_content_no_channel_takes_is_refused(bundle: Callable[..., Bundle]) -> None:
    with pytest.raises(TemplateError, match="sms form cannot be sent"):
        examine(bundle({"sms.body.txt": "x" * 1601}))


def test_an_own_document_is_refused(bundle: Callable[..., Bundle]) -> None:
    with pytest.raises(TemplateError, match="installation") as raised:
        examine(bundle(MAIL | {"email.attach.x.typ": "Hi"}))
    assert raised.value.file == "email.attach.x.typ"


HEAVY: list[dict[str, str]] = [
    # Compiling takes seconds; nothing is run.
    {"sms.body.txt": "{% if brand %}{% endif %}" * 20_000},
    # Typst has no meter of its own: endless work, then endless memory.
    MAIL
    | {
        "email.attach.x.typ": "#let f(n, k) = if n == 0 { k } else { f(n - 1, 2 * k) + f(n - 1, 2 * k + 1) }\n#f(50, 0)"
    },
    MAIL | {"email.attach.x.typ": '#let s = "x" * 2000000000\n#s.len()'},
]


@pytest.mark.parametrize("files", HEAVY, ids=["compiling", "processor", "memory"])
def test_the_limits_of_the_system_hold(bundle: Callable[..., Bundle], files: dict[str, str]) -> None:
    made = bundle(files)
    with pytest.raises(TemplateError, match="stopped"):
        examine(made, documents=list(files.values()))


def test_a_child_has_no_environment(monkeypatch: pytest.MonkeyPatch, bundle: Callable[..., Bundle]) -> None:
    """Nothing of this process's settings is in the child: it works where PATH and HOME would break it."""
    broken: dict[str, Any] = {"PYTHONHOME": "/nowhere", "PYTHONSTARTUP": "/nowhere", "TZ": "nowhere"}
    for name, value in broken.items():
        monkeypatch.setenv(name, value)
    assert examine(bundle({"sms.body.txt": "Hi"})) == {"sms": SmsContent("Hi")}
