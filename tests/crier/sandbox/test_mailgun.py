"""The Mailgun stand-in: what it takes, what it refuses and in which words, what it shows."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from crier.sandbox import Sandbox
from crier.sandbox.mailgun import ERRORS
from crier.sandbox.preview import Kind
from tests.crier.sandbox.clients import DELIVERY, mail, only_call

FIELDS = [("to", "ada@example.org"), ("v:crier_id", DELIVERY), ("o:tag", "shop"), ("o:tracking", "no")]
Post = Callable[..., requests.Response]


@pytest.fixture
def post(sandbox: Sandbox) -> Post:
    """Posts a mail with these fields, files, key and domain."""
    settings = sandbox.environment

    def call(
        fields: Any = FIELDS, files: Any = None, *, key: str = "", domain: str = "example.com"
    ) -> requests.Response:
        return requests.post(
            f"{settings['MAILGUN_BASE_URL']}/v3/{domain}/messages.mime",
            auth=("api", key or settings["MAILGUN_API_KEY"]),
            data=fields,
            files={"message": ("message.eml", mail(html="<b>Hello</b>").as_bytes())} if files is None else files,
            timeout=10,
        )

    return call


def test_a_mail_is_answered_with_its_id(sandbox: Sandbox, post: Post) -> None:
    response = post()
    assert response.status_code == 200
    assert response.json().keys() == {"id", "message"}
    assert response.json()["message"] == "Queued. Thank you."
    entry = only_call(sandbox, "mailgun")
    assert (entry.action, entry.accepted, entry.recipient) == ("send", True, "ada@example.org")
    assert (entry.delivery, f"<{entry.reference}>") == (DELIVERY, response.json()["id"])


def test_the_id_is_the_mails_own_where_it_has_one(post: Post) -> None:
    message = mail()
    message["Message-ID"] = "<7@example.com>"
    assert post(files={"message": ("message.eml", message.as_bytes())}).json()["id"] == "<7@example.com>"


def test_a_strangers_key_is_refused_and_none_is_kept(sandbox: Sandbox, post: Post) -> None:
    response = post(key="canary-7d1f")
    assert (response.status_code, response.text) == (401, "Forbidden")
    assert only_call(sandbox, "mailgun").received["headers"]["authorization"] == "…"


def test_another_domain_is_not_found(post: Post) -> None:
    response = post(domain="other.example")
    assert (response.status_code, response.json()) == (404, {"message": "Domain not found: other.example"})


def without(name: str) -> list[tuple[str, str]]:
    return [field for field in FIELDS if field[0] != name]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (without("to"), "to parameter is missing"),
        ([*FIELDS, ("to", "bob")], "to parameter is not a valid address. please check documentation"),
        ([*FIELDS, ("o:tracking", "maybe")], "invalid value of 'o:tracking'"),
        ([*FIELDS, ("o:unheard", "1")], "unknown parameter o:unheard"),
        ([*FIELDS, ("v:ü", "1")], "Header name must be pure ASCII: v:ü"),
        ([*FIELDS, *[("o:tag", f"tag-{number}") for number in range(10)]], "too many tags, max is 10"),
        (
            [*FIELDS, ("v:long", "x" * 16_000)],
            "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total",
        ),
        ([*FIELDS, *[("to", f"a{number}@example.org") for number in range(1000)]], "Too many recipients, max is 1000"),
    ],
)
def test_what_it_refuses_it_names(sandbox: Sandbox, post: Post, fields: Any, message: str) -> None:
    response = post(fields)
    assert (response.status_code, response.json()) == (400, {"message": message})
    assert not only_call(sandbox, "mailgun").accepted


def test_the_mail_is_a_file_of_a_form(sandbox: Sandbox, post: Post) -> None:
    assert (
        post(files={"message": (None, "From: a@example.com")}).json()["message"] == "'message' parameter is not a file"
    )
    assert post(files={"other": ("a", b"")}).json()["message"] == "message parameter is missing"
    assert post(files={}).json()["message"] == (
        "Invalid request content type. Expecting 'multipart/form-data' but got 'application/x-www-form-urlencoded'"
    )
    settings = sandbox.environment
    url, key = f"{settings['MAILGUN_BASE_URL']}/v3/example.com/messages.mime", ("api", settings["MAILGUN_API_KEY"])
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    broken = requests.post(url, auth=key, headers=headers, data=b"--y\r\n", timeout=10)
    assert broken.json() == {"message": "malformed multipart/form-data request"}


@pytest.mark.parametrize("content", [b"Subject: Hello\r\n\r\nHello", b"From: nobody\r\n\r\nHello"])
def test_a_mail_comes_from_somebody(post: Post, content: bytes) -> None:
    message = post(files={"message": ("message.eml", content)}).json()["message"]
    assert message == "from parameter is not a valid address. please check documentation"


def test_a_mail_that_is_too_large_is_refused(post: Post) -> None:
    content = b"From: a@example.com\r\n\r\n" + b"x" * (25 * 1024 * 1024)
    assert post(files={"message": ("message.eml", content)}).status_code == 413


def test_recipients_may_be_separated_by_commas_and_count_once(sandbox: Sandbox, post: Post) -> None:
    post([("to", '"Lovelace, Ada" <ada@example.org>, bob@example.org'), ("to", "ada@example.org")])
    facts = sandbox.preview(only_call(sandbox, "mailgun")).facts
    assert [value for name, value in facts if name == "To (envelope)"] == ["ada@example.org", "bob@example.org"]


@pytest.mark.parametrize("name", ERRORS)
def test_a_magic_mailbox_is_answered_with_its_error(sandbox: Sandbox, post: Post, name: str) -> None:
    response = post([("to", f"error+{name.replace(' ', '-')}@example.org")])
    assert response.status_code == ERRORS[name][0]
    assert not only_call(sandbox, "mailgun").accepted


def test_a_limit_says_until_when(post: Post) -> None:
    message = post([("to", "error+429@example.org")]).json()["message"]
    assert message.startswith("Domain example.com is not allowed to send: request limit exceeded, try again after ")
    assert message.endswith(" UTC")


def test_the_mail_is_shown_with_its_options(sandbox: Sandbox, post: Post) -> None:
    post()
    preview = sandbox.preview(only_call(sandbox, "mailgun"))
    assert (preview.kind, preview.title, preview.html) == (Kind.MAIL, "Hello", "<b>Hello</b>\n")
    assert preview.facts[-4:] == (("To (envelope)", "ada@example.org"), *FIELDS[1:])
