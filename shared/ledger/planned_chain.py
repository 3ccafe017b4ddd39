"""A chain as it is accepted: every step checked and drafted, the first of them about to begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, text

from shared.crypto import Sealed
from shared.ledger.chain_rules import Goal
from shared.ledger.draft import Draft

# Not what says whose it is, nor what is secret: that is kept with the chain.
_ITS_OWN = ("id", "chain_id", "secret", "row")
_INSERT = text("""
    WITH chain AS (
        INSERT INTO chains (id, project_id, goal, step, next_at, expires_at, key_id, ciphertext)
        SELECT :id, :project_id, :goal, :step,
               CASE WHEN :step < :steps
                    THEN greatest(CAST(:send_at AS timestamptz), now()) + make_interval(secs => :patience) END,
               :expires_at, :key_id, :ciphertext
        ON CONFLICT (id) DO NOTHING RETURNING id)
    INSERT INTO chain_steps (chain_id, number, channel, goal, patience, draft, notification_id, began_at, why)
    SELECT chain.id, s.number, s.channel, s.goal, s.patience, CAST(s.draft AS jsonb),
           CASE WHEN s.number = :step THEN CAST(:first AS uuid) END,
           CASE WHEN s.number = :step THEN greatest(CAST(:send_at AS timestamptz), now()) END, s.why
    FROM chain, unnest(CAST(:numbers AS int[]), CAST(:channels AS text[]), CAST(:goals AS int[]),
                       CAST(:patiences AS float[]), CAST(:drafts AS text[]), CAST(:whys AS text[]))
                  AS s (number, channel, goal, patience, draft, why)
    RETURNING chain_id
""")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step.

    Parameters:
        goal: how far it has to come.
        patience: how long it is given before the next begins.
        draft: None where it is passed over, for the reason `why`. Without targets it goes to the devices that its user
            has when it begins.
    """

    channel: str
    goal: Goal
    patience: timedelta
    draft: Draft | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedChain:
    """A chain, checked and ready to be accepted."""

    id: UUID
    goal: Goal
    steps: Sequence[PlannedStep]

    @property
    def first(self) -> int:
        """The number of the step it begins with, from 1."""
        return next(number for number, step in enumerate(self.steps, start=1) if step.draft)

    @property
    def begins(self) -> Draft:
        """The first step."""
        return next(step.draft for step in self.steps if step.draft)


def write(connection: Connection, project_id: int, chain: PlannedChain) -> bool:
    """Write a chain down, its first step as begun; false where it is there already."""
    first, begins = chain.first, chain.begins
    later = [step.draft if number > first else None for number, step in enumerate(chain.steps, start=1)]
    secret = begins.secret if any(later) else None
    asked = {
        "id": chain.id,
        "project_id": project_id,
        "goal": chain.goal,
        "step": first,
        "steps": len(chain.steps),
        "patience": chain.steps[first - 1].patience.total_seconds(),
        "send_at": begins.send_at,
        "expires_at": begins.expires_at,
        "key_id": secret and secret.key_id,
        "ciphertext": secret and secret.ciphertext,
        "first": begins.id,
        "numbers": list(range(1, len(chain.steps) + 1)),
        "channels": [step.channel for step in chain.steps],
        "goals": [int(step.goal) for step in chain.steps],
        "patiences": [step.patience.total_seconds() for step in chain.steps],
        "drafts": [draft and _dump(draft) for draft in later],
        "whys": [step.why for step in chain.steps],
    }
    return bool(connection.execute(_INSERT, asked).all())


def read_draft(
    stored: Mapping[str, Any], *, identifier: UUID, chain_id: UUID, secret: Sealed | None, targets: Sequence[str]
) -> Draft:
    """A step's draft, from what was stored of it.

    Parameters:
        targets: where it goes, where that was left open.
    """
    known = {name: value for name, value in stored.items() if name in Draft.__slots__}
    draft = Draft(**{**known, "id": identifier, "chain_id": chain_id, "secret": secret})
    expires_at = draft.expires_at
    return replace(
        draft,
        targets=draft.targets or targets,
        expires_at=datetime.fromisoformat(expires_at) if isinstance(expires_at, str) else None,
    )


def _dump(draft: Draft) -> str:
    # What may be large or nested is not copied: `asdict` would.
    fields = {name: getattr(draft, name) for name in Draft.__slots__ if name not in _ITS_OWN}
    return orjson.dumps({name: value for name, value in fields.items() if value is not None}).decode()
