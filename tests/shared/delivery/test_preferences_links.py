"""A template may show the way to the page of choices: of the address by mail, else of the user, and never in a code."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.crypto import Sealer, new_key
from shared.delivery.rendering import Renderer
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.recipients import Recipients
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Work
from shared.senders.identities import Identities
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.unsubscribe import Subscription, UnsubscribeLinks

PUBLIC = "https://crier.example"
MANIFEST = 'description = "A notice."\nkind = "transactional"\ncategory = "notices"\n[sample]\n'
SHOWN = "{{ recipient.preferences_url or 'none' }}"
SEALER = Sealer(new_key())
LINKS = UnsubscribeLinks(PUBLIC, SEALER)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


@pytest.fixture
def shown(database: Database, project: int) -> Any:
    """The link in a message, or `none`."""
    files = {
        "template.toml": MANIFEST, "email.subject.txt": "x", "email.body.txt": SHOWN, "sms.body.txt": SHOWN,
        "push.title.txt": "x", "push.body.txt": SHOWN,
    }  # fmt: skip
    bundle = Bundle("notice", files)
    TemplateStore(database).add(project, "notice", bundle.checksum, bundle.to_json())

    def shown(channel: str, to: Any, links: UnsubscribeLinks | None = LINKS) -> str:
        Intake(database, SEALER).accept(project, {"template": "notice", "channel": channel, "to": to})
        [item] = Work(database).claim(f"{channel}.normal", 1, 30.0)
        content: Any = Renderer(TemplateStore(database), SEALER, Identities(database, Brand()), links).content(item)
        return str(content.text if channel == "email" else content.body).strip()

    return shown


def about(link: str) -> Subscription | None:
    assert link.startswith(f"{PUBLIC}/u/")
    return LINKS.read(link.rpartition("/")[2])


def test_by_mail_it_is_of_the_address_the_category_and_the_user(shown: Any, project: int) -> None:
    found = about(shown("email", {"email": "ada@example.com", "user_id": "u_1", "locale": "de"}))
    assert found is not None and found.delivery_id is not None
    assert (found.project_id, found.channel, found.target) == (project, "email", "ada@example.com")
    assert (found.category, found.user_id, found.locale) == ("notices", "u_1", "de")


@pytest.mark.parametrize(
    ("channel", "to"),
    [("sms", {"phone": "+442079460018"}), ("push", {"tokens": ["a"]})],
)
def test_elsewhere_it_is_of_the_user(shown: Any, channel: str, to: Any) -> None:
    found = about(shown(channel, {**to, "user_id": "u_1"}))
    assert found is not None and (found.channel, found.target, found.user_id) == ("", "", "u_1")
    assert shown(channel, to) == "none", "nobody is known to choose"


def test_without_a_public_address_there_is_none(shown: Any) -> None:
    assert shown("email", {"email": "ada@example.com"}, links=None) == "none"


def test_links_are_for_https_and_for_trying_out_here(database: Database) -> None:
    for url in ("https://a.example", "http://127.0.0.1:8025", "http://localhost:8025", "http://[::1]:8025"):
        assert UnsubscribeLinks.of(url, SEALER) is not None, url
    for url in (None, "", "http://a.example", "http://127.0.0.1.a.example", "ftp://localhost"):
        assert UnsubscribeLinks.of(url, SEALER) is None, url


def test_what_is_stored_is_what_the_template_shows(database: Database, project: int) -> None:
    """Name, language and zone come from the stored recipient, where the request does not say them."""
    files = {"template.toml": MANIFEST, "sms.body.txt": "{{ recipient.name }} {{ recipient.timezone }}"}
    bundle = Bundle("hello", files)
    TemplateStore(database).add(project, "hello", bundle.checksum, bundle.to_json())
    stored = {"name": "Ada", "phone": "+442079460018", "timezone": "Europe/London", "locale": "en-GB"}
    Recipients(database).put(project, "u_1", stored)
    asked = {"template": "hello", "channel": "sms", "to": {"user_id": "u_1", "timezone": "Asia/Tokyo"}}
    Intake(database, SEALER).accept(project, asked)
    [item] = Work(database).claim("sms.normal", 1, 30.0)
    renderer = Renderer(TemplateStore(database), SEALER, Identities(database, Brand()))
    content: Any = renderer.content(item)
    assert (item.target, content.body.strip()) == ("+442079460018", "Ada Asia/Tokyo")
