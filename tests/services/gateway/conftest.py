"""The gateway's application over a real ledger, with the catalogue's templates, and bells that only write down."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from services.gateway import create_app
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.templates.catalogue import load_catalogue

MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Hi", "text": "Hello"}}


@dataclass
class Rung:
    """Bells that were rung."""

    queues: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.queues.append(queue)


@dataclass
class Caller:
    """A client with a key."""

    client: FlaskClient
    key: str

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def send(self, request: Any = MAIL, **headers: str) -> TestResponse:
        return self("POST", "/v1/notifications", json=request, headers=headers)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def rows(database: Database) -> Callable[..., list[Any]]:
    """The rows of a statement."""
    return lambda statement, **parameters: list(database.rows(text(statement), parameters))


@pytest.fixture
def rung() -> Rung:
    return Rung()


@pytest.fixture
def parts(database: Database, rung: Rung) -> Parts:
    return Parts.of(database, Sealer(new_key()), rung, broker_state=lambda: "unreachable")


@pytest.fixture
def app(parts: Parts) -> Flask:
    return create_app(parts)


@pytest.fixture
def key(database: Database) -> str:
    return Keys(database).create("acme", scopes=("send", "read"))


@pytest.fixture
def call(app: Flask, key: str) -> Caller:
    """Calls as project acme, with the scopes send and read."""
    return Caller(app.test_client(), key)


@pytest.fixture
def stranger(app: Flask, database: Database) -> Caller:
    """Calls as another project."""
    return Caller(app.test_client(), Keys(database).create("other", scopes=("send", "read", "admin")))


@pytest.fixture
def nobody(app: Flask) -> FlaskClient:
    """Calls without a key."""
    return app.test_client()


@pytest.fixture
def catalogue(database: Database) -> None:
    """The templates that ship with the installation."""
    for name, bundle in load_catalogue().items():
        TemplateStore(database).add(None, name, bundle.checksum, bundle.to_json())
