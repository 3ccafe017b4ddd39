"""The table of what can be known knows every provider there is."""

from services.email.providers import VENDORS as MAILERS
from services.push.providers import VENDORS as PUSHERS
from services.sms.providers import VENDORS as TEXTERS
from services.webhook.sender import Sender
from services.whatsapp.providers import VENDORS as WRITERS
from shared.messages.content import CHANNELS
from shared.receipts.knowable import KNOWABLE

PROVIDERS = {"email": MAILERS, "push": PUSHERS, "sms": TEXTERS, "whatsapp": WRITERS, "webhook": (Sender.name,)}


def test_it_says_of_every_provider_what_it_reports():
    assert set(PROVIDERS) == set(CHANNELS)
    assert KNOWABLE.keys() == {(channel, name) for channel, names in PROVIDERS.items() for name in names}
