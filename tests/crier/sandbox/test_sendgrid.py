"""The SendGrid stand-in: what it takes, what it refuses and in which words, what it shows."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import requests

from crier.sandbox import Sandbox
from crier.sandbox.preview import Kind
from crier.sandbox.sendgrid import ERRORS
from tests.crier.sandbox.clients import DELIVERY, only_call

TO = {"email": "ada@example.org", "name": "Ada"}
MAIL: dict[str, Any] = {
    "personalizations": [{"to": [TO]}],
    "from": {"email": "shop@example.com", "name": "Shop"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "Hello Ada"}, {"type": "text/html", "value": "<b>Hello Ada</b>"}],
    "custom_args": {"crier_id": DELIVERY},
}
Post = Callable[..., requests.Response]


@pytest.fixture
def post(sandbox: Sandbox) -> Post:
    """Posts `MAIL` with other fields, or another key."""
    settings = sandbox.environment

    def call(key: str = settings["SENDGRID_API_KEY"], **fields: Any) -> requests.Response:
        mail = {name: value for name, value in (MAIL | fields).items() if value is not None}
        url = f"{settings['SENDGRID_BASE_URL']}/v3/mail/send"
        return requests.post(url, headers={"Authorization": f"Bearer {key}"}, json=mail, timeout=10)

    return call


def test_a_mail_is_answered_with_its_id_and_nothing_else(sandbox: Sandbox, post: Post) -> None:
    response = post()
    assert (response.status_code, response.content) == (202, b"")
    entry = only_call(sandbox, "sendgrid")
    assert (entry.action, entry.accepted, entry.recipient) == ("send", True, "ada@example.org")
    assert (entry.delivery, entry.reference) == (DELIVERY, response.headers["X-Message-Id"])


def test_each_mail_has_an_id_of_its_own(post: Post) -> None:
    assert post().headers["X-Message-Id"] != post().headers["X-Message-Id"]


def test_a_strangers_key_is_refused_and_none_is_kept(sandbox: Sandbox, post: Post) -> None:
    response = post(key="SG.not.ours")
    message = "The provided authorization grant is invalid, expired, or revoked"
    assert (response.status_code, response.json()["errors"][0]["message"]) == (401, message)
    assert "SG.not.ours" not in sandbox.journal.path.read_text()


def test_a_form_is_no_mail(sandbox: Sandbox) -> None:
    settings = sandbox.environment
    url, headers = (
        settings["SENDGRID_BASE_URL"] + "/v3/mail/send",
        {"Authorization": f"Bearer {settings['SENDGRID_API_KEY']}"},
    )
    assert requests.post(url, headers=headers, data={"to": "ada@example.org"}, timeout=10).status_code == 415
    broken = requests.post(url, headers=headers | {"Content-Type": "application/json"}, data="{", timeout=10)
    assert broken.json() == {"errors": [{"message": "Bad Request", "field": None, "help": None}]}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"personalizations": None}, "personalizations"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "ada"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{"to": [{"email": "ünï@example.org"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{"to": [{"email": "a@example.org", "name": "L, A"}]}]}, "personalizations.0.to.0.name"),
        ({"personalizations": [{"to": [TO], "cc": [TO]}]}, "personalizations.0"),
        ({"personalizations": [{"to": [TO], "bcc": [{"email": "ADA@example.org"}]}]}, "personalizations.0"),
        ({"from": None}, "from"),
        ({"from": {"email": "shop"}}, "from.email"),
        ({"subject": None}, "subject"),
        ({"subject": ""}, "subject"),
        ({"content": None}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": MAIL["content"][::-1]}, "content"),
        ({"content": [MAIL["content"][0]] * 2}, "content"),
        ({"headers": {"Subject": "x"}}, "headers.Subject"),
        ({"headers": {"X-Note": "ü"}}, "headers.X-Note"),
        ({"headers": {"X-Note": 7}}, "headers.X-Note.value"),
        ({"categories": ["a", "a"]}, "categories"),
        ({"categories": [str(number) for number in range(11)]}, "categories"),
        ({"categories": ["x" * 256]}, "categories.0"),
        ({"custom_args": {"id": 7}}, "custom_args.id.value"),
        ({"custom_args": {"id": "x" * 10_000}}, "custom_args"),
        ({"attachments": [{"content": "?", "filename": "a.txt"}]}, "attachments.0.content"),
        ({"attachments": [{"content": "YQ=="}]}, "attachments.0.filename"),
        ({"attachments": [{"content": "YQ==", "filename": "a", "disposition": "hidden"}]}, "attachments.0.disposition"),
        ({"attachments": [{"content": "YQ==", "filename": "a", "content_id": "a"}]}, "attachments.0.content_id"),
        ({"reply_to": TO, "reply_to_list": [TO]}, "reply_to_list"),
        ({"tracking_settings": {"open_tracking": {"enable": "perhaps"}}}, "tracking_settings.open_tracking.enable"),
        ({"html": "<b>Hello</b>"}, "html"),
    ],
)  # fmt: skip
def test_what_it_refuses_it_names(sandbox: Sandbox, post: Post, fields: dict[str, Any], field: str) -> None:
    response = post(**fields)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not only_call(sandbox, "sendgrid").accepted


def test_a_duplicate_is_told_in_sendgrids_words(post: Post) -> None:
    response = post(personalizations=[{"to": [TO], "cc": [TO]}])
    assert response.json()["errors"][0]["message"] == (
        "Each email address in the personalization block should be unique between to, cc, and bcc. We found the first "
        "duplicate instance of [ada@example.org] in the personalizations.0.cc field."
    )


def test_a_sender_that_was_not_verified_is_refused(post: Post) -> None:
    response = post(**{"from": {"email": "unverified@example.com"}})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (403, "from")


def test_in_sandbox_mode_nothing_is_taken(sandbox: Sandbox, post: Post) -> None:
    response = post(mail_settings={"sandbox_mode": {"enable": True}})
    assert (response.status_code, "X-Message-Id" in response.headers) == (200, False)
    assert not only_call(sandbox, "sendgrid").accepted


@pytest.mark.parametrize("name", ERRORS)
def test_a_magic_mailbox_is_answered_with_its_error(sandbox: Sandbox, post: Post, name: str) -> None:
    recipient = f"error+{name.replace(' ', '-')}@example.org"
    response = post(personalizations=[{"to": [{"email": recipient}]}])
    assert (response.status_code, response.json()["errors"][0]["message"]) == ERRORS[name][:2]
    assert not only_call(sandbox, "sendgrid").accepted


def test_too_many_requests_say_when_there_may_be_more(post: Post) -> None:
    response = post(personalizations=[{"to": [{"email": "error+429@example.org"}]}])
    assert response.headers["X-RateLimit-Remaining"] == "0"
    assert int(response.headers["X-RateLimit-Reset"]) > 1_700_000_000


@pytest.mark.parametrize("mailbox", ["drop@example.org", "Drop+1@example.org"])
def test_a_magic_mailbox_loses_the_answer(sandbox: Sandbox, post: Post, mailbox: str) -> None:
    with pytest.raises(requests.ConnectionError):
        post(personalizations=[{"to": [{"email": mailbox}]}])
    assert only_call(sandbox, "sendgrid").accepted


def test_a_magic_mailbox_with_an_error_there_is_not_names_those_there_are(post: Post) -> None:
    response = post(personalizations=[{"to": [{"email": "error+999@example.org"}]}])
    assert (response.status_code, "no error+999: it has 400, 400-to" in response.text) == (400, True)


@pytest.mark.parametrize("mailbox", ["slow+soon@example.org", "errors@example.org"])
def test_what_is_nearly_magic_is_an_ordinary_mailbox(post: Post, mailbox: str) -> None:
    assert post(personalizations=[{"to": [{"email": mailbox}]}]).status_code == 202


def test_the_mail_is_shown_as_it_would_arrive(sandbox: Sandbox, post: Post) -> None:
    image = {"content": b64encode(b"\x89PNG").decode(), "filename": "a.png", "type": "image/png"}
    post(
        content=[{"type": "text/plain", "value": "Hello"}, {"type": "text/html", "value": '<img src="cid:logo">'}],
        attachments=[image | {"disposition": "inline", "content_id": "logo"}],
        personalizations=[{"to": [TO], "cc": [{"email": "bob@example.org"}]}],
        reply_to={"email": "help@example.com"},
        headers={"X-Order": "7"},
        categories=["shop", "receipt"],
    )
    preview = sandbox.preview(only_call(sandbox, "sendgrid"))
    assert (preview.kind, preview.title, preview.text) == (Kind.MAIL, "Hello", "Hello")
    assert preview.html == '<img src="data:image/png;base64,iVBORw==">'
    assert [(one.filename, one.content, one.cid) for one in preview.attachments] == [("a.png", b"\x89PNG", "logo")]
    assert preview.facts == (
        ("From", "Shop <shop@example.com>"),
        ("To", "Ada <ada@example.org>"),
        ("Cc", "bob@example.org"),
        ("Reply-To", "help@example.com"),
        ("X-Order", "7"),
        ("Categories", "shop, receipt"),
        ("crier_id", DELIVERY),
    )


def test_what_was_refused_is_shown_as_a_call_only(sandbox: Sandbox, post: Post) -> None:
    post(subject=None)
    assert sandbox.preview(only_call(sandbox, "sendgrid")).kind is Kind.OTHER
