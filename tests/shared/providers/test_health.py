"""Who takes messages and does not report on them any more goes last."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from shared.ledger.database import Database
from shared.ledger.health import Reported, reported
from shared.ledger.ids import derived_id, lowest_id
from shared.ledger.keys import Keys
from shared.providers.health import judge, slow
from shared.providers.permission import Wish
from shared.providers.permission_local import LocalPermission

TWILIO = ("sms", "twilio")


@pytest.mark.parametrize(
    ("recent", "usual", "is_slow"),
    [
        (Reported(10, 0), Reported(100, 95), True),
        (Reported(100, 20), Reported(100, 95), True),
        (Reported(100, 40), Reported(100, 95), False),
        (Reported(9, 0), Reported(100, 95), False),
        (Reported(10, 0), Reported(19, 19), False),
        (Reported(100, 0), Reported(100, 40), False),
    ],
)
def test_a_provider_is_judged_against_itself(recent: Reported, usual: Reported, is_slow: bool) -> None:
    assert slow({TWILIO: recent}, {TWILIO: usual}) == ([TWILIO] if is_slow else [])
    assert slow({TWILIO: recent}, {("sms", "http"): usual}) == []


def send(database: Database, count: int, *, minutes_ago: float, provider: str, is_reported: bool) -> None:
    """Messages a provider took so many minutes ago."""
    now = database.rows(text("SELECT now() AS now"))[0].now
    sent_at = now - timedelta(minutes=minutes_ago)
    for number in range(count):
        row = {
            "id": derived_id(lowest_id(sent_at), 1000 * len(provider) + number),
            "project": Keys(database).project("test"),
            "provider": provider,
            "at": sent_at,
            "receipt": "delivered" if is_reported else None,
        }
        database.execute(
            text("""
                INSERT INTO deliveries (id, notification_id, stream_id, project_id, queue, state, hold, secret, target)
                VALUES (:id, :id, 1, :project, 'sms.normal', 'sent', false, false, '+447700900123')
            """),
            row,
        )
        database.execute(
            text("""
                INSERT INTO attempts (delivery_id, fence, provider, started_at, finished_at, outcome, receipt)
                VALUES (:id, 1, :provider, :at, :at, 'sent', :receipt)
            """),
            row,
        )


def test_the_ledger_says_who_reports(database: Database) -> None:
    send(database, 20, minutes_ago=60, provider="twilio", is_reported=True)
    send(database, 20, minutes_ago=60, provider="http", is_reported=False)
    send(database, 10, minutes_ago=7, provider="twilio", is_reported=False)
    send(database, 10, minutes_ago=7, provider="http", is_reported=False)
    send(database, 50, minutes_ago=1, provider="http", is_reported=False)
    assert reported(database, since=timedelta(minutes=10), until=timedelta(minutes=4)) == {
        TWILIO: Reported(10, 0), ("sms", "http"): Reported(10, 0),
    }  # fmt: skip
    permission = LocalPermission()
    assert judge(database, permission) == [TWILIO], "the other never reports"
    wishes = [Wish("sms.twilio", 5), Wish("sms.http", 5)]
    grants = permission.ask(wishes, 5, urgent=False, spread=False).grants
    assert [grant.count for grant in grants] == [0, 5]
