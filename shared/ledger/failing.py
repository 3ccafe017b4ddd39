"""The record of endpoints that fail: one that does so for days is disabled, and its project is told."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.ledger.database import Database

DISABLED = "endpoint.disabled"

_WELL = text("UPDATE endpoints SET failing_since = NULL WHERE id = :id AND failing_since IS NOT NULL")
# A disabled endpoint is not told of itself, so it needs another one that wants to know.
_ILL = text(f"""
    WITH failing AS (
        UPDATE endpoints
        SET failing_since = COALESCE(failing_since, now()),
            disabled_at = CASE WHEN :at_once OR failing_since < now() - make_interval(secs => :patience)
                               THEN now() END,
            disabled_reason = CASE WHEN :at_once OR failing_since < now() - make_interval(secs => :patience)
                                   THEN :reason END
        WHERE id = :id AND disabled_at IS NULL
          AND (failing_since IS NULL OR :at_once OR failing_since < now() - make_interval(secs => :patience))
        RETURNING id, project_id, url, failing_since, disabled_at, disabled_reason),
    told AS (
        INSERT INTO events (project_id, type, detail)
        SELECT project_id, '{DISABLED}',
               jsonb_build_object('endpoint', id, 'url', url, 'reason', disabled_reason, 'failing_since', failing_since)
        FROM failing f
        WHERE disabled_at IS NOT NULL AND EXISTS (
            SELECT FROM endpoints o
            WHERE o.project_id = f.project_id AND o.id <> f.id AND o.disabled_at IS NULL AND o.events <> '{{}}')),
    audited AS (
        INSERT INTO audit_log (project_id, who, what, subject, detail)
        SELECT project_id, 'crier', '{DISABLED}', id::text, jsonb_build_object('reason', disabled_reason)
        FROM failing WHERE disabled_at IS NOT NULL)
    SELECT disabled_at IS NOT NULL AS disabled FROM failing
""")


@dataclass(frozen=True)
class Failing:
    """Which endpoints fail, and since when."""

    database: Database

    def succeeded(self, identifier: UUID) -> None:
        """It took a webhook: whatever failed before is over."""
        self.database.execute(_WELL, {"id": identifier})

    def failed(self, identifier: UUID, reason: str, *, patience: float, at_once: bool = False) -> bool:
        """It did not take a webhook. Whether that disabled it, which its project's other endpoints are then told of.

        Parameters:
            reason: why it is disabled, if it is.
            patience: seconds it may have been failing. at_once: it wants no more.
        """
        asked = {"id": identifier, "reason": reason, "patience": patience, "at_once": at_once}
        return any(row.disabled for row in self.database.rows(_ILL, asked))
