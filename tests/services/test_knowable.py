"""The table of what can be known knows every provider there is."""

import re
from pathlib import Path

from services.chat.providers import VENDORS as CHATTERS
from services.email.providers import VENDORS as MAILERS
from services.inapp.provider import Inbox
from services.push.providers import VENDORS as PUSHERS
from services.sms.providers import VENDORS as TEXTERS
from services.webhook.sender import Sender
from services.whatsapp.providers import VENDORS as WRITERS
from shared.messages.content import CHANNELS
from shared.receipts.knowable import DELIVERED, KNOWABLE, knowable

PROVIDERS = {
    "email": MAILERS, "push": PUSHERS, "sms": TEXTERS, "whatsapp": WRITERS, "chat": CHATTERS,
    "webhook": (Sender.name,), "inapp": (Inbox.name,),
}  # fmt: skip


def test_it_says_of_every_provider_what_it_reports():
    assert set(PROVIDERS) == set(CHANNELS)
    assert KNOWABLE.keys() == {(channel, name) for channel, names in PROVIDERS.items() for name in names}


def test_its_page_says_the_same():
    page = (Path(__file__).parents[2] / "docs/chains.md").read_text()
    table = page.partition("| channel | provider | until |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[1:]]
    told = {
        (channel, name): until.partition(":")[0].strip("`")
        for channel, names, until in rows
        for name in re.findall(r"`(.+?)`", names)
    }
    assert told.pop(("all", "outbox")) == DELIVERED == knowable("push", ["outbox"], ())
    assert told == KNOWABLE
