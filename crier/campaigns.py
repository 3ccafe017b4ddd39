"""The client's side of `/v1/audiences` and `/v1/campaigns`: lists of people, and one notification to each of them.

client.audiences.upload("guests.csv", name="guests")
request = {"channel": "email", "template": "promotion"}
campaign = client.campaigns.create("Spring menu", audience="guests", request=request)
client.campaigns.dry_run(campaign["id"])
client.campaigns.release(campaign["id"])
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast
from urllib.parse import quote
from uuid import uuid4

from crier.answers import Audience, Campaign, CampaignSummary, LeftOut, LoadedAudience, Member
from crier.encoding import given
from crier.errors import WaitTimeout
from crier.request import Moment
from crier.upload import Form, Progress, Source, uploading
from crier.waiting import looks

AUDIENCES, CAMPAIGNS = "/v1/audiences", "/v1/campaigns"
UniqueBy = Literal["person", "email", "phone"]
State = Literal["draft", "scheduled", "running", "paused", "cancelling", "cancelled", "done"]
ENDED = ("cancelled", "done")


class Audiences:
    """A project's audiences.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._call = call
        self._pages = pages

    def upload(
        self, source: Source, *, name: str, unique_by: UniqueBy | None = None, form: Form | None = None,
        idempotency_key: str | None = None, progress: Progress | None = None,
    ) -> LoadedAudience:  # fmt: skip
        """Make an audience of a file or of rows: each person once. Up to 1 GB.

        What broke off is completed under the same key: rows that are there add nothing.

        Parameters:
            source, form, progress: as for `Client.bulk`.
            unique_by: what makes a row one person; when None the user id, else the address, else the number.
        """
        key = idempotency_key or str(uuid4())
        with uploading(source, form, {"name": name, "unique_by": unique_by}, progress) as (upload, query):
            answer = self._call("POST", AUDIENCES, query=query, upload=upload, idempotency_key=key)
        return cast(LoadedAudience, answer)

    def list(self) -> Iterator[Audience]:
        """Audiences, newest first, fetched page by page."""
        return cast(Iterator[Audience], self._pages(AUDIENCES, {}))

    def get(self, audience_id: str) -> Audience:
        """An audience."""
        return cast(Audience, self._call("GET", _path(AUDIENCES, audience_id)))

    def members(self, audience_id: str) -> Iterator[Member]:
        """Who is in it, in the order of the file."""
        return cast(Iterator[Member], self._pages(_path(AUDIENCES, audience_id, "members"), {}))

    def left_out(self, audience_id: str) -> Iterator[LeftOut]:
        """The rows of its file that are no members: refused, or doubles."""
        return cast(Iterator[LeftOut], self._pages(_path(AUDIENCES, audience_id, "left-out"), {}))

    def delete(self, audience_id: str) -> None:
        """Delete an audience that no campaign needs any more."""
        self._call("DELETE", _path(AUDIENCES, audience_id))


class Campaigns:
    """A project's campaigns.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, call: Callable[..., Any], pages: Callable[..., Iterator[Any]]) -> None:
        self._call = call
        self._pages = pages

    def create(
        self, name: str, *, audience: str, request: Mapping[str, Any], send_at: Moment | None = None,
        local_time: Mapping[str, Any] | None = None, throttle: str | None = None, idempotency_key: str | None = None,
    ) -> Campaign:  # fmt: skip
        """Make a draft: nothing is sent before it is released.

        Parameters:
            audience: its name or its id.
            request: what is sent, as `send` would be given it, without `to`.
            send_at: not before this moment.
            local_time: when clocks show it where they are: `{"at": "2030-03-28T09:00", "timezone": "Europe/London"}`.
            throttle: at most so many: `100/s`, `600/m`, `5000/h`.
            idempotency_key: repeated under the same one, a request is answered as the first was.
        """
        asked = {"name": name, "audience": audience, "request": given(request), "send_at": send_at}
        made = self._call(
            "POST", CAMPAIGNS, json=given({**asked, "local_time": local_time, "throttle": throttle}),
            idempotency_key=idempotency_key or str(uuid4()),
        )  # fmt: skip
        return cast(Campaign, made)

    def list(self, *, state: State | None = None) -> Iterator[CampaignSummary]:
        """Campaigns, newest first, fetched page by page."""
        return cast(Iterator[CampaignSummary], self._pages(CAMPAIGNS, given({"state": state})))

    def get(self, campaign_id: str) -> Campaign:
        """A campaign, and how far it is."""
        return cast(Campaign, self._call("GET", _path(CAMPAIGNS, campaign_id)))

    def dry_run(
        self, campaign_id: str, *, timeout: float = 600.0, watch: Callable[[Campaign], None] | None = None
    ) -> Campaign:  # fmt: skip
        """See what a draft would send, without sending it: `dry_run` and `renderings` of what is returned say.

        Parameters:
            timeout: seconds.
            watch: called with what was seen, at each look.

        Raises:
            WaitTimeout: it has not come to its end by then.
        """
        self._call("POST", _path(CAMPAIGNS, campaign_id, "dry-run"))
        for found in looks(lambda: self.get(campaign_id), timeout):
            if watch:
                watch(found)
            if (found["dry_run"] or {}).get("state") == "done" or found["problem"]:
                return found
        raise WaitTimeout(f"The dry run of {campaign_id} has not come to its end after {timeout:g} s.", found)

    def release(self, campaign_id: str, *, without_dry_run: bool = False) -> Campaign:
        """Let a draft go out, after its dry run."""
        asked = {"without_dry_run": without_dry_run}
        return cast(Campaign, self._call("POST", _path(CAMPAIGNS, campaign_id, "release"), json=asked))

    def pause(self, campaign_id: str) -> Campaign:
        """Let nothing more of it go out until it is resumed."""
        return cast(Campaign, self._call("POST", _path(CAMPAIGNS, campaign_id, "pause")))

    def resume(self, campaign_id: str) -> Campaign:
        """Let it go on where it was."""
        return cast(Campaign, self._call("POST", _path(CAMPAIGNS, campaign_id, "resume")))

    def cancel(self, campaign_id: str) -> Campaign:
        """Let nothing more of it go out, for good."""
        return cast(Campaign, self._call("POST", _path(CAMPAIGNS, campaign_id, "cancel")))

    def delete(self, campaign_id: str) -> None:
        """Delete a draft."""
        self._call("DELETE", _path(CAMPAIGNS, campaign_id))

    def wait(
        self, campaign_id: str, *, timeout: float = 3600.0, watch: Callable[[Campaign], None] | None = None
    ) -> Campaign:  # fmt: skip
        """Look at a campaign every now and then until it has ended.

        Parameters:
            timeout: seconds.
            watch: called with what was seen, at each look.

        Raises:
            WaitTimeout: it has not ended by then; `last` is how it was.
        """
        for found in looks(lambda: self.get(campaign_id), timeout):
            if watch:
                watch(found)
            if found["state"] in ENDED:
                return found
        raise WaitTimeout(f"Campaign {campaign_id} is still {found['state']} after {timeout:g} s.", found)


def _path(root: str, identifier: str, *rest: str) -> str:
    return "/".join((root, quote(identifier, safe=""), *rest))
