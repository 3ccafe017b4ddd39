"""What a campaign says for all its members, read once and kept; and its members as rows of an upload."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from cachetools import LRUCache

from shared.campaigns.typed import fitting
from shared.intake import Intake
from shared.intake.drafts import Row
from shared.intake.envelope import Envelope, sealed
from shared.intake.problems import load
from shared.intake.request import EnvelopeSchema
from shared.intake.upload import Form
from shared.ledger.audiences import Audience, Audiences, Member
from shared.ledger.campaigns import Campaign
from shared.ledger.ids import derived_id
from shared.templates.variables import Variable

_ENVELOPE = EnvelopeSchema()
_KEPT = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """A campaign, ready for its members."""

    envelope: Envelope
    audience: Audience

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What its template declares, by name."""
        return self.envelope.pinned.template.variables.declared if self.envelope.pinned else {}

    def rows(self, parent: UUID, members: Iterable[Member]) -> list[Row]:
        """Members as rows, whose ids are derived from `parent` and their numbers."""
        declared, is_text = self.variables, self.audience.form == Form.CSV
        return [
            Row(
                derived_id(parent, one.number), one.recipient, fitting(one.data, declared, is_text=is_text),
                one.metadata, one.number,
            )
            for one in members
        ]  # fmt: skip


class Preparer:
    """Prepares campaigns."""

    def __init__(self, intake: Intake, audiences: Audiences) -> None:
        self._intake = intake
        self._audiences = audiences
        self._kept: LRUCache[UUID, Prepared] = LRUCache(maxsize=_KEPT)

    def of(self, campaign: Campaign) -> Prepared:
        """With the template version it was checked with. Neither it nor its audience changes any more."""
        found = self._kept.get(campaign.id)
        if found is None:
            pinned = None if campaign.template_id is None else self._intake.templates.version(campaign.template_id)
            envelope = sealed(load(_ENVELOPE, campaign.request), pinned)
            found = Prepared(envelope, self._audiences.get(campaign.project_id, campaign.audience_id))
            self._kept[campaign.id] = found
        return found
