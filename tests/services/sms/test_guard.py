"""The limits against toll fraud, from a claimed delivery to the call that is not made."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq.asyncio
import pytest
from dramatiq.asyncio import EventLoopThread
from sqlalchemy import text

from services.sms.compose import compose
from services.sms.guard import Guard
from services.sms.limit_settings import SmsLimitSettings
from services.sms.settings import SmsSettings
from shared.crypto import new_key
from shared.delivery.channel import Channel
from shared.delivery.loop import DeliveryLoop
from shared.delivery.timing import Timing
from shared.intake import Intake
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.ledger.sms_usage import SmsUsage
from shared.ledger.work import Claimed
from shared.messages.sms import SmsMessage
from shared.providers.port import Sent
from shared.providers.route import Route
from shared.runtime import Runtime
from shared.setup import prepare

TIMING = Timing(call=5, batch=10, time_limit=15, lease=30)
NUMBER = "+447400123456"
ENDED = text("""
    SELECT d.state, a.outcome, a.code, a.detail, d.attempts, extract(epoch FROM d.due_at - now())::float AS wait
    FROM deliveries d JOIN attempts a ON a.delivery_id = d.id ORDER BY d.id
""")
LATER = text("UPDATE sms_usage SET admitted_at = admitted_at - make_interval(secs => 700)")
DUE = text("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL")


class Vendor:
    """A provider that counts its calls."""

    name = "vendor"
    concurrency = 1000

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def send(self, message: SmsMessage) -> Sent:
        self.calls[message.to] += 1
        return Sent()

    async def close(self) -> None:
        pass


class Silent:
    """A ringer that rings nothing."""

    def ring(self, queue: str) -> None:
        pass


class Lane:
    """The SMS channel of one process, with a provider that counts, and short ways to ask it for something."""

    def __init__(self, database_url: str, settings: SmsSettings, **limits: Any) -> None:
        environ = {
            "CRIER_DATABASE_URL": database_url,
            "CRIER_BROKER_URL": "redis://unused/0",
            "CRIER_SECRET_KEY": new_key(),
        }
        self.runtime = Runtime(environ)
        self.settings = settings
        self.vendor = Vendor()
        self.database: Database = self.runtime.database
        guard = Guard(SmsUsage(self.database), SmsLimitSettings(**limits))
        channel = Channel("sms", self.message, Route([self.vendor]), guard.admit)
        self.loop = DeliveryLoop(
            channel, self.runtime.work, self.runtime.renderer, self.runtime.settler, Silent(),
            self.runtime.retry_policy, 400,
        )  # fmt: skip
        self.project_id = Keys(self.database).project("shop")
        self.intake = Intake(self.database, self.runtime.sealer)

    def message(self, item: Claimed, content: Any) -> SmsMessage:
        return compose(
            content, self.settings, delivery_id=item.id, target=item.target, expires_in=item.expires_in, senders={}
        )

    def ask(self, *numbers: str, lane: str = "normal", body: str = "Hello", **fields: Any) -> None:
        what = fields or {"content": {"body": body}}
        for number in numbers:
            self.intake.accept(self.project_id, {"channel": "sms", "to": {"phone": number}, "lane": lane} | what)

    def deliver(self, lane: str = "normal") -> None:
        while self.loop.answer(f"sms.{lane}", TIMING):
            pass
        assert self.runtime.settler.drain(20)

    def ended(self) -> list[Any]:
        return list(self.database.rows(ENDED))


@pytest.fixture
def lane(database_url: str) -> Iterator[Callable[..., Lane]]:
    thread = EventLoopThread(logging.getLogger("test"))
    thread.start(timeout=5)
    dramatiq.asyncio.set_event_loop_thread(thread)
    made: list[Lane] = []

    def make(settings: SmsSettings | None = None, **limits: Any) -> Lane:
        made.append(Lane(database_url, settings or SmsSettings(), **limits))
        return made[-1]

    yield make
    for one in made:
        one.database.close()
    thread.stop()  # type: ignore[no-untyped-call]
    dramatiq.asyncio.set_event_loop_thread(None)


def test_a_country_that_is_not_listed_and_a_premium_rate_number_make_no_call(lane: Callable[..., Lane]) -> None:
    sms = lane(SmsSettings(countries=("GB",)))
    sms.ask("+12025550123", "+449011234567", NUMBER)
    sms.deliver()
    assert sms.vendor.calls == {NUMBER: 1}
    assert [(row.state, row.code) for row in sms.ended()] == [
        ("failed", "country"),
        ("failed", "premium"),
        ("sent", None),
    ]
    assert len(sms.database.rows(text("SELECT FROM sms_usage"))) == 1, "what is refused is not counted"


def test_a_fourth_sms_to_one_number_waits_and_is_sent_when_there_is_room(lane: Callable[..., Lane]) -> None:
    sms = lane()
    sms.ask(*[NUMBER] * 4, "+447400123457")
    sms.deliver()
    assert sms.vendor.calls == {NUMBER: 3, "+447400123457": 1}
    [waiting] = [row for row in sms.ended() if row.state == "queued"]
    assert (waiting.outcome, waiting.code, waiting.attempts) == ("waiting", "number-limit", 0)
    assert "CRIER_SMS_NUMBER_LIMIT allows (3/10m)" in waiting.detail
    assert 0 < waiting.wait <= 600
    sms.database.execute(LATER)
    sms.database.execute(DUE)
    sms.deliver()
    assert sms.vendor.calls[NUMBER] == 4


def test_a_one_time_code_over_the_limit_fails_without_a_call(lane: Callable[..., Lane]) -> None:
    sms = lane()
    prepare(sms.runtime.settings.database_url)
    sms.ask(*[NUMBER] * 3)
    sms.deliver()
    data = {"code": "481516", "purpose": "sign in"}
    sms.ask(NUMBER, lane="critical", template="one_time_code", data=data, expires_at="2100-01-01T00:00:00Z")
    sms.deliver("critical")
    assert sms.vendor.calls == {NUMBER: 3}
    code = sms.ended()[-1]
    assert (code.state, code.outcome, code.code) == ("failed", "rejected", "number-limit")
    assert "A one-time code does not wait" in code.detail


def test_a_burst_over_one_block_of_numbers_is_slowed_and_a_campaign_is_not(lane: Callable[..., Lane]) -> None:
    sms = lane(number="none", block="20/10m")
    sms.ask(*[f"+44740012{n:04d}" for n in range(30)], lane="bulk")
    sms.deliver("bulk")
    assert sms.vendor.calls.total() == 30
    sms.ask(*[f"+44740012{n:04d}" for n in range(100, 130)], "+447400990000")
    sms.deliver()
    assert sms.vendor.calls.total() == 30 + 20 + 1
    waiting = [row for row in sms.ended() if row.state == "queued"]
    assert {(row.code, row.attempts) for row in waiting} == {("block-limit", 0)}
    assert "CRIER_SMS_BLOCK_LIMIT allows (20/10m)" in waiting[0].detail


def test_a_days_spend_is_counted_in_segments_by_the_price_of_the_country(lane: Callable[..., Lane]) -> None:
    sms = lane(daily_spend="0.50", price_entries=("GB=0.04", "*=0.10"))
    sms.ask("+447400123456", "+447400123457", body="a" * 200)  # two segments each: 0.16
    sms.ask("+12025550100", "+12025550101", "+12025550102")  # 0.30
    sms.deliver()
    assert sms.vendor.calls.total() == 5
    sms.ask("+447400123458")
    sms.ask("+447400123459")  # 0.04 is left: for one of the two
    sms.deliver()
    assert sms.vendor.calls.total() == 6
    [waiting] = [row for row in sms.ended() if row.state == "queued"]
    assert (waiting.code, waiting.attempts) == ("spend-limit", 0)
    assert "CRIER_SMS_DAILY_SPEND allows (0.50)" in waiting.detail
    assert 0 < waiting.wait <= 86_400


def test_limits_can_be_turned_off(lane: Callable[..., Lane]) -> None:
    sms = lane(number="0", block="none")
    sms.ask(*[NUMBER] * 10)
    sms.deliver()
    assert sms.vendor.calls == {NUMBER: 10}
    assert sms.database.rows(text("SELECT FROM sms_usage")) == []
