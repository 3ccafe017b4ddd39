"""An intake over a real ledger, with the catalogue's templates, and bells that only write down what was rung."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from shared.crypto import Sealer, new_key
from shared.intake import Intake
from shared.intake.upload import Uploads
from shared.ledger.batches import Batches
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.templates.bundle import Bundle


@dataclass
class Rung:
    """Bells that were rung."""

    queues: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.queues.append(queue)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def project(database: Database) -> int:
    return Keys(database).project("acme")


@pytest.fixture
def rung() -> Rung:
    return Rung()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(new_key())


@pytest.fixture
def intake(database: Database, sealer: Sealer, rung: Rung) -> Intake:
    return Intake(database, sealer, rung)


@pytest.fixture
def uploads(intake: Intake, database: Database) -> Uploads:
    return Uploads(intake, Batches(database))


@pytest.fixture
def rows(database: Database) -> Callable[..., list[Any]]:
    """The rows of a statement."""
    return lambda statement, **parameters: list(database.rows(text(statement), parameters))


@pytest.fixture
def template(database: Database, project: int) -> Callable[..., str]:
    """Adds a template to the project: its manifest and its files."""

    def add(name: str, manifest: str, **files: str) -> str:
        bundle = Bundle(name, {"template.toml": manifest, **{key.replace("__", "."): of for key, of in files.items()}})
        TemplateStore(database).add(project, name, bundle.checksum, bundle.to_json())
        return name

    return add


@pytest.fixture
def greeting(template: Callable[..., str]) -> str:
    """A template with a name, a number and an amount, for email and SMS."""
    return template(
        "greeting",
        """
        description = "A greeting."
        kind = "transactional"
        [variables.first_name]
        type = "string"
        [variables.visits]
        type = "integer"
        default = 0
        [variables.price]
        type = "money"
        required = false
        [variables.vip]
        type = "boolean"
        default = false
        [variables.tags]
        type = "list"
        required = false
        items = {type = "string"}
        [sample]
        first_name = "Ada"
        """,
        email__subject__txt="Hello {{ first_name }}",
        email__body__txt="Visits: {{ visits }} {{ vip }} {{ price }} {{ tags }}",
        sms__body__txt="Hello {{ first_name }} {{ visits }} {{ vip }} {{ price }} {{ tags }}",
    )


@pytest.fixture
def code(template: Callable[..., str]) -> str:
    """A one-time code by SMS; its variable is secret."""
    return template(
        "code",
        """
        description = "A code."
        kind = "code"
        [variables.code]
        type = "string"
        secret = true
        [variables.purpose]
        type = "string"
        required = false
        [sample]
        code = "123"
        """,
        sms__body__txt="{{ code }} {{ purpose }}",
    )


@pytest.fixture
def promotion(template: Callable[..., str]) -> str:
    """A promotion by push."""
    return template(
        "promotion",
        """
        description = "An offer."
        kind = "promotion"
        [sample]
        """,
        push__title__txt="An offer",
        push__body__txt="Only today",
    )
