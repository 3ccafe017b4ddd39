"""The categories that a project declares: a request that names another one is probably misspelt.

A template may name one that is not declared, as those that ship with Crier do in every project; and where a project
declares none, nobody chooses, and every name is as good.
"""

from threading import Lock

from cachetools import TTLCache

from shared.errors import InvalidInput
from shared.intake.problems import did_you_mean
from shared.ledger.categories import Categories
from shared.ledger.database import Database

KNOWN_FOR = 1.0
"""Seconds for which they are remembered. One that is not among them is looked up anew before it is refused."""


class DeclaredCategories:
    """Checks what requests say they are about."""

    def __init__(self, database: Database) -> None:
        self._categories = Categories(database)
        self._known: TTLCache[int, frozenset[str]] = TTLCache(maxsize=2000, ttl=KNOWN_FOR)
        self._lock = Lock()

    def check(self, project_id: int, name: str) -> None:
        """Refuse a category that is not declared, where any are.

        Raises:
            InvalidInput: naming the remedies.
        """
        with self._lock:
            known = self._known.get(project_id)
        if known is not None and name in known:
            return
        known = frozenset(one.name for one in self._categories.all(project_id))
        with self._lock:
            self._known[project_id] = known
        if known and name not in known:
            told = f"There is no such category.{did_you_mean(name, known)} PUT /v1/categories/{{name}} declares one."
            raise InvalidInput({"category": [told]})
