"""The sender identities of an installation's projects, looked up as messages are made."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from cachetools import TTLCache

from shared.ledger.database import Database
from shared.ledger.projects import Projects
from shared.senders.identity import SenderIdentity
from shared.templates.brand import Brand

REMEMBERED_FOR = 5.0
"""Seconds until a change of an identity is noticed, at most."""


class Identities:
    """Finds sender identities.

    Parameters:
        brand: the installation's, where a project has none of its own.
    """

    def __init__(self, database: Database, brand: Brand) -> None:
        self._projects = Projects(database)
        self._brand = brand
        self._remembered: TTLCache[int, SenderIdentity] = TTLCache(maxsize=10_000, ttl=REMEMBERED_FOR)
        self._lock = Lock()

    def of(self, project_id: int) -> SenderIdentity:
        """The identity of a project.

        Raises:
            LedgerUnavailable: it cannot be looked up.
        """
        with self._lock:
            found = self._remembered.get(project_id)
        if found is None:
            found = SenderIdentity.of(self._projects.identity(project_id), self._brand)
            with self._lock:
                self._remembered[project_id] = found
        return found

    def stored(self, project_id: int) -> Mapping[str, Any]:
        """What the project itself has said, in its JSON form."""
        return self._projects.identity(project_id)

    def change(self, project_id: int, identity: Mapping[str, Any]) -> None:
        """Let `identity` (as its schema has checked it) be the project's from now on; empty: the installation's."""
        self._projects.set_identity(project_id, identity)
        with self._lock:
            self._remembered.pop(project_id, None)
