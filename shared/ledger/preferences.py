"""What people want: by category and channel, or by one of them, or at all. The row that says most decides.

`Preferences` is what a project's application says of its users. `OptOuts` is what people say themselves, by a link.
What they say by a link is of the address it was sent to, so it holds whether or not a message names the user; where
the link knows the user it is of the user too. Whoever speaks last is heard: a `wanted` category lifts the wish not to
have it from the user's stored addresses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.errors import Conflict
from shared.ledger.categories import Category
from shared.ledger.database import Database
from shared.ledger.endings import suppressed_because
from shared.ledger.suppressions import OF_CATEGORY, lift_scopes, suppress
from shared.ledger.wishes import barred

CHANNELS = ("email", "sms", "whatsapp", "push")
MOST = 200
"""Rows of one user."""

REASON = "opt-out"
_ALL = text("""
    SELECT category, channel, wanted, source, at FROM preferences
    WHERE project_id = :project_id AND user_id = :user_id ORDER BY category, channel
""")
_SET = text("""
    INSERT INTO preferences (project_id, user_id, category, channel, wanted, source)
    VALUES (:project_id, :user_id, :category, :channel, :wanted, :source)
    ON CONFLICT (project_id, user_id, category, channel) DO UPDATE
    SET wanted = excluded.wanted, source = excluded.source, at = now()
""")
_FORGET = text("""
    DELETE FROM preferences
    WHERE project_id = :project_id AND user_id = :user_id AND category = :category AND channel = :channel
""")
_FORGET_ALL = text("DELETE FROM preferences WHERE project_id = :project_id AND user_id = :user_id")
_FORGET_CHANNELS = text("""
    DELETE FROM preferences WHERE project_id = :project_id AND user_id = :user_id AND category = :category
""")
_COUNT = text("SELECT count(*) FROM preferences WHERE project_id = :project_id AND user_id = :user_id")
_ADDRESSES = text("SELECT email, phone FROM recipients WHERE project_id = :project_id AND user_id = :user_id")
_TARGET = "CASE k.channel WHEN 'email' THEN lower(r.email) WHEN 'sms' THEN r.phone WHEN 'whatsapp' THEN r.phone END"
_KINDS = """
    (SELECT name, required, promotional, position FROM categories WHERE project_id = :project_id
     UNION ALL SELECT NULL, false, false, 2147483647) c
"""
# The same question as the gate's, so that what is told is what will be done.
_HOLDS = text(f"""
    SELECT category, channel, required, {suppressed_because("why")} AS why FROM (
        SELECT c.name AS category, k.channel, c.required, c.position, k.number, {
    barred(
        project="CAST(:project_id AS int)",
        channel="k.channel",
        target=_TARGET,
        promotion="c.promotional",
        category="c.name",
        user="CAST(:user_id AS text)",
        senders="b.sender = ''",
    )
} AS why
        FROM {_KINDS} CROSS JOIN unnest(CAST(:channels AS text[])) WITH ORDINALITY AS k (channel, number)
        LEFT JOIN recipients r ON r.project_id = :project_id AND r.user_id = :user_id) found
    ORDER BY position, category NULLS LAST, number
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
class Preference:
    """What a user wants of a category by a channel. Empty: of all, by all. `source`: who said so."""

    category: str
    channel: str
    wanted: bool
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Whether a user gets what is of a category by a channel, and why not. `category` None: what is of none."""

    category: str | None
    channel: str
    required: bool
    wanted: bool
    why: str | None


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
class Preferences:
    """What the users of a project want."""

    database: Database

    def of(self, project_id: int, user_id: str) -> list[Preference]:
        """What was said of a user, whoever said it."""
        rows = self.database.rows(_ALL, {"project_id": project_id, "user_id": user_id})
        return [Preference(**row._mapping) for row in rows]

    def holding(self, project_id: int, user_id: str) -> list[Held]:
        """What holds for a user, for each category and channel. The answer for one is the gate's."""
        asked = {"project_id": project_id, "user_id": user_id, "channels": list(CHANNELS)}
        return [
            Held(row.category, row.channel, row.required, row.why is None, row.why)
            for row in self.database.rows(_HOLDS, asked)
        ]

    def set(
        self, project_id: int, user_id: str, wanted: Mapping[tuple[str, str], bool | None], *, source: str,
        replace: bool = False,
    ) -> None:  # fmt: skip
        """Note what a user wants by (category, channel); None forgets it.

        Parameters:
            replace: what is not in `wanted` is forgotten.

        Raises:
            Conflict: there would be too many; none is noted.
        """
        theirs = {"project_id": project_id, "user_id": user_id}
        with self.database.transaction() as connection:
            if replace:
                connection.execute(_FORGET_ALL, theirs)
            for (category, channel), value in sorted(wanted.items()):
                place = theirs | {"category": category, "channel": channel}
                if value is None:
                    connection.execute(_FORGET, place)
                else:
                    connection.execute(_SET, place | {"wanted": value, "source": source})
            if connection.execute(_COUNT, theirs).scalar_one() > MOST:
                raise Conflict(f"A user has at most {MOST} preferences: say some of them of all channels together.")
            _hear(connection, project_id, user_id, [place for place, value in wanted.items() if value])


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
    return None if connection.execute(_REQUIRED, asked).first() else category


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
        connection.execute(_SET, place | {"wanted": want, "source": source})
    _hear(
        connection, chooser.project_id, str(chooser.user_id),
        [(name, chooser.channel) for name, want in changed.items() if want],
    )  # fmt: skip


def _hear(connection: Connection, project_id: int, user_id: str, wanted: Iterable[tuple[str, str]]) -> None:
    """Lift what a user's stored addresses did not want and they want now."""
    wanted = [(category, channel) for category, channel in wanted if category]
    if not wanted:
        return
    found = connection.execute(_ADDRESSES, {"project_id": project_id, "user_id": user_id}).first()
    if found is None:
        return
    for channel, target in (("email", found.email), ("sms", found.phone), ("whatsapp", found.phone)):
        scopes = [OF_CATEGORY + category for category, by in wanted if by in ("", channel)]
        if target and scopes:
            lift_scopes(connection, channel, target, project_id=project_id, scopes=scopes)


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
