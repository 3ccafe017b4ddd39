"""The actor that answers the bells of campaigns, declared onto a broker it is given."""

from typing import Any

import structlog
from dramatiq import Actor
from dramatiq.errors import Retry
from marshmallow import ValidationError

from services.campaigns.engine import Engine
from services.campaigns.settings import CampaignSettings
from shared.campaigns.book import QUEUE
from shared.delivery.bells import actor_name
from shared.errors import LedgerUnavailable
from shared.intake import Intake
from shared.messages.bell import BellSchema
from shared.runtime import Runtime
from shared.settings import load_one
from shared.unsubscribe import UnsubscribeLinks

log = structlog.get_logger(__name__)
_BELL = BellSchema()
TIME_LIMIT = 60.0


def declare(runtime: Runtime) -> None:
    """Declare `campaigns.advance`."""
    settings = load_one(CampaignSettings, runtime.environ)
    unsubscribes = UnsubscribeLinks.of(runtime.settings.public_url, runtime.sealer) is not None
    intake = Intake(runtime.database, runtime.sealer, runtime.bells, unsubscribes=unsubscribes)
    engine = Engine.of(intake, runtime.database, runtime.renderer, runtime.bells, window=settings.window)

    def advance(bell: Any = None) -> None:
        try:
            _BELL.load(bell)
        except ValidationError as error:
            log.warning("a message that is not a bell was ignored", queue=QUEUE, problems=str(error.messages))
            return
        try:
            if engine.answer():
                runtime.bells.ring(QUEUE)
        except LedgerUnavailable as error:
            log.warning("the ledger is away; the bell rings again", queue=QUEUE, reason=str(error))
            raise Retry from error

    Actor(
        advance,
        broker=runtime.broker,
        actor_name=actor_name(QUEUE),
        queue_name=QUEUE,
        priority=0,
        options={
            "max_retries": 3,
            "min_backoff": 250,
            "max_backoff": 5_000,
            "time_limit": TIME_LIMIT * 1000,
        },
    )
    # What was rung while no worker ran may have been lost with the broker.
    runtime.lifecycle.at_boot.append(lambda queues: runtime.bells.ring(QUEUE) if QUEUE in queues else None)
