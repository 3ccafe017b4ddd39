"""An installation of the first schema, with its rows, is brought up to date."""

from sqlalchemy import text

from shared.ledger.conservation import Conservation
from shared.ledger.database import Database
from shared.ledger.ids import derived_id, new_id
from shared.ledger.migrations import upgrade


def test_what_was_accepted_before_is_counted_and_goes_on(empty_database_url):
    upgrade(empty_database_url, "0001")
    database = Database(empty_database_url, pool_size=2)
    notification = new_id()
    database.execute(text("INSERT INTO projects (name) VALUES ('old')"))
    database.execute(text("INSERT INTO streams (queue, project_id) VALUES ('sms.normal', 1)"))
    database.execute(
        text("""
            INSERT INTO notifications (id, project_id, channel, lane, kind, recipient, content, on_unknown)
            VALUES (:id, 1, 'sms', 'normal', 'transactional', '{}', '{"body": "Hello"}', 'resend')
        """),
        {"id": notification},
    )
    database.execute(
        text("""
            INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, due_at, hold, secret,
                                    target)
            VALUES (:id, :notification, 1, 1, 'sms.normal', 'queued', now(), false, false, '+447700900123')
        """),
        {"id": derived_id(notification, 0), "notification": notification},
    )
    upgrade(empty_database_url)
    [account] = Conservation(database).everything()
    assert account.is_even
    assert [(balance.accepted, balance.waiting) for balance in account.balances] == [(1, 1)]
    database.close()
