"""`/v1/campaigns`: one notification to each person of an audience; tried, released, paused, resumed, cancelled."""

from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import SMALL, json_body
from services.gateway.campaign_schemas import CampaignPageSchema, CampaignSchema
from services.gateway.endpoint_schemas import DeletedSchema
from services.gateway.notifications import idempotency_key
from services.gateway.parts import parts
from services.gateway.queries import CAMPAIGNS_PARAMETERS, campaigns_query
from services.gateway.routes import IDEMPOTENCY_KEY, route
from shared.campaigns.fields import CampaignRequestSchema, ReleaseSchema
from shared.intake.problems import load

blueprint = Blueprint(
    "campaigns", __name__, url_prefix="/v1/campaigns", description="One notification to each of many people."
)
_RELEASE = ReleaseSchema()


@route(
    blueprint, "POST", "", scope="send", name="createCampaign",
    answers=(201, CampaignSchema, "A draft: nothing is sent before it is released."),
    body={"application/json": CampaignRequestSchema}, about_body="256 KB.",
    parameters=[IDEMPOTENCY_KEY], examples=examples.CAMPAIGNS,
)  # fmt: skip
def create() -> Response:
    """Make a campaign

    A draft does not change any more, nor does its audience, nor the version of its template: what its dry run shows is
    what is sent.
    """
    made, replayed = parts().campaigns.create(identity().project_id, json_body(SMALL), idempotency_key(), who=_who())
    headers = {"Location": f"/v1/campaigns/{made.id}"} | ({"Idempotent-Replayed": "true"} if replayed else {})
    return answer(parts().campaigns.show(identity().project_id, made.id), 201, headers)


@route(
    blueprint, "GET", "", scope="read", name="listCampaigns",
    answers=(200, CampaignPageSchema, "A page, newest first."), parameters=CAMPAIGNS_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Campaigns, newest first"""
    state, limit, cursor = campaigns_query()
    found, following = parts().campaigns.page(identity().project_id, state=state, limit=limit, cursor=cursor)
    return answer({"items": found, "next": following})


@route(
    blueprint, "GET", "/<uuid:campaign_id>", scope="read", name="getCampaign",
    answers=(200, CampaignSchema, "The campaign, and how far it is."),
)  # fmt: skip
def show(campaign_id: UUID) -> Response:
    """A campaign, how far it is, and when it will be over"""
    return _shown(campaign_id)


@route(
    blueprint, "POST", "/<uuid:campaign_id>/dry-run", scope="send", name="tryCampaign",
    answers=(202, CampaignSchema, "It is being looked at; `dry_run` says how far that is, and what came of it."),
)  # fmt: skip
def dry_run(campaign_id: UUID) -> Response:
    """See what a draft would send, without sending it

    Every member is looked at; the first messages and a sample are rendered. 409 when it is no draft any more.
    """
    parts().campaigns.try_out(identity().project_id, campaign_id, who=_who())
    return _shown(campaign_id, 202)


@route(
    blueprint, "POST", "/<uuid:campaign_id>/release", scope="send", name="releaseCampaign",
    answers=(200, CampaignSchema, "It goes out, at once or at its moment."),
    body={"application/json": ReleaseSchema}, about_body="May be left out.",
)  # fmt: skip
def release(campaign_id: UUID) -> Response:
    """Let a draft go out

    409 before its dry run has come to an end, unless `without_dry_run` is given.
    """
    asked = load(_RELEASE, json_body(SMALL) if request.content_length else {})
    parts().campaigns.release(identity().project_id, campaign_id, unseen=asked["without_dry_run"], who=_who())
    return _shown(campaign_id)


@route(
    blueprint, "POST", "/<uuid:campaign_id>/pause", scope="send", name="pauseCampaign",
    answers=(200, CampaignSchema, "Nothing more of it goes out until it is resumed."),
)  # fmt: skip
def pause(campaign_id: UUID) -> Response:
    """Pause a campaign

    What providers are being called for at that moment is sent; what expires meanwhile expires.
    """
    parts().campaigns.pause(identity().project_id, campaign_id, who=_who())
    return _shown(campaign_id)


@route(
    blueprint, "POST", "/<uuid:campaign_id>/resume", scope="send", name="resumeCampaign",
    answers=(200, CampaignSchema, "It goes on where it was."),
)  # fmt: skip
def resume(campaign_id: UUID) -> Response:
    """Resume a campaign

    At its own pace: what was not sent during the pause does not go out all at once.
    """
    parts().campaigns.resume(identity().project_id, campaign_id, who=_who())
    return _shown(campaign_id)


@route(
    blueprint, "POST", "/<uuid:campaign_id>/cancel", scope="send", name="cancelCampaign",
    answers=(200, CampaignSchema, "Nothing more of it goes out."),
)  # fmt: skip
def cancel(campaign_id: UUID) -> Response:
    """Cancel a campaign, for good

    What has not been sent is cancelled within seconds. 409 when all of it has been sent.
    """
    parts().campaigns.cancel(identity().project_id, campaign_id, who=_who())
    return _shown(campaign_id)


@route(
    blueprint, "DELETE", "/<uuid:campaign_id>", scope="send", name="deleteCampaign",
    answers=(200, DeletedSchema, "The draft is gone."),
)  # fmt: skip
def delete(campaign_id: UUID) -> Response:
    """Delete a draft

    409 when it was released: what was sent is not forgotten that way.
    """
    parts().campaigns.campaigns.remove(identity().project_id, campaign_id, who=_who())
    return answer({"id": campaign_id, "deleted": True})


def _shown(campaign_id: UUID, status: int = 200) -> Response:
    return answer(parts().campaigns.show(identity().project_id, campaign_id), status)


def _who() -> str:
    return f"key {identity().prefix}"
