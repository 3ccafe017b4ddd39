"""What users want: by category and channel, or by one of them, or at all. The row that says most decides.

Beside it is what people say by a link of an address (`shared/ledger/opt_outs.py`). Whoever speaks last is heard: a
category that is wanted again is so by the user's stored addresses too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from shared.errors import Conflict
from shared.ledger.database import Database
from shared.ledger.endings import suppressed_because
from shared.ledger.suppressions import OF_CATEGORY, lift_scopes
from shared.ledger.wishes import barred

CHANNELS = ("email", "sms", "whatsapp", "push")
MOST = 200
"""Rows of one user."""

_ALL = text("""
    SELECT category, channel, wanted, source, at FROM preferences
    WHERE project_id = :project_id AND user_id = :user_id ORDER BY category, channel
""")
SET = text("""
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
                    connection.execute(SET, place | {"wanted": value, "source": source})
            if connection.execute(_COUNT, theirs).scalar_one() > MOST:
                raise Conflict(f"A user has at most {MOST} preferences: say some of them of all channels together.")
            hear(connection, project_id, user_id, [place for place, value in wanted.items() if value])


def hear(connection: Connection, project_id: int, user_id: str, wanted: Iterable[tuple[str, str]]) -> None:
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
