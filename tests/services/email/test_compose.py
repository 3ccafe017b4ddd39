"""What the email channel makes of content before it is sent."""

from typing import Any
from uuid import uuid4

import pytest

from services.email.compose import compose
from services.email.mime import mailbox
from shared.errors import Rejected
from shared.messages.email import EmailContent, EmailMessage
from shared.senders.allowed import AllowedSenders
from shared.senders.identity import SenderIdentity
from shared.templates.brand import Brand

ID = uuid4()
STYLED = "<style>p{margin:0}</style><p>Hi</p>"


INSTALLATION, ANY = SenderIdentity(Brand()), AllowedSenders()


def composed(
    content: EmailContent,
    *,
    from_template: bool = False,
    kind: str = "transactional",
    identity: SenderIdentity = INSTALLATION,
    allowed: AllowedSenders = ANY,
    own_link: bool = False,
    **recipient: Any,
) -> EmailMessage:
    return compose(
        content,
        delivery_id=ID,
        target="ada@example.org",
        recipient=recipient,
        kind=kind,
        from_template=from_template,
        identity=identity,
        allowed=allowed,
        own_link=own_link,
    )


def test_content_goes_to_the_target_under_its_name() -> None:
    content = EmailContent("Subject", "Text", cc=("b@example.org",), headers={"X-A": "1"})
    assert composed(content, name="Ada") == EmailMessage(ID, "ada@example.org", content, to_name="Ada")


@pytest.mark.parametrize("recipient", [{}, {"name": None}, {"name": ""}])
def test_a_recipient_may_have_no_name(recipient: dict[str, Any]) -> None:
    assert composed(EmailContent("s", "t"), **recipient).to_name is None


def test_a_callers_styles_go_into_the_tags() -> None:
    assert composed(EmailContent("s", html=STYLED)).content.html == (
        '<style>p{margin:0}</style><p style="margin: 0;">Hi</p>'
    )


def test_a_templates_html_is_left_as_it_was_compiled() -> None:
    assert composed(EmailContent("s", "t", html=STYLED), from_template=True).content.html == STYLED


def test_a_text_is_derived_only_where_none_was_given() -> None:
    assert composed(EmailContent("s", html=STYLED)).content.text == "Hi\n"
    assert composed(EmailContent("s", "Own", html=STYLED)).content.text == "Own"


def test_a_project_sends_from_its_own_address_and_gets_the_answers() -> None:
    identity = SenderIdentity(Brand(), "hello@shop.example", 'The "Old" Shop', "help@shop.example")
    message = composed(EmailContent("s", "t"), identity=identity)
    assert message.sender == r'"The \"Old\" Shop" <hello@shop.example>'
    assert mailbox(message.sender).name == 'The "Old" Shop'
    assert message.content.reply_to == "help@shop.example"


def test_what_the_content_says_of_answers_counts_more() -> None:
    identity = SenderIdentity(Brand(), reply_to="help@shop.example")
    assert composed(EmailContent("s", "t", reply_to="ada@shop.example"), identity=identity).content.reply_to == (
        "ada@shop.example"
    )


def test_a_project_does_not_send_from_a_domain_that_is_not_allowed() -> None:
    identity = SenderIdentity(Brand(), "ceo@bank.example")
    with pytest.raises(Rejected, match="CRIER_EMAIL_SENDER_DOMAINS") as refused:
        composed(EmailContent("s", "t"), identity=identity, allowed=AllowedSenders(("shop.example",)))
    assert refused.value.code == "sender"


@pytest.mark.parametrize("address", ["a@shop.example", "a@mail.SHOP.example"])
def test_a_domain_is_allowed_with_its_subdomains(address: str) -> None:
    allowed = AllowedSenders(("shop.example",))
    assert (
        composed(EmailContent("s", "t"), identity=SenderIdentity(Brand(), address), allowed=allowed).sender == address
    )


@pytest.mark.parametrize(("kind", "expected"), [("promotion", "https://example.org/u/1"), ("transactional", None)])
def test_only_promotions_can_be_unsubscribed_from(kind: str, expected: str | None) -> None:
    message = composed(EmailContent("s", "t"), kind=kind, unsubscribe_url="https://example.org/u/1")
    assert message.unsubscribe_url == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [("<p>Hi</p>", "<p>Hi</p><p {}</p>"), ("<html><body>Hi</BODY></html>", "<html><body>Hi<p {}</p></BODY></html>")],
)
def test_a_link_of_ours_is_at_the_foot_of_what_a_caller_wrote(html: str, expected: str) -> None:
    link = "https://crier.example/u/abc"
    message = composed(EmailContent("s", "Hello", html), kind="promotion", own_link=True, unsubscribe_url=link).content
    assert message.text == f"Hello\n\n--\nUnsubscribe: {link}\n"
    assert message.html is not None
    before, _, after = expected.partition("{}")
    assert message.html.lower().startswith(before.lower()) and message.html.lower().endswith(after.lower())
    assert f'<a href="{link}"' in message.html
    theirs = composed(EmailContent("s", "Hello"), kind="promotion", unsubscribe_url=link).content
    assert (theirs.text, theirs.html) == ("Hello", None)
    assert composed(EmailContent("s", "Hi"), kind="promotion", own_link=True, unsubscribe_url=link).content.html is None


def test_a_promotion_that_nobody_could_unsubscribe_from_is_not_sent() -> None:
    with pytest.raises(Rejected, match="CRIER_PUBLIC_URL"):
        composed(EmailContent("s", "Hello"), kind="promotion")
