"""A delivery loop on a real ledger, with providers of the test's own."""

import logging
from dataclasses import replace

import dramatiq.asyncio
import pytest
from dramatiq.asyncio import EventLoopThread

from shared.crypto import Sealer, new_key
from shared.delivery.channel import Channel, admit_all
from shared.delivery.loop import DeliveryLoop
from shared.delivery.outcomes import RetryPolicy
from shared.delivery.rendering import Renderer
from shared.delivery.settler import Settler
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Work
from shared.messages.sms import SmsMessage
from shared.providers.route import Route
from shared.senders.identities import Identities
from shared.templates.brand import Brand


class Ringing:
    """A ringer that remembers."""

    def __init__(self):
        self.rung: list[str] = []

    def ring(self, queue):
        self.rung.append(queue)


@pytest.fixture
def event_loop():
    thread = EventLoopThread(logging.getLogger("test"))
    thread.start(timeout=5)
    dramatiq.asyncio.set_event_loop_thread(thread)
    yield
    thread.stop()
    dramatiq.asyncio.set_event_loop_thread(None)


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def ringing():
    return Ringing()


@pytest.fixture
def make_loop(database, ringing, event_loop):
    def make(
        *vendors,
        compose=lambda item, content: SmsMessage(item.id, item.target, content),
        batch_size=100,
        admit=admit_all,
        **route,
    ):
        work = Work(database)
        renderer = Renderer(TemplateStore(database), Sealer(new_key()), Identities(database, Brand()))
        channel = Channel("sms", compose, Route(vendors, channel="sms", **route), admit)
        return DeliveryLoop(channel, work, renderer, Settler(work), ringing, RetryPolicy(), batch_size)

    return make


@pytest.fixture
def accept(database):
    acceptance, project = Acceptance(database), Keys(database).project("test")

    def accept(*bodies, **changes):
        drafts = [
            replace(
                Draft(new_id(), "sms", "normal", "transactional", {}, [f"+44770090{n:04d}"], "resend"),
                content={"body": body},
                **changes,
            )
            for n, body in enumerate(bodies)
        ]
        acceptance.accept(project, drafts)

    return accept
