"""What keeps a message from being sent now, as SQL: suppressions, what people want, and quiet hours.

Acceptance asks about what is final, the gate of `start` about all of it. What concerns nobody costs next to nothing: a
preference is looked up only for those with a user, quiet hours only where there are any.
"""

from collections.abc import Mapping
from typing import Any

from shared.ledger.person import NOBODY

QUIET_CHANNELS = ("sms", "whatsapp", "push")
"""Those that make a noise, to which quiet hours apply unless a project says otherwise."""

# Where a message is of no category, and nobody's choices matter.
_SUPPRESSED = """(
            SELECT CASE b.scope WHEN 'category:' THEN 'The recipient does not want promotions.' ELSE b.reason END
            FROM suppressions b
            WHERE b.project_id = {project} AND b.channel = {channel} AND b.target = {target}
              AND (b.scope = 'everything' OR (b.scope IN ('promotions', 'category:') AND {promotion}))
              AND {senders} LIMIT 1)"""
_NOT_REQUIRED = """NOT EXISTS (
                     SELECT FROM categories must WHERE must.project_id = {} AND must.name = {} AND must.required)"""


def who_chooses(channel: str, kind: str, recipient: Mapping[str, Any]) -> str | None:
    """The user whose preferences matter for a message; None where nobody's do: a code was asked for."""
    return None if kind == "code" or channel in NOBODY else recipient.get("user_id")


def may_wait(channel: str, lane: str, kind: str) -> bool:
    """Whether a message keeps quiet hours: not what is critical, and no code."""
    return lane != "critical" and kind != "code" and channel not in NOBODY


def barred(
    *, project: str, channel: str, target: str, promotion: str, senders: str, category: str | None = None,
    user: str | None = None,
) -> str:  # fmt: skip
    """SQL that says why a message must not be sent: a suppression's reason, a sentence, or null.

    Parameters:
        project, channel, target, promotion, category, user: SQL for what the message is; the target in lower case.
            Neither category nor user: it is known to have none, which is planned in less time.
        senders: SQL that is true of a suppression `b` by whose sender it comes.
    """
    if category is None or user is None:
        return _SUPPRESSED.format(
            project=project, channel=channel, target=target, promotion=promotion, senders=senders
        )  # fmt: skip
    return f"""coalesce((
            SELECT CASE WHEN starts_with(b.scope, 'category:') AND b.reason = 'opt-out'
                        THEN 'The recipient does not want ' || coalesce({category}, 'promotions') || '.'
                        ELSE b.reason END
            FROM suppressions b
            WHERE b.project_id = {project} AND b.channel = {channel} AND b.target = {target}
              AND (b.scope = 'everything'
                   OR (b.scope = 'promotions' AND ({promotion} OR EXISTS (
                       SELECT FROM categories offers WHERE offers.project_id = {project} AND offers.name = {category}
                         AND offers.promotional)))
                   OR (b.scope = 'category:' AND {category} IS NULL AND {promotion})
                   OR (b.scope = 'category:' || {category} AND {_NOT_REQUIRED.format(project, category)}))
              AND {senders} LIMIT 1),
            CASE WHEN {user} IS NOT NULL THEN (
                SELECT CASE WHEN NOT p.wanted THEN 'The recipient does not want '
                    || CASE p.category WHEN '' THEN 'messages' ELSE p.category END
                    || CASE p.channel WHEN '' THEN '' ELSE ' by ' || p.channel END || '.' END
                FROM preferences p
                WHERE p.project_id = {project} AND p.user_id = {user} AND p.category IN ('', coalesce({category}, ''))
                  AND p.channel IN ('', {channel}) AND {_NOT_REQUIRED.format(project, category)}
                ORDER BY p.category DESC, p.channel DESC LIMIT 1) END)"""


def quiet(*, project: str, channel: str, user: str, zone: str, asked: str) -> str:
    """SQL for until when quiet hours keep a message, and why (`waiting`); null where they do not.

    Parameters:
        zone: SQL for the recipient's time zone, as the message says it.
        asked: SQL that is true of messages that keep quiet hours at all.
    """
    channels = ", ".join(f"'{one}'" for one in QUIET_CHANNELS)
    return f"""CASE WHEN {asked} AND ({user} IS NOT NULL OR EXISTS (SELECT FROM quiet_hours)) THEN (
            SELECT quiet_end(now(), coalesce({zone}, r.timezone, q.timezone, 'UTC'),
                             coalesce(r.quiet_from, q.quiet_from), coalesce(r.quiet_until, q.quiet_until))
            FROM (SELECT) one
            LEFT JOIN quiet_hours q ON q.project_id = {project}
            LEFT JOIN recipients r ON r.project_id = {project} AND r.user_id = {user}
            WHERE {channel} = ANY(coalesce(q.channels, ARRAY[{channels}]))
              AND coalesce(r.quiet_from, q.quiet_from) IS NOT NULL) END"""
