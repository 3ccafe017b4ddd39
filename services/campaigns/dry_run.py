"""Dry runs: every member is looked at as if it were being sent to, and nothing is.

A sample is rendered as a worker would do it: the first few to be shown, the others to count the SMS they would take.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.campaigns.prepared import Preparer
from shared.campaigns.moments import LocalTime, span, waves
from shared.campaigns.typed import unused
from shared.delivery.rendering import Renderer
from shared.errors import TemplateError
from shared.intake import Intake
from shared.intake.drafts import Problems, Row
from shared.intake.recipient import MISSING, no_devices
from shared.ledger.audiences import Audience, Member
from shared.ledger.campaign_turns import Turn
from shared.ledger.campaigns import Campaign, Campaigns
from shared.ledger.draft import Draft
from shared.ledger.work import Claimed
from shared.messages.content import dump_content
from shared.messages.segments import measure
from shared.messages.sms import SmsContent

CHUNK = 1000
SHOWN = 3
"""Renderings that are kept to be looked at."""
SAMPLED, SAMPLED_OF_CHUNK, SAMPLED_OF_OTHERS = 1000, 25, 50
"""Messages that are rendered, where they are SMS, which are counted; of those a thousand members; and of others."""
SECONDS = 3.0
"""Spent on rendering in one turn, at most: the ledger waits for its next statement."""
MOST_FIELDS = 30
"""Kinds of problems that are told apart."""
_LONGEST = 64 * 1024


@dataclass(frozen=True)
class DryRuns:
    """Goes on with dry runs."""

    intake: Intake
    preparer: Preparer
    renderer: Renderer
    campaigns: Campaigns

    def go_on(self, turn: Turn) -> None:
        """Look at some members, and write down what was seen."""
        campaign = turn.campaign
        seen: dict[str, Any] = dict(campaign.dry_run or {})
        prepared = self.preparer.of(campaign)
        members = turn.everybody(seen.get("number", 0), CHUNK)
        local = LocalTime.of(campaign.local_time) if campaign.local_time else None
        going, _ = waves(
            prepared.audience.zones, prepared.audience.members, turn.now, send_at=campaign.send_at, local_time=local
        )
        zones = {wave.zone for wave in going}
        late = [one for one in members if local and one.zone not in zones]
        rows = prepared.rows(campaign.id, [one for one in members if not local or one.zone in zones])
        drafts, refused = self.intake.drafts.make(campaign.project_id, prepared.envelope, rows)
        barred = self._barred(turn, drafts)
        good = [draft for place, draft in enumerate(drafts) if place not in barred]
        _count(seen, members, refused, barred.values(), late=len(late), good=len(good))
        columns = set().union(*(unused(one.data, prepared.variables) for one in members))
        seen["unused_columns"] = sorted({*seen.get("unused_columns", ()), *columns})[:MOST_FIELDS]
        renderings = self._render(campaign, seen, good, whole=campaign.members <= SAMPLED)
        more = len(members) == CHUNK
        if not more:
            self._conclude(seen, campaign, prepared.audience)
            if times := span(going):
                seen["first_at"], seen["last_at"] = times
        kept = [*(campaign.renderings or ()), *renderings]
        turn.note(seen, kept if renderings else None, more=more)

    def _barred(self, turn: Turn, drafts: Sequence[Draft]) -> dict[int, str]:
        """The drafts, by place, none of whose targets may be written to, and why."""
        targets = [(place, draft, target) for place, draft in enumerate(drafts) for target in draft.targets]
        if not targets:
            return {}
        reasons = turn.barred([(draft, target) for _, draft, target in targets])
        free = {place for number, (place, _, _) in enumerate(targets) if number not in reasons}
        return {targets[number][0]: reason for number, reason in reasons.items() if targets[number][0] not in free}

    def _render(
        self, campaign: Campaign, seen: dict[str, Any], drafts: Sequence[Draft], *, whole: bool
    ) -> list[dict[str, Any]]:
        """Render a sample; what of it is to be shown."""
        sampled, until = seen.setdefault("sampled", 0), time.monotonic() + SECONDS
        step = 1 if whole else max(1, len(drafts) // SAMPLED_OF_CHUNK)
        most = SAMPLED if campaign.channel == "sms" else SAMPLED_OF_OTHERS
        chosen = drafts[::step][: max(0, most - sampled)]
        if not sampled:
            chosen = list({draft.id: draft for draft in (*drafts[:SHOWN], *chosen)}.values())
        shown: list[dict[str, Any]] = []
        segments = Counter({int(n): count for n, count in seen.get("segments", {}).items()})
        looked_at = 0
        for draft in chosen:
            if time.monotonic() > until:
                break
            looked_at += 1
            try:
                content = self.renderer.content(_as_claimed(draft, campaign.project_id))
            except TemplateError as error:
                _problem(seen, "(rendering)", str(error), draft.row or 0)
                continue
            if sampled + len(shown) < SHOWN and len(shown) < SHOWN:
                shown.append({
                    "row": draft.row, "to": draft.targets[0], "content": _short(dump_content(draft.channel, content)),
                })  # fmt: skip
            if isinstance(content, SmsContent):
                segments[measure(content.body).segments] += 1
        seen["sampled"] = sampled + looked_at
        if segments:
            seen["segments"] = {str(n): segments[n] for n in sorted(segments)}
        return shown

    def _conclude(self, seen: dict[str, Any], campaign: Campaign, audience: Audience) -> None:
        seen["state"] = "done"
        seen["excluded"] = {
            "duplicates": audience.duplicates, "refused_rows": audience.refused, **seen.get("excluded", {}),
        }  # fmt: skip
        would_send = seen["would_send"]
        if total := sum(seen.get("segments", {}).values()):
            mean = sum(int(n) * count for n, count in seen["segments"].items()) / total
            seen["estimated_segments"] = round(mean * would_send)
        speed = campaign.rate or self.campaigns.speed(campaign.queue)
        seen["estimated_seconds"] = round(would_send / speed, 1) if speed else None
        seen["estimated_by"] = "throttle" if campaign.rate else "the last campaign of this lane" if speed else None


def _count(
    seen: dict[str, Any], members: Sequence[Member], refused: Iterable[tuple[Row, Problems]], barred: Iterable[str], *,
    late: int, good: int,
) -> None:  # fmt: skip
    excluded: dict[str, Any] = seen.setdefault("excluded", {})
    for row, problems in refused:
        field, every = next(iter(problems.items()))
        user = row.to.get("user_id") if isinstance(row.to, Mapping) else None
        if every[0] == MISSING.get(field) or (user and every[0] == no_devices(user)):
            excluded["no_address"] = excluded.get("no_address", 0) + 1
        else:
            excluded["invalid"] = excluded.get("invalid", 0) + 1
            _problem(seen, field, every[0], row.number or 0)
    if late:
        excluded["past"] = excluded.get("past", 0) + late
    suppressed = Counter(excluded.get("suppressed", {}))
    # What they want is said in a sentence each.
    suppressed.update("preferences" if reason.endswith(".") else reason for reason in barred)
    if suppressed:
        excluded["suppressed"] = dict(suppressed)
    seen["would_send"] = seen.get("would_send", 0) + good
    seen["looked_at"] = seen.get("looked_at", 0) + len(members)
    if members:
        seen["number"] = members[-1].number


def _problem(seen: dict[str, Any], field: str, problem: str, row: int) -> None:
    """Count a problem by its field; the first of each is told."""
    problems: dict[str, Any] = seen.setdefault("problems", {})
    field = field if field in problems or len(problems) < MOST_FIELDS else "(others)"
    told = problems.setdefault(field, {"count": 0, "problem": problem[:500], "row": row})
    told["count"] += 1


def _as_claimed(draft: Draft, project_id: int) -> Claimed:
    """A draft as the worker would have it that sends it."""
    return Claimed(
        id=draft.id, notification_id=draft.id, project_id=project_id, fence=0, attempts=0, deaths=0, hold=False,
        target=draft.targets[0], channel=draft.channel, lane=draft.lane, kind=draft.kind,
        template_id=draft.template_id, recipient=draft.recipient, data=draft.data, content=draft.content,
        expires_in=None, age=0.0, category=draft.category,
    )  # fmt: skip


def _short(content: dict[str, Any]) -> dict[str, Any]:
    """Without the bytes of what is attached, and with no text longer than a person reads."""
    kept: dict[str, Any] = {
        name: value[:_LONGEST] if isinstance(value, str) else value for name, value in content.items()
    }
    if "attachments" in kept:
        kept["attachments"] = [{"filename": one["filename"]} for one in content["attachments"]]
    return kept
