"""What the relay does every second, each job by itself so that none delays another."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from dramatiq.errors import BrokerError

from services.relay.bookkeeping import Bookkeeper
from services.relay.catch_up import catch_up
from services.relay.chains import ChainDesk
from services.relay.exhume import bury_runs, exhume
from services.relay.receipts import ReceiptDesk
from services.relay.reminders import ReminderDesk
from shared.broker import Broker
from shared.campaigns.book import QUEUE as CAMPAIGNS
from shared.delivery.bells import Ringer
from shared.errors import LedgerUnavailable
from shared.ledger.campaign_turns import Turns
from shared.ledger.campaigns import OPEN
from shared.ledger.dead_letters import DeadLetters
from shared.ledger.dead_tasks import Graves
from shared.ledger.events import BATCH, QUEUE, Events
from shared.ledger.held import Held
from shared.ledger.order import sweep
from shared.ledger.recovery import Recovery
from shared.ledger.ticks import Ticks
from shared.providers.health import judge
from shared.providers.permission import Permission
from shared.schedules.firing import Sweeper
from shared.telemetry.metrics import CAMPAIGNS as CAMPAIGN_STATES
from shared.telemetry.metrics import DEAD_LETTERS, EXPIRED, HELD, LANE_AGE, LANE_DEPTH, REAPED

log = structlog.get_logger(__name__)


@dataclass
class Clock:
    """The relay's jobs and their periods.

    Parameters:
        lease: seconds of the longest lease. Nothing is reaped until the ledger has been up that long, so that workers
            could first write the answers they kept while it was away.
        books: who checks that nothing is lost.
        desk: where receipts are looked at; None leaves them to another relay.
        sweeper: fires schedules. reminders: reminds of events. chains: takes chains on. None leaves them to another
            relay.
        permission: where workers keep what they know of providers; None where they share nothing.
    """

    recovery: Recovery
    ringer: Ringer
    broker: Broker
    lease: float
    books: Bookkeeper
    desk: ReceiptDesk | None = None
    reminders: ReminderDesk | None = None
    permission: Permission | None = None
    sweeper: Sweeper | None = None
    chains: ChainDesk | None = None
    events: Events = field(init=False)
    turns: Turns = field(init=False)
    _scheduler: BackgroundScheduler = field(default_factory=lambda: BackgroundScheduler(timezone="UTC"))
    _trouble_at: float = field(default=float("-inf"))

    def __post_init__(self) -> None:
        self.events = Events(self.recovery.database)
        self.turns = Turns(self.recovery.database)

    def start(self) -> None:
        """Begin ticking, in the background."""
        for job, seconds in (
            (self.ring_due, 1.0),
            (self.reap, 1.0),
            (self.expire, 1.0),
            (self.receive, 1.0),
            (self.tell, 1.0),
            (self.fire, 1.0),
            (self.remind, 1.0),
            (self.take_chains_on, 1.0),
            (self.campaign, 1.0),
            (self.measure, 5.0),
            (self.rescue, 5.0),
            (self.catch_up, 30.0),
            (self.bury, 30.0),
            (self.order, 5.0),
            (self.balance, 5.0),
            (self.count_receipts, 30.0),
            (self.count_campaigns, 30.0),
            (self.judge_providers, 60.0),
            (self.tidy, 60.0),
        ):
            self._scheduler.add_job(
                self._guarded(job), "interval", seconds=seconds, name=job.__name__, max_instances=1, coalesce=True,
                misfire_grace_time=None,
            )  # fmt: skip
        self._scheduler.start()

    def stop(self) -> None:
        """Finish the running jobs and stop."""
        self._scheduler.shutdown(wait=True)

    def ring_due(self) -> None:
        """Ring every lane that has something to do now."""
        for queue in self.recovery.due_queues():
            self.ringer.ring(queue)

    def reap(self) -> None:
        """Take back what dead workers held, and ring for it."""
        if time.monotonic() - self._trouble_at < self.lease:
            return
        reaped = self.recovery.reap(patience=self.lease)
        for (queue, was, state), count in Counter((d.queue, d.was, d.state) for d in reaped).items():
            REAPED.labels(queue, state).inc(count)
            log.warning("a worker died holding deliveries", queue=queue, was=was, now=state, deliveries=count)
        for queue in {delivery.queue for delivery in reaped}:
            self.ringer.ring(queue)

    def expire(self) -> None:
        """End what waited past its time."""
        EXPIRED.inc(self.recovery.expire())

    def tell(self) -> None:
        """Make webhooks of what happened, all there is of it, and ring for them."""
        while count := self.events.fan_out():
            self.ringer.ring(QUEUE)
            if count < BATCH:
                break

    def fire(self) -> None:
        """Make notifications of the schedules that are due."""
        if self.sweeper:
            self.sweeper.sweep()

    def remind(self) -> None:
        """Make notifications of the reminders that are due."""
        if self.reminders:
            self.reminders.sweep()

    def take_chains_on(self) -> None:
        """Have the next step begin of the chains whose last one was not enough, and end the others."""
        if self.chains:
            self.chains.sweep()

    def campaign(self) -> None:
        """Ring for the campaigns that are due."""
        if self.turns.due():
            self.ringer.ring(CAMPAIGNS)

    def count_campaigns(self) -> None:
        """Export how many campaigns there are that have not ended."""
        counts = self.turns.counts()
        for state in OPEN:
            CAMPAIGN_STATES.labels(state).set(counts.get(state, 0))

    def receive(self) -> None:
        """Let what providers reported take effect."""
        if self.desk:
            self.desk.process()

    def count_receipts(self) -> None:
        """Export how many receipts wait."""
        if self.desk:
            self.desk.measure()

    def measure(self) -> None:
        """Export every lane's depth and age."""
        for lane in self.recovery.lanes():
            LANE_DEPTH.labels(lane.queue).set(lane.depth)
            LANE_AGE.labels(lane.queue).set(lane.oldest_age)

    def rescue(self) -> None:
        """Have the broker put back what dead workers had fetched."""
        self.broker.rescue()

    def catch_up(self) -> None:
        """Make up for the calendar's missed ticks, or leave them out, as each job says."""
        catch_up(Ticks(self.recovery.database), self.broker)

    def order(self) -> None:
        """Give those their turn who were passed over."""
        for queue in sweep(self.recovery.database):
            self.ringer.ring(queue)

    def balance(self) -> None:
        """Check that nothing is lost."""
        self.books.check()

    def bury(self) -> None:
        """Make dead letters of what only the broker keeps as dead, and of runs whose last worker died; count them."""
        graves = Graves(self.recovery.database)
        bury_runs(graves)
        exhume(self.broker, graves)
        DEAD_LETTERS.clear()
        for (kind, why), count in DeadLetters(self.recovery.database).tally().items():
            DEAD_LETTERS.labels(kind, why).set(count)
        HELD.set(Held(self.recovery.database).total())

    def judge_providers(self) -> None:
        """Have those go last who take messages and do not report on them any more."""
        if self.permission is not None:
            judge(self.recovery.database, self.permission)

    def tidy(self) -> None:
        """End whose time was over before his turn came, and keep streams and counts small."""
        EXPIRED.inc(self.recovery.expire_in_line())
        self.recovery.close_streams()
        self.books.merge()

    def _guarded(self, job: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                job()
            except LedgerUnavailable as error:
                if job == self.ring_due:  # a short question: others may merely have taken too long
                    self._trouble_at = time.monotonic()
                log.warning("the ledger is away; trying again", job=job.__name__, reason=str(error))
            except BrokerError as error:
                log.warning("the broker is away; trying again", job=job.__name__, reason=str(error))
            except Exception:
                log.exception("a job of the relay failed", job=job.__name__)

        return run
