"""What the gateway answers, as the client gives it on: JSON objects with known keys.

Ids are UUIDs and moments RFC 3339, both as text. A test compares these with the gateway's own schemas.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

Json = Mapping[str, Any]


class Receipt(TypedDict):
    """One notification was accepted; `replayed` when that was an earlier call under the same idempotency key.

    Of a digest `collected` says how many it has, this one included.
    """

    id: str
    state: str
    channel: str
    lane: str
    collected: NotRequired[int]
    replayed: bool


class RowError(TypedDict):
    """Why a row was refused. In a list `row` is the position, from 1; in a file the line its row starts on."""

    row: int
    field: str
    problem: str


class BulkReceipt(TypedDict):
    """Many were accepted. `errors` has the first hundred refused rows; not `complete`: the file broke off."""

    batch_id: str
    channel: str
    lane: str
    accepted: int
    refused: int
    complete: bool
    errors: Sequence[RowError]
    replayed: bool


class Batch(TypedDict):
    """How far a batch is: deliveries by state; `finished` when nothing of it waits or is being sent."""

    id: str
    created_at: str
    closed_at: str | None
    accepted: int
    refused: int
    states: Mapping[str, int]
    finished: bool


class Delivery(TypedDict):
    """One target of a notification."""

    id: str
    state: str
    target: str
    provider: str | None
    attempts: int
    next_at: str | None
    started_at: str | None
    settled_at: str | None
    held_at: str | None
    reason: str | None


class Event(TypedDict):
    """An entry of a timeline."""

    at: str
    what: str
    delivery_id: NotRequired[str]
    provider: NotRequired[str]
    outcome: NotRequired[str]
    code: NotRequired[str]
    detail: NotRequired[str]
    reference: NotRequired[str]
    started_at: NotRequired[str]
    who: NotRequired[str]


class ChainStep(TypedDict):
    """A step of a chain; `why` it was not enough, or was passed over."""

    channel: str
    notification_id: str | None
    state: str
    began_at: str | None
    fallback_after: str
    why: str | None


class Chain(TypedDict):
    """Where a chain is: active, succeeded (`by` a channel), exhausted, cancelled or expired."""

    state: str
    until: str
    by: str | None
    next_at: str | None
    ended_at: str | None
    steps: Sequence[ChainStep]


class Summary(TypedDict):
    """A notification as a list shows it. `chain_id`: the chain it is a step of."""

    id: str
    state: str
    channel: str
    lane: str
    kind: str
    template: str | None
    batch_id: str | None
    row_number: int | None
    recipient: Json
    metadata: Mapping[str, str] | None
    send_at: str | None
    expires_at: str | None
    on_unknown: str
    ordering_key: str | None
    category: str | None
    chain_id: str | None
    accepted_at: str


class DigestState(TypedDict):
    """How many requests a digest has collected, until when it collects, and since when it does no more."""

    collected: int
    closes_at: str
    closed_at: str | None


class Notification(Summary):
    """A notification with its deliveries and timeline, or a chain with all of its steps'; no secret variables."""

    data: Json | None
    content: Json | None
    chain: Chain | None
    digest: DigestState | None
    deliveries: Sequence[Delivery]
    timeline: Sequence[Event]


class Device(TypedDict):
    """An installation of an app, to which a user's pushes go."""

    token: str
    platform: str
    registered_at: str


class TemplateSummary(TypedDict):
    """The latest version of a template."""

    name: str
    version: int
    description: str
    kind: str
    category: str | None
    channels: Sequence[str]
    locales: Sequence[str]
    created_at: str


class Template(TemplateSummary):
    """A template with what it is made of."""

    variables: Sequence[Json]
    sample: Json
    files: Mapping[str, str]


class Preview(TypedDict):
    """What a template makes of data: the content by channel, and the language of each."""

    name: str
    version: int
    content: Mapping[str, Json]
    locales: Mapping[str, str]


class KeptSummary(TypedDict):
    """That the outbox kept a message instead of sending it."""

    delivery_id: str
    notification_id: str
    channel: str
    target: str
    template: str | None
    kept_at: str


