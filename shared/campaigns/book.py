"""The campaigns of projects: made after everything is checked that can be, tried, released, and how far they are."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.campaigns.fields import CampaignRequestSchema
from shared.campaigns.moments import TOLERATED, LocalTime, waves
from shared.campaigns.pace import rate_of
from shared.campaigns.progress import progress_of
from shared.delivery.bells import Ringer
from shared.errors import Conflict, InvalidInput, NotFound
from shared.intake import Intake
from shared.intake.canonical import canonical, request_hash
from shared.intake.envelope import Envelope
from shared.intake.problems import load
from shared.ledger.audiences import Audience, Audiences
from shared.ledger.batches import Batches
from shared.ledger.campaigns import Campaign, Campaigns
from shared.ledger.draft import IdempotencyKey
from shared.ledger.ids import new_id

QUEUE = "campaigns"
"""Where bells of the service of campaigns are rung."""
SHOWN_WAVES = 100
AHEAD = timedelta(days=3660)

_REQUEST = CampaignRequestSchema()
_CODE = (
    "One-time codes are no campaign: each is for one person, and worthless soon. Send it with POST /v1/notifications."
)
_SEALED = (
    "The template has secret variables, which an audience would keep readable. Choose a template without, or send it "
    "with POST /v1/notifications/bulk."
)
_HIDDEN = ("project_id", "template_id", "stream_id", "paced_until", "rate", "next_at", "request", "renderings")


@dataclass(frozen=True)
class CampaignBook:
    """Makes, tries, releases, pauses, resumes, cancels and shows campaigns.

    Parameters:
        ringer: wakes the service that does the work; None leaves that to the relay, which does it within a second.
        now: the clock by which a new campaign is judged.
    """

    intake: Intake
    campaigns: Campaigns
    audiences: Audiences
    batches: Batches
    ringer: Ringer | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def create(
        self, project_id: int, asked: Any, idempotency_key: str | None = None, *, who: str
    ) -> tuple[Campaign, bool]:
        """Make a draft; and whether that was done by an earlier call under the same key.

        Raises:
            InvalidInput: every problem, by field path; or the key was used before with a different request.
            Conflict: the project has too many.
        """
        form = canonical(asked)
        identifier = new_id()
        key = idempotency_key and IdempotencyKey(idempotency_key, request_hash(form), {"campaign": str(identifier)})
        if key and (earlier := self.intake.acceptance.earlier(project_id, key)) is not None:
            return self._earlier(project_id, earlier)
        loaded = load(_REQUEST, asked)
        now = self.now()
        audience = self._audience(project_id, loaded["audience"])
        envelope = self._envelope(project_id, loaded["request"])
        _check_times(loaded, audience, now)
        throttle = loaded.get("throttle")
        draft = Campaign(
            id=identifier, project_id=project_id, name=loaded["name"], audience_id=audience.id,
            template_id=envelope.pinned.id if envelope.pinned else None,
            request={**loaded["request"], "lane": envelope.lane}, queue=envelope.queue, throttle=throttle,
            rate=rate_of(throttle) if throttle else None, send_at=loaded.get("send_at"),
            local_time=loaded.get("local_time"), members=audience.members, state="draft", next_at=None,
            paced_until=None, batch_id=None, stream_id=None, taken=0, refused=0, passed_over=0, dry_run=None,
            renderings=None, problem=None, created_at=now, released_at=None, started_at=None, paused_at=None,
            paused_for=0.0, ended_at=None,
        )  # fmt: skip
        made = self.campaigns.create(draft, who=who, key=key or None)
        if made is not None:
            return made, False
        return self._earlier(project_id, self.intake.acceptance.earlier(project_id, key) if key else None)

    def page(
        self, project_id: int, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Campaigns, newest first, as a list tells of them. Raises InvalidInput for a cursor that is none."""
        found, following = self.campaigns.page(project_id, state=state, limit=limit, cursor=cursor)
        return [summary(one) for one in found], following

    def show(self, project_id: int, identifier: UUID) -> dict[str, Any]:
        """All there is to say of a campaign: how far it is, and when it will be over. Raises NotFound."""
        found = self.campaigns.get(project_id, identifier)
        turns = self.campaigns.waves(found.id)
        states: Mapping[str, int] = {}
        if found.batch_id is not None:
            states = {str(state): n for state, n in self.batches.progress(project_id, found.batch_id).states.items()}
        speed = None if found.rate else self.campaigns.speed(found.queue)
        return {
            **summary(found),
            "request": found.request,
            "progress": asdict(progress_of(found, states, turns, self.now(), speed)),
            "waves": [
                {"zone": one.zone, "starts_at": one.starts_at, "members": one.members, "done": one.done}
                for one in turns[:SHOWN_WAVES]
            ],
            "renderings": list(found.renderings or ()),
        }

    def try_out(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Have the service look at every member, and say what would be sent. Raises NotFound, Conflict."""
        begun = {"state": "running", "looked_at": 0, "number": 0}
        self.campaigns.begin_dry_run(project_id, identifier, begun, who=who)
        self._ring()

    def release(
        self, project_id: int, identifier: UUID, *, unseen: bool = False, who: str, now: datetime | None = None
    ) -> None:
        """Let a draft go out: at once, at its moment, or at the local times of its members.

        Parameters:
            unseen: although no dry run has been finished.

        Raises:
            NotFound: there is none.
            Conflict: it is no draft, it had no dry run, or there is nobody whose time has not passed.
        """
        found = self.campaigns.get(project_id, identifier)
        if found.state != "draft":
            raise Conflict(f"It is {found.state} already.")
        audience = self.audiences.get(project_id, found.audience_id)
        local = LocalTime.of(found.local_time) if found.local_time else None
        turns, passed_over = waves(
            audience.zones, audience.members, now or self.now(), send_at=found.send_at, local_time=local
        )
        if not turns:
            raise Conflict("Its local time has passed for everybody, and those are skipped. Make a new campaign.")
        self.campaigns.release(project_id, identifier, turns, passed_over, unseen=unseen, who=who, now=now)
        self._ring()

    def pause(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Let nothing more go out until it is resumed. Raises NotFound, Conflict."""
        self.campaigns.pause(project_id, identifier, who=who)

    def resume(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Let it go on where it was. Raises NotFound, Conflict."""
        queue = self.campaigns.resume(project_id, identifier, who=who)
        if self.ringer:
            self.ringer.ring(queue)
        self._ring()

    def cancel(self, project_id: int, identifier: UUID, *, who: str) -> None:
        """Let nothing more go out, for good. Raises NotFound, Conflict."""
        self.campaigns.cancel(project_id, identifier, who=who)
        self._ring()

    def _ring(self) -> None:
        if self.ringer:
            self.ringer.ring(QUEUE)

    def _audience(self, project_id: int, said: str) -> Audience:
        try:
            found = self.audiences.named(project_id, said)
        except NotFound:
            raise InvalidInput(
                {"audience": ["There is no such audience: GET /v1/audiences lists them, POST makes one."]}
            ) from None
        if found.closed_at is None:
            raise InvalidInput({"audience": ["It is being loaded. Complete its upload first."]})
        if not found.members:
            raise InvalidInput({"audience": ["Nobody is in it."]})
        return found

    def _envelope(self, project_id: int, request: dict[str, Any]) -> Envelope:
        """What everybody is sent; `request` is given its lane, and that nobody is sent to twice for a doubt."""
        if "send_at" in request:
            raise _within({"send_at": ["The campaign says when: leave this out of its request."]})
        request.setdefault("lane", "bulk")
        if request.get("channel") != "webhook":  # whose receivers can tell a repetition
            request.setdefault("on_unknown", "hold")
        try:
            envelope = self.intake.envelope(project_id, request)
        except InvalidInput as error:
            # It was not given: that it is missed means that this is a code.
            code = "template" in request and "expires_at" in error.fields and "expires_at" not in request
            raise _within({"template": [_CODE]} if code else error.fields) from None
        if envelope.kind == "code":
            raise _within({"template": [_CODE]})
        if envelope.pinned and envelope.pinned.template.secret_variables:
            raise _within({"template": [_SEALED]})
        return envelope

    def _earlier(self, project_id: int, answer: Mapping[str, Any] | None) -> tuple[Campaign, bool]:
        if answer is None:
            raise Conflict("This Idempotency-Key was removed a moment ago. Try again.")
        if "campaign" not in answer:
            raise InvalidInput({"Idempotency-Key": ["This key was used before for something else. Use a new key."]})
        return self.campaigns.get(project_id, UUID(answer["campaign"])), True


def summary(campaign: Campaign) -> dict[str, Any]:
    """What a list tells of a campaign: not what it sends."""
    shown = asdict(campaign)
    for name in _HIDDEN:
        del shown[name]
    if campaign.dry_run:
        shown["dry_run"] = {name: value for name, value in campaign.dry_run.items() if name != "number"}
    return shown


def _check_times(loaded: Mapping[str, Any], audience: Audience, now: datetime) -> None:
    send_at = loaded.get("send_at")
    if send_at and send_at < now - TOLERATED:
        raise InvalidInput({"send_at": ["This moment has passed. Leave send_at out to send when it is released."]})
    if send_at and send_at > now + AHEAD:
        raise InvalidInput({"send_at": ["Is too far ahead: ten years at most."]})
    if "local_time" in loaded:
        local = LocalTime.of(loaded["local_time"])
        moments = [local.moment(zone) for zone in audience.zones]
        if max(moments) < now:
            raise InvalidInput({"local_time.at": ["This time has passed for everybody in the audience."]})
        if max(moments) > now + AHEAD:
            raise InvalidInput({"local_time.at": ["Is too far ahead: ten years at most."]})


def _within(problems: Mapping[str, list[str]]) -> InvalidInput:
    return InvalidInput(
        {"request" if path == "(body)" else f"request.{path}": every for path, every in problems.items()}
    )
