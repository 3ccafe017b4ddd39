"""The outbox keeps what would have been sent, unreadable in a dump."""

import asyncio

import pytest
from sqlalchemy import text

from shared.crypto import Sealed, Sealer, new_key
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.messages.chat import ChatContent, ChatMessage
from shared.messages.email import Attachment, EmailContent, EmailMessage
from shared.messages.push import PushContent, PushMessage
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.outbox import Outbox

MESSAGES = {
    "sms": SmsMessage(new_id(), "+447700900123", SmsContent("Your code is 481516.")),
    "push": PushMessage(new_id(), "token-1", PushContent("Hello", "481516", data={"a": "b"})),
    "email": EmailMessage(
        new_id(),
        "ada@example.com",
        EmailContent("481516", text="x", attachments=(Attachment("a.pdf", "application/pdf", b"%PDF"),)),
    ),
}


@pytest.mark.parametrize("channel", MESSAGES)
def test_what_is_kept_can_be_shown_and_not_read_in_a_dump(database_url, channel):
    database, sealer = Database(database_url), Sealer(new_key())
    message = MESSAGES[channel]
    outbox = Outbox(channel, database, sealer)
    sent = asyncio.run(outbox.send(message))
    again = asyncio.run(outbox.send(message))
    assert (sent.delivered, sent.reference, again.reference) == (True, str(message.delivery_id), sent.reference)
    [row] = database.rows(text("SELECT channel, target, key_id, ciphertext, o::text AS dump FROM outbox o"))
    assert "481516" not in row.dump
    kept = sealer.open(Sealed(row.key_id, bytes(row.ciphertext)))
    assert "481516" in str(kept["content"])
    assert row.channel == channel
    database.close()


def test_what_opens_a_chat_destination_is_not_kept(database_url):
    database, sealer = Database(database_url), Sealer(new_key())
    message = ChatMessage(
        new_id(), "01981f6e", ChatContent("Hello"), name="ops", service="slack", url="slack://T1/B1/canary-7d1f"
    )
    asyncio.run(Outbox("chat", database, sealer).send(message))
    [row] = database.rows(text("SELECT target, key_id, ciphertext FROM outbox"))
    kept = sealer.open(Sealed(row.key_id, bytes(row.ciphertext)))
    assert "canary" not in str(kept)
    assert (row.target, kept["name"], kept["content"]["body"]) == ("01981f6e", "ops", "Hello")
    database.close()
