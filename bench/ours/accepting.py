"""Accepting in Python, as the gateway does: what waits before a measurement begins."""

from bench import texts
from shared.crypto import Sealer, new_key
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle

PROJECT = "bench"
_FILES = {
    "template.toml": texts.MANIFEST,
    "sms.body.txt": texts.SMS,
    "email.subject.txt": texts.SUBJECT,
    "email.body.txt": texts.SMS,
}


class Accepting:
    """A ledger with a project and its template."""

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url, pool_size=4)
        self._intake = Intake(self._database, Sealer(new_key()))
        self._project = Keys(self._database).project(PROJECT)
        bundle = Bundle(texts.TEMPLATE, _FILES)
        compile_bundle(bundle)
        TemplateStore(self._database).add(None, bundle.name, bundle.checksum, bundle.to_json())

    def new_key(self) -> str:
        """An API key of the project."""
        return Keys(self._database).create(PROJECT)

    def accept(self, numbers: range, lane: str) -> None:
        """Accept an SMS to each number."""
        for start in range(numbers.start, numbers.stop, 10_000):
            part = range(start, min(start + 10_000, numbers.stop))
            self._intake.accept_many(self._project, texts.many("sms", part, lane=lane))

    def close(self) -> None:
        """Close its connections."""
        self._database.close()
