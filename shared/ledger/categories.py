"""What a project's messages are about, as far as people may choose: booking updates, news, offers."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from shared.errors import Conflict, NotFound
from shared.ledger.database import Database

MOST = 50
"""Categories of a project: a page of choices that anybody still reads."""

_COLUMNS = "name, label, description, required, promotional, position"
_ALL = text(f"SELECT {_COLUMNS} FROM categories WHERE project_id = :project_id ORDER BY position, name")
_ONE = text(f"SELECT {_COLUMNS} FROM categories WHERE project_id = :project_id AND name = :name")
_PUT = text(f"""
    INSERT INTO categories (project_id, name, label, description, required, promotional, position)
    SELECT :project_id, :name, :label, :description, :required, :promotional, :position
    WHERE EXISTS (SELECT FROM categories WHERE project_id = :project_id AND name = :name)
       OR (SELECT count(*) FROM categories WHERE project_id = :project_id) < {MOST}
    ON CONFLICT (project_id, name) DO UPDATE
    SET label = excluded.label, description = excluded.description, required = excluded.required,
        promotional = excluded.promotional, position = excluded.position
""")
_REMOVE = text("DELETE FROM categories WHERE project_id = :project_id AND name = :name")


@dataclass(frozen=True, slots=True)
class Category:
    """What messages may be about.

    Parameters:
        label, description: for the people who choose.
        required: it cannot be chosen, e.g. what concerns the security of an account.
        promotional: news and offers; who wants no promotions at all does not want these either.
        position: where it stands among the others, the smallest first.
    """

    name: str
    label: str
    description: str | None = None
    required: bool = False
    promotional: bool = False
    position: int = 0


@dataclass(frozen=True)
class Categories:
    """The categories that projects declare."""

    database: Database

    def all(self, project_id: int) -> list[Category]:
        """A project's categories, in their order."""
        return [_category(row) for row in self.database.rows(_ALL, {"project_id": project_id})]

    def get(self, project_id: int, name: str) -> Category:
        """One of them.

        Raises:
            NotFound: it is not declared.
        """
        rows = self.database.rows(_ONE, {"project_id": project_id, "name": name})
        if not rows:
            raise _unknown(name)
        return _category(rows[0])

    def put(self, project_id: int, category: Category) -> None:
        """Declare a category, or say anew what it is.

        Raises:
            Conflict: there are too many already.
        """
        asked = {name: getattr(category, name) for name in Category.__slots__} | {"project_id": project_id}
        if not self.database.execute(_PUT, asked):
            raise Conflict(f"A project has at most {MOST} categories: remove one, or say more in one.")

    def remove(self, project_id: int, name: str) -> None:
        """Declare it no more. What people chose stays, and holds for messages that still name it.

        Raises:
            NotFound: it is not declared.
        """
        if not self.database.execute(_REMOVE, {"project_id": project_id, "name": name}):
            raise _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no category {name[:80]}: PUT /v1/categories/{{name}} declares one.")


def _category(row: Row[Any]) -> Category:
    return Category(**row._mapping)
