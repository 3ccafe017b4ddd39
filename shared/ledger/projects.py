"""Projects: what each says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text

from shared.ledger.database import Database

_IDENTITY = text("SELECT identity FROM projects WHERE id = :project_id")
_SET_IDENTITY = text("UPDATE projects SET identity = CAST(:identity AS jsonb) WHERE id = :project_id")


@dataclass(frozen=True)
class Projects:
    """The projects of an installation."""

    database: Database

    def identity(self, project_id: int) -> Mapping[str, Any]:
        """Its sender identity in its JSON form; empty where it has said nothing."""
        found = self.database.rows(_IDENTITY, {"project_id": project_id})
        return found[0].identity if found else {}

    def set_identity(self, project_id: int, identity: Mapping[str, Any]) -> None:
        """Replace its sender identity."""
        self.database.execute(_SET_IDENTITY, {"project_id": project_id, "identity": orjson.dumps(identity).decode()})