class Kept(KeptSummary):
    """A kept message: what a provider would have been given, codes included."""

    message: Json


class Endpoint(TypedDict):
    """Where webhooks go. `events` are those it is told of by itself."""

    id: str
    url: str
    events: Sequence[str]
    description: str | None
    created_at: str
    failing_since: str | None
    disabled_at: str | None
    disabled_reason: str | None


class NewEndpoint(Endpoint):
    """An endpoint with its secret, which is shown this once."""

    secret: str


class Chat(TypedDict):
    """Where chat messages go. `url` is without what opens it."""

    id: str
    name: str
    service: str
    url: str
    description: str | None
    created_at: str


class NewSecret(TypedDict):
    """A new secret, which is shown this once. Those before it sign too until `old_until`."""

    id: str
    secret: str
    old_until: str


class Replay(TypedDict):
    """How many deliveries are queued again; `more`: do it again for the rest."""

    queued: int
    more: bool


class Run(TypedDict):
    """The newest run of a periodic job: done, running, failed, skipped or waiting. `problem`: why not done."""

    due_at: str
    state: str
    started_at: str | None
    finished_at: str | None
    tries: int | None
    result: Json | None
    problem: str | None


class Job(TypedDict):
    """A periodic job of Crier's own. `missed`: what nobody began in time is left out (skip), or made up for (once)."""

    name: str
    description: str
    cron: str
    actor: str
    queue: str
    missed: str
    next_at: str
    last: Run | None


class Suppression(TypedDict):
    """That a target is not written to: `scope` is everything, or promotions. `source`: a provider, `link`, or a key."""

    channel: str
    target: str
    scope: str
    sender: str
    reason: str
    source: str
    delivery_id: str | None
    created_at: str


class Cap(TypedDict):
    """At most `most` to one person in any `per`; `over`: what is more is dropped, or waits for room."""

    name: str
    most: int
    per: str
    kind: str | None
    category: str | None
    channels: Sequence[str]
    over: str
    created_at: str


class Fire(TypedDict):
    """A time at which a schedule was due: promised, fired, skipped, or failed for the `reason`."""

    fire_time: str
    notification_id: str | None
    state: str
    reason: str | None
    fired_at: str | None


class ScheduleSummary(TypedDict):
    """A schedule as a list shows it. `next_fire_at` is None unless it is active."""

    id: str
    name: str
    trigger: Json
    misfire: str
    misfire_grace: int
    state: str
    next_fire_at: str | None
    created_at: str
    ended_at: str | None


class Schedule(ScheduleSummary):
    """A schedule with what it sends, its next five times and its last ten."""

    request: Json
    next_fires: Sequence[str]
    fires: Sequence[Fire]


class NewSchedule(Schedule):
    """A schedule that was made; `replayed`: by an earlier call under the same key."""

    replayed: bool


class InboxItem(TypedDict):
    """A notification in a person's inbox. `id` is the delivery's."""

    id: str
    title: str
    body: str
    link: str | None
    image: str | None
    icon: str | None
    actions: Sequence[Mapping[str, str]]
    category: str | None
    data: Mapping[str, str]
    created_at: str
    read_at: str | None
    archived_at: str | None


class InboxToken(TypedDict):
    """What a page shows a person's inbox with. `url` is where browsers reach it; None where that is not set."""

    token: str
    user_id: str
    expires_at: str
    url: str | None


class InboxEvent(TypedDict):
    """What happened: `notification` (a new one), `changed` (one was marked), `count`; `reset`: look at all anew.

    `id` is where to go on after it.
    """

    id: str | None
    event: str
    data: Mapping[str, Any]


class EventReminder(TypedDict):
    """One reminder of an event; `starts_at` is the start it was for. `sent`: `notification_state` says the rest.

    The offset of a follow-up begins with `+`.
    """

    offset: str
    starts_at: str
    due_at: str
    state: str
    reason: str | None
    notification_id: str | None
    notification_state: str | None


