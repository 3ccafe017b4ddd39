"""Row 20: a campaign goes out while everything that serves it dies, again and again, and it is paused twice.

Bars: every recipient is sent to exactly once, the provider can be asked for what it took; while it is paused, nothing
goes out but what was being sent at that moment.
"""

import io
import time
from typing import Any

from chaos.client import numbers
from chaos.row import Row
from chaos.seen import Check, NotInTime, Seen, at_least, exactly
from chaos.system import System
from shared.campaigns.book import CampaignBook
from shared.campaigns.uploads import AudienceUploads
from shared.errors import LedgerUnavailable
from shared.intake.upload import Form
from shared.ledger.audiences import Audiences
from shared.ledger.batches import Batches
from shared.ledger.campaigns import Campaigns

_WHO = "chaos"
_SERVICES = ("sms", "sms-2", "campaigns", "campaigns-2", "relay")
_BROKER = "the broker"
_PAUSES = (0.25, 0.6)
"""At which share of the recipients it is paused."""
_ON_THE_WAY, _PAUSED = 2.0, 5.0
"""Seconds for calls that were under way, and in which nobody may be called after them."""
_TWICE = "SELECT count(*) FROM (SELECT target FROM deliveries GROUP BY target HAVING count(*) > 1) twice"


def everything_killed(system: System) -> Seen:
    """Kill a worker, a service of campaigns, the relay or the broker every few seconds until everybody is reached."""
    people = numbers(system.pick(100_000, 2_000))
    book = _book(system)
    campaign = _campaign(system, book, people)
    system.start("relay", "sms", "sms-2", "campaigns", "campaigns-2")
    book.release(system.project_id, campaign, unseen=True, who=_WHO)
    kills: dict[str, int] = {}
    late: list[int] = []
    pauses = [share * len(people) for share in _PAUSES]
    deadline, next_kill = time.monotonic() + system.pick(3000, 240), time.monotonic() + 2
    began = time.monotonic()
    while (reached := len(system.witness.taken)) < len(people):
        if time.monotonic() > deadline:
            raise NotInTime(
                f"{reached} of {len(people)} were reached; {dict(system.states())}; {system.processes.logs()}"
            )
        if pauses and reached >= pauses[0]:
            pauses.pop(0)
            late.append(_pause(system, book, campaign))
        if time.monotonic() >= next_kill:
            victim = system.chance.choice((*_SERVICES, _BROKER))
            _kill(system, victim)
            kills[victim] = kills.get(victim, 0) + 1
            next_kill = time.monotonic() + system.chance.uniform(1, system.pick(14, 3))
        time.sleep(0.2)
    took = time.monotonic() - began
    system.wait_until_settled(300)
    system.wait_until(lambda: _state(system, book, campaign) == "done", "the campaign is done", 60)
    books = system.books()
    killed = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
    return Seen(
        books,
        [
            at_least(f"kills ({killed})", sum(kills.values()), system.pick(20, 3)),
            exactly("calls begun while it was paused", late, [0, 0]),
            exactly("recipients with two deliveries", system.number(_TWICE), 0),
            exactly("recipients sent to", books.delivered, len(people)),
            exactly("sent", books.states["sent"], len(people)),
            Check("reached", f"{len(people) / took:,.0f}/s over {took:.0f} s", met=True),
        ],
    )


def _book(system: System) -> CampaignBook:
    return CampaignBook(
        system.intake, Campaigns(system.database), Audiences(system.database), Batches(system.database), system.bells
    )


def _campaign(system: System, book: CampaignBook, people: list[str]) -> Any:
    """The draft of a campaign to `people`, of whom every hundredth is twice on the list."""
    rows = "".join(f"{number}\n" for number in (*people, *people[::100]))
    file: Any = io.BytesIO(f"phone\n{rows}".encode())
    uploads = AudienceUploads(system.intake.acceptance, book.audiences)
    loaded = uploads.load(system.project_id, "everybody", Form.CSV, file, who=_WHO).audience
    assert (loaded.members, loaded.duplicates) == (len(people), len(people[::100])), loaded
    for target in people:
        system.client.accepted.setdefault(target, set())
    request = {"channel": "sms", "content": {"body": "We are open on Sunday."}}
    asked = {"name": "Sunday", "audience": "everybody", "request": request}
    return book.create(system.project_id, asked, who=_WHO)[0].id


def _pause(system: System, book: CampaignBook, campaign: Any) -> int:
    """Pause it for a while and resume it; calls that were begun meanwhile, but for those under way at the pause."""
    book.pause(system.project_id, campaign, who=_WHO)
    time.sleep(_ON_THE_WAY)
    before = len(system.witness.calls)
    # Whoever comes back from the dead must leave it alone too.
    for name in ("sms", "campaigns"):
        system.processes.kill(name)
    time.sleep(_PAUSED)
    calls = len(system.witness.calls) - before
    book.resume(system.project_id, campaign, who=_WHO)
    return calls


def _kill(system: System, victim: str) -> None:
    if victim == _BROKER:
        system.broker.server.kill()
        system.broker.server.start()
    else:
        system.processes.kill(victim)


def _state(system: System, book: CampaignBook, campaign: Any) -> str:
    try:
        return book.campaigns.get(system.project_id, campaign).state
    except LedgerUnavailable:
        return "unknown"


ROWS = (
    Row(
        20, "a campaign of 100,000; workers, relay, campaigns and broker killed at random; paused twice",
        "every recipient exactly once", everything_killed, (600, 120),
    ),
)  # fmt: skip
