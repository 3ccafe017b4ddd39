"""What the email channel makes of content before it is sent."""

from typing import Any
from uuid import uuid4

import pytest

from services.email.compose import compose
from shared.messages.email import EmailContent, EmailMessage

ID = uuid4()
STYLED = "<style>p{margin:0}</style><p>Hi</p>"


def composed(content: EmailContent, *, from_template: bool = False, **recipient: Any) -> EmailMessage:
    return compose(content, delivery_id=ID, target="ada@example.org", recipient=recipient, from_template=from_template)


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