class PlannedEventSummary(TypedDict):
    """An event as a list shows it. `local_start` is what the clock shows there; `notification`, what reminders send;
    `follow_up`, what is sent afterwards, and when.
    """

    id: str
    key: str
    state: str
    starts_at: str
    local_start: str
    timezone: str
    duration: str | None
    offsets: Sequence[str]
    next_reminder_at: str | None
    notification: Json
    follow_up: Json | None
    created_at: str
    changed_at: str


class PlannedEvent(PlannedEventSummary):
    """An event with its reminders, those of earlier starts among them."""

    reminders: Sequence[EventReminder]


class StoredRecipient(TypedDict):
    """A person, as they are stored. `quiet_hours`: a window of their own, `off`, or None for the project's."""

    user_id: str
    name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    quiet_hours: Any
    metadata: Mapping[str, str] | None
    created_at: str
    updated_at: str


class ImportedRecipients(TypedDict):
    """What came of a file of recipients. `errors`: the first hundred; not `complete`: nothing after them was read."""

    stored: int
    new: int
    refused: int
    complete: bool
    errors: Sequence[RowError]


class Audience(TypedDict):
    """A list of people. `zones`: members by time zone; `closed_at`: None while it is being loaded."""

    id: str
    name: str
    form: str
    unique_by: str
    members: int
    duplicates: int
    refused: int
    zones: Mapping[str, int]
    created_at: str
    closed_at: str | None


class LoadedAudience(Audience):
    """An audience that was uploaded, and the first rows that are not in it."""

    complete: bool
    errors: Sequence[RowError]


class SaidChoice(TypedDict):
    """What was said of a user's wishes: of all, where category or channel is None. `source`: a key, or `link`."""

    category: str | None
    channel: str | None
    wanted: bool
    source: str
    at: str


class Holding(TypedDict):
    """Whether what is of a category (None: of none) is sent to a user by a channel, and why not."""

    category: str | None
    channel: str
    required: bool
    wanted: bool
    why: str | None


class Preferences(TypedDict):
    """What was said of a user's wishes, and what holds."""

    user_id: str
    choices: Sequence[SaidChoice]
    holds: Sequence[Holding]


class Category(TypedDict):
    """What messages may be about. `required`: people may not choose; `promotional`: news and offers."""

    name: str
    label: str
    description: str | None
    required: bool
    promotional: bool
    position: int


QuietWindow = TypedDict("QuietWindow", {"from": str, "until": str, "timezone": str, "channels": Sequence[str]})
"""A project's quiet hours."""


class Member(TypedDict):
    """Who is in an audience, by the number of his row."""

    number: int
    to: Json
    data: Json | None
    metadata: Json | None


class LeftOut(RowError):
    """A row that is no member: refused, or `doubles` an earlier one."""

    doubles: int | None


class CampaignProgress(TypedDict):
    """How far a campaign is: `share` of all there is to do, deliveries by state, and when it will be over."""

    members: int
    left: int
    refused: int
    passed_over: int
    states: Mapping[str, int]
    ended: int
    share: float
    rate: float | None
    estimated_end: str | None


class Wave(TypedDict):
    """Members who go at the same moment: of a time zone, or everybody (`*`)."""

    zone: str
    starts_at: str
    members: int
    done: bool


class CampaignSummary(TypedDict):
    """A campaign as a list shows it: draft, scheduled, running, paused, cancelling, cancelled or done."""

    id: str
    name: str
    audience_id: str
    queue: str
    throttle: str | None
    send_at: str | None
    local_time: Json | None
    members: int
    state: str
    batch_id: str | None
    taken: int
    refused: int
    passed_over: int
    dry_run: Json | None
    problem: str | None
    created_at: str
    released_at: str | None
    started_at: str | None
    paused_at: str | None
    paused_for: float
    ended_at: str | None


class Campaign(CampaignSummary):
    """A campaign with what it sends, how far it is, and what its first recipients will read."""

    request: Json
    progress: CampaignProgress
    waves: Sequence[Wave]
    renderings: Sequence[Json]
