"""A channel service: its lanes declared as actors onto the process's broker."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from dramatiq import Actor
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.errors import Retry
from marshmallow import ValidationError

from shared.delivery.bells import actor_name
from shared.delivery.channel import Admit, Channel, Compose, admit_all
from shared.delivery.loop import DeliveryLoop
from shared.delivery.outcomes import RetryPolicy
from shared.delivery.timing import Timing
from shared.errors import LedgerUnavailable
from shared.ledger.recovery import Recovery
from shared.ledger.routes import Routes
from shared.messages.bell import BellSchema
from shared.messages.content import LANES
from shared.providers.outbox import Outbox
from shared.providers.route import Vendor, assemble
from shared.providers.route_settings import rates_of
from shared.runtime import Runtime

log = structlog.get_logger(__name__)
_BELL = BellSchema()


def declare_channel(
    runtime: Runtime,
    name: str,
    compose: Compose,
    vendors: Mapping[str, Vendor[Any]],
    route: Sequence[str],
    *,
    rates: Sequence[str] = (),
    policy: RetryPolicy | None = None,
    admit: Admit = admit_all,
) -> DeliveryLoop:
    """Declare `<name>.critical`, `.normal` and `.bulk` with their actors.

    Parameters:
        compose: makes the provider's message of a claimed delivery and its content.
        vendors: the channel's table of adapters.
        route: the entries of its route setting; empty means the first that is configured.
        rates: the entries of its rates setting.
        policy: when it tries again, where that is not as for all.
        admit: see `Channel`.

    Raises:
        SettingsError: the route names what is not configured.
    """
    outbox = Outbox(name, runtime.database, runtime.sealer)
    assembled = assemble(
        name, route, vendors, outbox, runtime.environ, rates=rates_of(rates), permission=runtime.permission
    )
    channel = Channel(name, compose, assembled, admit)
    loop = DeliveryLoop(
        channel,
        runtime.work,
        runtime.renderer,
        runtime.settler,
        runtime.bells,
        policy or runtime.retry_policy,
        runtime.settings.batch_size,
    )
    for lane in LANES:
        _declare_lane(runtime, loop, f"{name}.{lane}", Timing.of(runtime.settings, lane))
    _when_it_boots_and_stops(runtime, channel)
    return loop


def _declare_lane(runtime: Runtime, loop: DeliveryLoop, queue: str, timing: Timing) -> None:
    def deliver(bell: Any = None) -> None:
        try:
            _BELL.load(bell)
        except ValidationError as error:
            log.warning("a message that is not a bell was ignored", queue=queue, problems=str(error.messages))
            return
        try:
            loop.answer(queue, timing)
        except LedgerUnavailable as error:
            log.warning("the ledger is away; the bell rings again", queue=queue, reason=str(error))
            raise Retry from error

    Actor(
        deliver,
        broker=runtime.broker,
        actor_name=actor_name(queue),
        queue_name=queue,
        priority=LANES.index(queue.rpartition(".")[2]),
        options={
            "max_retries": 3,
            "min_backoff": 250,
            "max_backoff": 5_000,
            "time_limit": timing.time_limit * 1000,
        },
    )


def _when_it_boots_and_stops(runtime: Runtime, channel: Channel) -> None:
    def ring(consumed: frozenset[str]) -> None:
        """Answer unasked where somebody waits: what was rung while no worker ran may have been lost with the broker."""
        lanes = {queue for queue in consumed if queue.startswith(f"{channel.name}.")}
        try:
            # Not all of them: each would open a connection of its own, and keep it.
            lanes.intersection_update(Recovery(runtime.database).due_queues())
        except LedgerUnavailable as error:
            log.warning("every lane is rung: the ledger does not say who waits", reason=str(error))
        for queue in sorted(lanes):
            runtime.bells.ring(queue)

    def say(consumed: frozenset[str]) -> None:
        """Tell who sends, so that whoever accepts knows what will be reported."""
        lanes = [queue for queue in consumed if queue.startswith(f"{channel.name}.")]
        try:
            Routes(runtime.database).say(lanes, [provider.name for provider in channel.route.providers])
        except LedgerUnavailable as error:
            log.warning("the ledger does not know who sends", channel=channel.name, reason=str(error))

    def close() -> None:
        event_loop = get_event_loop_thread()
        if event_loop is not None:
            event_loop.run_coroutine(channel.route.close())

    runtime.lifecycle.at_boot.append(ring)
    runtime.lifecycle.at_boot.append(say)
    runtime.lifecycle.at_stop.append(close)
