"""What people choose by a link: about what is sent to an address, or to a user.

What they say by a link is of the address it was sent to, so it holds whether or not a message names the user; where
the link knows the user it is of the user too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.ledger.categories import Category
from shared.ledger.database import Database
from shared.ledger.preferences import SET, hear
from shared.ledger.suppressions import OF_CATEGORY, lift_scopes, suppress
from shared.ledger.wishes import barred

REASON = "opt-out"
_FORGET_CHANNELS = text("""
    DELETE FROM preferences WHERE project_id = :project_id AND user_id = :user_id AND category = :category
""")
_CHOICES = text(f"""
    SELECT c.name, c.label, c.description, c.required, c.promotional, c.position, {
    barred(
        project="CAST(:project_id AS int)",
        channel="CAST(:channel AS text)",
        target="lower(CAST(:target AS text))",
        promotion="c.promotional",
        category="c.name",
        user="CAST(:user_id AS text)",
        senders="b.sender = ''",
    )
} IS NULL AS wanted
    FROM (SELECT name, label, description, required, promotional, position FROM categories
          WHERE project_id = :project_id
          UNION ALL SELECT NULL, '', NULL, false, true, 2147483647) c
    ORDER BY c.position, c.name NULLS LAST
""")
_REQUIRED = text("SELECT FROM categories WHERE project_id = :project_id AND name = :name AND required")
_NOW = text("SELECT now()")
_BLANKET = "promotions"


@dataclass(frozen=True, slots=True)
class Choice:
    """A category as the page of choices shows it; None: promotions of none."""

    category: Category | None
    wanted: bool


@dataclass(frozen=True, slots=True)
class Chooser:
    """Who chooses by a link: an address, a user, or both."""

    project_id: int
    channel: str
    target: str
    user_id: str | None
    delivery_id: UUID | None


@dataclass(frozen=True)
class OptOuts:
    """What people choose by a link."""

    database: Database

    def choices(self, chooser: Chooser) -> list[Choice]:
        """Every category of the project, and whether they get it; last of all, promotions of no category."""
        with self.database.transaction() as connection:
            return _choices(connection, chooser)

    def choose(self, chooser: Chooser, wanted: Mapping[str, bool], *, source: str) -> None:
        """Note what they want by category (empty: promotions of none). What stays as it was is not touched."""
        with self.database.transaction() as connection:
            choices = _choices(connection, chooser)
            changed = {
                name: wanted[name]
                for one in choices
                if (name := _name(one)) in wanted
                and wanted[name] != one.wanted
                and not (one.category and one.category.required)
            }
            if chooser.target:
                promotional = {
                    _name(one): wanted.get(_name(one), one.wanted)
                    for one in choices
                    if one.category is None or one.category.promotional
                }
                _choose_for_target(connection, chooser, changed, promotional, source=source)
            if chooser.user_id is not None:
                _choose_for_user(connection, chooser, {name: want for name, want in changed.items() if name}, source)

    def end(self, chooser: Chooser, category: str | None, *, source: str) -> None:
        """One click: what is of this category comes no more; promotions, where it has none or a required one."""
        with self.database.transaction() as connection:
            name = _chosen(connection, chooser, category)
            _bar(connection, chooser, [OF_CATEGORY + name if name else _BLANKET], source)
            if name and chooser.user_id is not None:
                _choose_for_user(connection, chooser, {name: False}, source)

    def take_back(self, chooser: Chooser, category: str | None, *, source: str) -> None:
        """Take one click back, and nothing else that is known against writing to them."""
        with self.database.transaction() as connection:
            name = _chosen(connection, chooser, category)
            _lift(connection, chooser, [OF_CATEGORY + name] if name else [_BLANKET, OF_CATEGORY])
            if name and chooser.user_id is not None:
                _choose_for_user(connection, chooser, {name: True}, source)


def _chosen(connection: Connection, chooser: Chooser, category: str | None) -> str | None:
    """The category, if people may choose about it."""
    if category is None:
        return None
    asked = {"project_id": chooser.project_id, "name": category}
    return None if connection.execute(_REQUIRED, asked).first() is not None else category


def _bar(connection: Connection, chooser: Chooser, scopes: Iterable[str], source: str) -> None:
    now = connection.execute(_NOW).scalar_one()
    for scope in sorted(scopes):
        suppress(
            connection, chooser.channel, chooser.target, project_id=chooser.project_id, scope=scope, reason=REASON,
            source=source, at=now, delivery_id=chooser.delivery_id,
        )  # fmt: skip


def _lift(connection: Connection, chooser: Chooser, scopes: list[str]) -> None:
    lift_scopes(connection, chooser.channel, chooser.target, project_id=chooser.project_id, scopes=scopes)


def _choose_for_target(
    connection: Connection, chooser: Chooser, changed: Mapping[str, bool], promotional: Mapping[str, bool], *,
    source: str,
) -> None:  # fmt: skip
    """Promotions as a whole go when the last of them does; who wants one again gets that one, and no other."""
    lifted = [OF_CATEGORY + name for name, want in changed.items() if want]
    added = {OF_CATEGORY + name for name, want in changed.items() if not want}
    if any(changed.get(name) for name in promotional):
        lifted.append(_BLANKET)
        added |= {OF_CATEGORY + name for name, want in promotional.items() if not want}
    elif changed and not any(promotional.values()):
        added.add(_BLANKET)
    _lift(connection, chooser, lifted)
    _bar(connection, chooser, added, source)


def _choose_for_user(connection: Connection, chooser: Chooser, changed: Mapping[str, bool], source: str) -> None:
    theirs = {"project_id": chooser.project_id, "user_id": chooser.user_id}
    for name, want in sorted(changed.items()):
        place = theirs | {"category": name, "channel": chooser.channel}
        if not chooser.channel:
            # They speak of the category as a whole: what was said of it by single channels would say more.
            connection.execute(_FORGET_CHANNELS, theirs | {"category": name})
        connection.execute(SET, place | {"wanted": want, "source": source})
    hear(
        connection, chooser.project_id, str(chooser.user_id),
        [(name, chooser.channel) for name, want in changed.items() if want],
    )  # fmt: skip


def _choices(connection: Connection, chooser: Chooser) -> list[Choice]:
    asked = {
        "project_id": chooser.project_id, "channel": chooser.channel, "target": chooser.target,
        "user_id": chooser.user_id,
    }  # fmt: skip
    return [_choice(row) for row in connection.execute(_CHOICES, asked)]


def _choice(row: Any) -> Choice:
    if row.name is None:
        return Choice(None, row.wanted)
    category = Category(row.name, row.label, row.description, row.required, row.promotional, row.position)
    return Choice(category, row.wanted or row.required)


def _name(choice: Choice) -> str:
    return choice.category.name if choice.category else ""
