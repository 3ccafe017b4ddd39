"""What the views work with: made once, when the application is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app

from shared.campaigns.book import CampaignBook
from shared.campaigns.uploads import AudienceUploads
from shared.crypto import Sealer
from shared.delivery.bells import Ringer
from shared.inbox.tokens import InboxTokens
from shared.intake import Intake
from shared.intake.upload import Uploads
from shared.ledger.actions import Actions
from shared.ledger.appointments import Appointments
from shared.ledger.audiences import Audiences
from shared.ledger.batches import Batches
from shared.ledger.campaigns import Campaigns
from shared.ledger.caps import Caps
from shared.ledger.categories import Categories
from shared.ledger.chats import Chats
from shared.ledger.database import Database
from shared.ledger.dead_letters import DeadLetters
from shared.ledger.devices import Devices
from shared.ledger.endpoints import Endpoints
from shared.ledger.held import Held
from shared.ledger.history import History
from shared.ledger.inbox import Inboxes
from shared.ledger.keys import Keys
from shared.ledger.listing import Listing
from shared.ledger.opt_outs import OptOuts
from shared.ledger.outbox import KeptMessages
from shared.ledger.post_mortem import PostMortem
from shared.ledger.preferences import Preferences
from shared.ledger.quiet_hours import QuietHours
from shared.ledger.receipts import Receipts
from shared.ledger.recipients import Recipients
from shared.ledger.replay import Enqueue, Replay
from shared.ledger.schedules import Schedules
from shared.ledger.suppressions import Suppressions
from shared.ledger.template_store import TemplateStore
from shared.receipts.port import Source
from shared.reminders.planner import Planner
from shared.schedules.book import ScheduleBook
from shared.senders.allowed import AllowedSenders
from shared.senders.identities import Identities
from shared.ssrf import Reach
from shared.templates.brand import Brand
from shared.unsubscribe import UnsubscribeLinks

_NAME = "crier"


def nowhere(_: Mapping[str, Any]) -> None:
    """Sends a task's message where there is no broker."""
    raise ConnectionError("There is no broker to send it to.")


@dataclass(frozen=True)
class Parts:
    """The verbs of the ledger, the way in, and the bells.

    Parameters:
        broker_state: says in a word how the broker is; asked by `/readyz`, which does not depend on the answer.
        sources: the providers that report, by name. public_url: where they reach the gateway.
        links: makes and reads the links that unsubscribe; None without an https `public_url`.
        inbox_url: where browsers reach inboxes.
    """

    database: Database
    intake: Intake
    uploads: Uploads
    ringer: Ringer
    broker_state: Callable[[], str]
    actions: Actions
    batches: Batches
    devices: Devices
    endpoints: Endpoints
    chats: Chats
    reach: Reach
    history: History
    keys: Keys
    listing: Listing
    templates: TemplateStore
    identities: Identities
    allowed_senders: AllowedSenders
    outbox: KeptMessages
    receipts: Receipts
    sources: Mapping[str, Source]
    suppressions: Suppressions
    caps: Caps
    public_url: str | None
    links: UnsubscribeLinks | None
    dead_letters: DeadLetters
    post_mortem: PostMortem
    replay: Replay
    held: Held
    schedules: ScheduleBook
    appointments: Appointments
    planner: Planner
    recipients: Recipients
    categories: Categories
    preferences: Preferences
    quiet_hours: QuietHours
    opt_outs: OptOuts
    inboxes: Inboxes
    inbox_tokens: InboxTokens
    inbox_url: str | None
    audiences: Audiences
    audience_uploads: AudienceUploads
    campaigns: CampaignBook

    @classmethod
    def of(
        cls,
        database: Database,
        sealer: Sealer,
        ringer: Ringer,
        *,
        brand: Brand | None = None,
        allowed_senders: AllowedSenders | None = None,
        reach: Reach | None = None,
        broker_state: Callable[[], str] = lambda: "unknown",
        enqueue: Enqueue = nowhere,
        sources: Mapping[str, Source] | None = None,
        public_url: str | None = None,
        inbox_url: str | None = None,
        patient: Database | None = None,
    ) -> "Parts":
        """The parts over a database; `patient` is one for the few statements that count very many rows."""
        links = UnsubscribeLinks.of(public_url, sealer)
        intake = Intake(
            database,
            sealer,
            ringer,
            unsubscribes=links is not None,
            reporting=None if sources is None else sources.keys(),
        )
        batches = Batches(database, patient=patient)
        appointments, audiences = Appointments(database), Audiences(database, patient=patient)
        return cls(
            database=database,
            intake=intake,
            uploads=Uploads(intake, batches),
            ringer=ringer,
            broker_state=broker_state,
            identities=Identities(database, brand or Brand()),
            allowed_senders=allowed_senders or AllowedSenders(),
            actions=Actions(database),
            batches=batches,
            devices=Devices(database),
            endpoints=Endpoints(database, sealer),
            chats=Chats(database, sealer),
            reach=reach or Reach(),
            history=History(database),
            keys=Keys(database),
            listing=Listing(database),
            templates=TemplateStore(database),
            outbox=KeptMessages(database, sealer),
            receipts=Receipts(database),
            sources=sources or {},
            suppressions=Suppressions(database),
            caps=Caps(database),
            public_url=public_url,
            links=links,
            dead_letters=DeadLetters(database),
            post_mortem=PostMortem(database),
            replay=Replay(database, enqueue),
            held=Held(database),
            schedules=ScheduleBook(intake, Schedules(database)),
            appointments=appointments,
            planner=Planner(appointments, intake),
            recipients=Recipients(database),
            categories=Categories(database),
            preferences=Preferences(database),
            quiet_hours=QuietHours(database),
            opt_outs=OptOuts(database),
            inboxes=Inboxes(database),
            inbox_tokens=InboxTokens(sealer),
            inbox_url=inbox_url,
            audiences=audiences,
            audience_uploads=AudienceUploads(intake.acceptance, audiences),
            campaigns=CampaignBook(intake, Campaigns(database), audiences, batches, ringer),
        )

    def attach(self, app: Flask) -> None:
        """Make these the parts of `app`."""
        app.extensions[_NAME] = self


def parts() -> Parts:
    """The parts of the application that answers."""
    found: Parts = current_app.extensions[_NAME]
    return found
