"""What a provider answered is never forgotten, and written few statements at a time."""

import pytest
from sqlalchemy import text

from crier.local.postgres import PostgresServer
from shared.delivery.settler import Settler
from shared.ledger.acceptance import Acceptance, Draft
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.migrations import upgrade
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting, Work


def started(database, count):
    drafts = [
        Draft(new_id(), "sms", "normal", "transactional", {}, ["+447700900123"], "resend", content={"body": "x"})
        for _ in range(count)
    ]
    Acceptance(database).accept(Keys(database).project("test"), drafts)
    work = Work(database)
    items = work.claim("sms.normal", count, 30)
    work.start([Starting(item, "test") for item in items])
    return work, items


def sent(item):
    return Settlement(item.id, item.fence, State.SENT, "sent", "test")


def states(database):
    return {row.state: row.n for row in database.rows(text("SELECT state, count(*) AS n FROM deliveries GROUP BY 1"))}


class Counting(Work):
    """Work that counts its statements."""

    batches: list[int]

    def settle(self, settlements):
        self.__dict__.setdefault("batches", []).append(len(settlements))
        return super().settle(settlements)


def test_answers_that_come_together_are_written_together(database_url):
    database = Database(database_url)
    _, items = started(database, 100)
    counting = Counting(database)
    settler = Settler(counting)
    for item in items:
        settler.put(sent(item))
    assert settler.drain(20)
    assert states(database) == {"sent": 100}
    assert len(counting.batches) < 50
    database.close()


def test_one_answer_that_cannot_be_written_does_not_hold_up_the_others(database_url):
    database = Database(database_url)
    work, items = started(database, 3)
    settler = Settler(work)
    settler.put(Settlement(items[0].id, items[0].fence, State.SENT, "sent", "test", detail="a null: \x00"))
    settler.put(sent(items[1]))
    settler.put(sent(items[2]))
    assert settler.drain(20)
    assert states(database) == {"sent": 2, "started": 1}
    database.close()


@pytest.fixture
def own_postgres(server_folder):
    server = PostgresServer(server_folder)
    server.start()
    yield server
    server.stop()


def test_answers_are_kept_while_the_ledger_is_away(own_postgres):
    upgrade(own_postgres.url)
    database = Database(own_postgres.url, deadline=2)
    work, items = started(database, 20)
    settler = Settler(work)
    own_postgres.kill()
    for item in items:
        settler.put(sent(item))
    assert not settler.drain(3)
    own_postgres.start()
    assert settler.drain(60)
    assert states(database) == {"sent": 20}
    database.close()
