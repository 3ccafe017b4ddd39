"""A promotion without a link of the caller's gets one of ours: in its header and at its foot, and never none."""

from typing import Any
from uuid import uuid4

import pytest

from services.email.compose import compose
from services.email.headers import extra_headers
from shared.crypto import Sealer, new_key
from shared.delivery.rendering import Renderer
from shared.errors import Rejected
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Claimed, Work
from shared.messages.email import EmailMessage
from shared.senders.allowed import AllowedSenders
from shared.senders.identities import Identities
from shared.templates.brand import Brand
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle
from shared.unsubscribe import Subscription, UnsubscribeLinks, with_link

PUBLIC, ADA = "https://crier.example/in/", "ada@example.com"
SEALER = Sealer(new_key())
LINKS = UnsubscribeLinks(PUBLIC, SEALER)


@pytest.fixture
def claimed(database: Database) -> Claimed:
    """A promotion from the catalogue, accepted without a link."""
    bundle = load_catalogue()["promotion"]
    TemplateStore(database).add(None, "promotion", bundle.checksum, bundle.to_json())
    intake = Intake(database, SEALER, unsubscribes=True)
    asked = {
        "template": "promotion", "channel": "email", "to": {"email": ADA}, "data": compile_bundle(bundle).sample,
    }  # fmt: skip
    intake.accept(Keys(database).project("test"), asked)
    [item] = Work(database).claim("email.bulk", 1, 30.0)
    return item


def mail(database: Database, item: Claimed, links: UnsubscribeLinks | None) -> EmailMessage:
    renderer = Renderer(TemplateStore(database), SEALER, Identities(database, Brand()), links)
    content: Any = renderer.content(item)
    return compose(
        content, delivery_id=item.id, target=item.target, recipient=renderer.recipient(item), kind=item.kind,
        from_template=True, identity=Identities(database, Brand()).of(item.project_id), allowed=AllowedSenders(),
    )  # fmt: skip


def test_it_is_in_the_header_and_at_the_foot(database: Database, claimed: Claimed) -> None:
    message = mail(database, claimed, LINKS)
    link = message.unsubscribe_url
    assert link and link.startswith("https://crier.example/in/u/")
    assert link in (message.content.html or "") and link in (message.content.text or "")
    assert extra_headers(message)["List-Unsubscribe"] == f"<{link}>"
    assert extra_headers(message)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    expected = Subscription(claimed.project_id, "email", ADA, claimed.id, "offers")
    assert LINKS.read(link.rpartition("/")[2]) == expected


def test_without_one_nothing_is_sent(database: Database, claimed: Claimed) -> None:
    with pytest.raises(Rejected, match="CRIER_PUBLIC_URL") as refused:
        mail(database, claimed, None)
    assert refused.value.alert


@pytest.mark.parametrize(
    ("kind", "channel", "given"),
    [("transactional", "email", None), ("promotion", "push", None), ("promotion", "email", "https://x.example/u")],
)
def test_what_needs_none_gets_none(kind: str, channel: str, given: str | None) -> None:
    recipient = {"unsubscribe_url": given} if given else {}
    assert with_link(recipient, kind, Subscription(1, channel, ADA, uuid4()), LINKS) == recipient
