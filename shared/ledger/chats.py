"""Chat destinations: where a project's chat messages go, by names of its own. Addresses hold tokens, and are sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError

from shared.crypto import Sealed, Sealer
from shared.errors import Conflict, NotFound
from shared.ledger.audit import record
from shared.ledger.database import Database
from shared.ledger.ids import new_id

_COLUMNS = "id, project_id, name, service, masked, description, created_at"
_CREATE = text(f"""
    INSERT INTO chats (id, project_id, name, service, masked, description, key_id, ciphertext)
    SELECT :id, :project_id, :name, :service, :masked, :description, :key_id, :ciphertext
    WHERE (SELECT count(*) FROM chats WHERE project_id = :project_id) < :most
    RETURNING {_COLUMNS}
""")
_OF = text(f"SELECT {_COLUMNS} FROM chats WHERE project_id = :project_id ORDER BY name")
_KNOWN = text("""
    SELECT id, name FROM chats
    WHERE project_id = :project_id AND (name = ANY(:asked) OR id::text = ANY(:asked))
""")
_GET = text(f"SELECT {_COLUMNS}, key_id, ciphertext FROM chats WHERE id = :id")
_FIND = text(f"SELECT {_COLUMNS} FROM chats WHERE project_id = :project_id AND (name = :asked OR id::text = :asked)")
_MOVE = text(f"""
    UPDATE chats SET service = :service, masked = :masked, key_id = :key_id, ciphertext = :ciphertext
    WHERE id = :id RETURNING {_COLUMNS}
""")
_REMOVE = text("DELETE FROM chats WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a destination is.

    Parameters:
        url: as Apprise writes it, tokens included.
        service: what it is, `slack` for instance.
        masked: the URL without what opens it, for people.
    """

    url: str = field(repr=False)
    service: str
    masked: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A destination, as anybody may see it."""

    id: UUID
    project_id: int
    name: str
    service: str
    masked: str
    description: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OpenChat:
    """A destination with its address, tokens included."""

    chat: Chat
    url: str = field(repr=False)


@dataclass(frozen=True)
class Chats:
    """The destinations of projects.

    Parameters:
        most: destinations a project may have.
    """

    database: Database
    sealer: Sealer
    most: int = 200

    def create(
        self, project_id: int, name: str, address: Address, description: str | None = None, *, who: str
    ) -> Chat:  # fmt: skip
        """A new destination.

        Parameters:
            who: does it, for the audit log; so everywhere here.

        Raises:
            Conflict: the name is taken, or the project has `most` of them.
        """
        asked = {
            "id": new_id(), "project_id": project_id, "name": name, "description": description, "most": self.most,
            **self._sealed(address),
        }  # fmt: skip
        try:
            with self.database.transaction() as connection:
                made = connection.execute(_CREATE, asked).first()
                if made is None:
                    raise Conflict(f"A project may have {self.most} destinations. Delete one that is needed no more.")
                record(connection, project_id, who, "chat.created", subject=made.id, detail={"name": name})
        except IntegrityError as error:
            if "chats_by_name" not in str(error.orig):
                raise
            raise Conflict(f"There is a destination {name} already: PATCH it with its new url, or delete it.") from None
        return _chat(made)

    def of(self, project_id: int) -> list[Chat]:
        """A project's destinations, by name."""
        return [_chat(row) for row in self.database.rows(_OF, {"project_id": project_id})]

    def known(self, project_id: int, asked: Sequence[str]) -> Mapping[str, str]:
        """The ids of those of `asked`, names or ids, that are destinations of this project. Names go before ids."""
        if not asked:
            return {}
        rows = self.database.rows(_KNOWN, {"project_id": project_id, "asked": list(asked)})
        return {**{str(row.id): str(row.id) for row in rows}, **{row.name: str(row.id) for row in rows}}

    def find(self, project_id: int, asked: str) -> Chat:
        """The destination of that name or id. Raises NotFound."""
        rows = self.database.rows(_FIND, {"project_id": project_id, "asked": asked})
        if not rows:
            raise NotFound(f"There is no destination {asked[:64]} in this project.")
        return _chat(next((row for row in rows if row.name == asked), rows[0]))

    def move(self, project_id: int, asked: str, address: Address, *, who: str) -> Chat:
        """Give a destination another address: what waits for it goes there. Raises NotFound."""
        found = self.find(project_id, asked)
        with self.database.transaction() as connection:
            moved = connection.execute(_MOVE, {"id": found.id, **self._sealed(address)}).first()
            if moved is None:
                raise NotFound(f"There is no destination {asked[:64]} in this project.")
            record(connection, project_id, who, "chat.changed", subject=found.id, detail={"name": found.name})
        return _chat(moved)

    def remove(self, project_id: int, asked: str, *, who: str) -> Chat:
        """Delete it; what still waits for it fails. Raises NotFound."""
        found = self.find(project_id, asked)
        with self.database.transaction() as connection:
            if connection.execute(_REMOVE, {"id": found.id}).rowcount:
                record(connection, project_id, who, "chat.deleted", subject=found.id, detail={"name": found.name})
        return found

    def opened(self, identifier: UUID) -> OpenChat | None:
        """A destination with its address; None when there is no such destination."""
        rows = self.database.rows(_GET, {"id": identifier})
        if not rows:
            return None
        return OpenChat(_chat(rows[0]), self.sealer.open(Sealed(rows[0].key_id, bytes(rows[0].ciphertext)))["url"])

    def _sealed(self, address: Address) -> dict[str, Any]:
        sealed = self.sealer.seal({"url": address.url})
        return {
            "service": address.service, "masked": address.masked,
            "key_id": sealed.key_id, "ciphertext": sealed.ciphertext,
        }  # fmt: skip


def _chat(row: Row[Any]) -> Chat:
    return Chat(row.id, row.project_id, row.name, row.service, row.masked, row.description, row.created_at)
