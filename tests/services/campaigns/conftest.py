"""The engine of campaigns over a real ledger, a hand that releases them, and a worker that takes what is due."""

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from services.campaigns.engine import Engine
from shared.campaigns.book import CampaignBook
from shared.campaigns.uploads import AudienceUploads, Loaded
from shared.crypto import Sealer, new_key
from shared.delivery.rendering import Renderer
from shared.intake import Intake
from shared.intake.upload import Form
from shared.ledger.audiences import Audiences
from shared.ledger.batches import Batches
from shared.ledger.campaigns import Campaign, Campaigns
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.settlement import Settlement
from shared.ledger.states import State
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Claimed, Starting, Work
from shared.senders.identities import Identities
from shared.templates.brand import Brand

WHO = "key test"
QUEUE = "sms.bulk"
SMS = {"channel": "sms", "content": {"body": "We are open on Sunday."}}


@dataclass
class Rung:
    """Bells that were rung."""

    queues: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.queues.append(queue)


@dataclass
class Ground:
    """What a test works with."""

    database: Database
    intake: Intake
    book: CampaignBook
    uploads: AudienceUploads
    engine: Engine
    work: Work
    project_id: int
    rung: Rung

    def load(self, text: str, name: str = "list", form: Form = Form.CSV, **options: Any) -> Loaded:
        source: Any = io.BytesIO(text.encode())
        return self.uploads.load(self.project_id, name, form, source, who=WHO, **options)

    def people(self, count: int, name: str = "list", **options: Any) -> Loaded:
        rows = "".join(f"+4477009{number:05d}\n" for number in range(count))
        return self.load("phone\n" + rows, name, **options)

    def draft(self, audience: str = "list", request: Any = None, **fields: Any) -> Campaign:
        asked = {"name": "Sunday", "audience": audience, "request": dict(request or SMS), **fields}
        return self.book.create(self.project_id, asked, who=WHO)[0]

    def released(self, *arguments: Any, **fields: Any) -> Campaign:
        made = self.draft(*arguments, **fields)
        self.book.release(self.project_id, made.id, unseen=True, who=WHO)
        return made

    def now(self, campaign: Campaign) -> Campaign:
        """The campaign as it is now."""
        return self.book.campaigns.get(self.project_id, campaign.id)

    def states(self) -> Counter[str]:
        rows = self.database.rows(text("SELECT state, count(*) AS n FROM deliveries GROUP BY state"))
        return Counter({row.state: row.n for row in rows})

    def number(self, statement: str, **parameters: Any) -> Any:
        return self.database.rows(text(statement), parameters)[0][0]

    def claim(self, size: int = 100, queue: str = QUEUE) -> list[Claimed]:
        return self.work.claim(queue, size, lease=30)

    def send(self, claimed: list[Claimed]) -> list[str]:
        """What a worker does with what it claimed; the targets that passed the gate."""
        passed = self.work.start([Starting(one, "twilio") for one in claimed])
        started = [one for one in claimed if one.id in passed]
        self.work.settle([Settlement(one.id, one.fence, State.SENT, "sent", "twilio") for one in started])
        return [one.target for one in started]

    def send_all(self) -> Counter[str]:
        """Take turns with the workers until nothing is left to do; how often each target was sent to."""
        sent: Counter[str] = Counter()
        while True:
            did = self.engine.step()
            claimed = self.claim()
            sent.update(self.send(claimed))
            if not did and not claimed:
                return sent


@pytest.fixture
def ground(database: Database) -> Ground:
    return make_ground(database)


def make_ground(database: Database, *, window: int = 20_000) -> Ground:
    sealer, rung = Sealer(new_key()), Rung()
    intake, audiences = Intake(database, sealer, rung), Audiences(database)
    renderer = Renderer(TemplateStore(database), sealer, Identities(database, Brand()))
    return Ground(
        database=database,
        intake=intake,
        book=CampaignBook(intake, Campaigns(database), audiences, Batches(database), rung),
        uploads=AudienceUploads(intake.acceptance, audiences),
        engine=Engine.of(intake, database, renderer, rung, window=window),
        work=Work(database),
        project_id=Keys(database).project("acme"),
        rung=rung,
    )


Hurry = Callable[[], None]


@pytest.fixture
def hurry(database: Database) -> Hurry:
    """Let every campaign that waits be due now."""
    return lambda: database.execute(text("UPDATE campaigns SET next_at = now() WHERE next_at IS NOT NULL")) and None
