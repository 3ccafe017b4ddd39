"""What an in-app notification goes through before it is put into an inbox."""

from typing import Any
from uuid import uuid4

import pytest

from services.inapp.compose import compose
from shared.crypto import Sealed
from shared.errors import Rejected
from shared.ledger.work import Claimed
from shared.messages.inapp import InAppContent, InAppMessage

CONTENT = InAppContent("Hello", "You")


def claimed(**changes: Any) -> Claimed:
    plain = Claimed(
        uuid4(), uuid4(), 7, fence=1, attempts=0, deaths=0, hold=False, target="ada", channel="inapp", lane="normal",
        kind="transactional", template_id=None, recipient={}, data=None, content=None, expires_in=None, age=0.0,
    )  # fmt: skip
    return plain._replace(**changes)


def test_it_goes_into_the_inbox_of_the_user_in_that_project():
    item = claimed()
    assert compose(item, CONTENT) == InAppMessage(item.id, 7, "ada", CONTENT)


@pytest.mark.parametrize(("own", "category"), [(None, "bookings"), ("offers", "offers")])
def test_its_category_is_its_own_or_the_notifications(own, category):
    made = compose(claimed(category="bookings"), InAppContent("Hello", category=own))
    assert made.content.category == category


@pytest.mark.parametrize("secret", [{"kind": "code"}, {"sealed": Sealed("key", b"x")}])
def test_secrets_are_not_kept_in_an_inbox(secret):
    with pytest.raises(Rejected, match="not kept in an inbox"):
        compose(claimed(**secret), CONTENT)
