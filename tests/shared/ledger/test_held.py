"""What nobody knows waits for a person, who can send it again or say what became of it. Only that, and once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.errors import Conflict, NotFound
from shared.ledger.audit import deeds
from shared.ledger.chosen import Ids, Matching
from shared.ledger.dead_letters import DeadLetters, Filters
from shared.ledger.held import Decision, Held, HeldFilters
from shared.ledger.ids import new_id
from shared.ledger.keys import Keys
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting

WHO = "key abc"
ALL = Matching(HeldFilters(), expected=None)


@pytest.fixture
def held(database):
    return Held(database)


@pytest.fixture
def hold(acceptance, project_id, drafts, work):
    """Deliveries of which nobody knows whether they were sent; their ids."""

    def make(count=1, *, provider="twilio", held=True, **changes):
        queue = f"{changes.get('channel', 'sms')}.normal"
        acceptance.accept(project_id, drafts(count, on_unknown="hold", **changes))
        claimed = work.claim(queue, count, 30.0)
        work.start([Starting(item, provider) for item in claimed])
        work.settle(
            [
                Settlement(
                    item.id, item.fence, State.UNKNOWN, "unknown", provider, detail="It hung up.", held=held, delay=3600
                )
                for item in claimed
            ]
        )
        return [item.id for item in claimed]

    return make


def row_of(database, one):
    (row,) = database.rows(text("SELECT * FROM deliveries WHERE id = :id"), {"id": one})
    return row


def test_what_is_held_is_found_by_what_is_known_of_it(held, project_id, hold, database):
    (text_message,) = hold()
    (mail,) = hold(channel="email", targets=("ada@example.com",), provider="smtp")
    hold(held=False)

    def found(**given):
        return [one.id for one in held.page(project_id, HeldFilters(**given)).items]

    assert found() == [mail, text_message], "newest first, and not what is still being looked up"
    assert found(channel="sms") == found(queue="sms.normal") == found(provider="twilio") == [text_message]
    assert found(held_before=datetime(2020, 1, 1, tzinfo=UTC)) == found(template="welcome") == []
    assert held.count(project_id, HeldFilters()) == 2
    first = held.page(project_id, HeldFilters(), limit=1)
    assert [one.id for one in held.page(project_id, HeldFilters(), cursor=first.next).items] == [text_message]
    assert held.page(Keys(database).project("stranger"), HeldFilters()).items == []


def test_it_can_be_sent_again(database, held, project_id, hold, work):
    (one,) = hold()
    done = held.decide(project_id, Decision.SEND_AGAIN, Ids([one]), WHO)
    assert (done.done, done.queues) == (1, {"sms.normal"})
    (claimed,) = work.claim("sms.normal", 5, 30.0)
    assert (claimed.id, claimed.doubt, claimed.attempts) == (one, False, 0)
    assert held.count(project_id, HeldFilters()) == 0
    (deed,) = deeds(database, project_id)
    assert (deed.what, deed.subject, deed.detail["decision"]) == ("unknown.decided", str(one), "send-again")


@pytest.mark.parametrize("decision", [Decision.SENT, Decision.FAILED])
def test_somebody_can_say_what_became_of_it(database, held, project_id, hold, decision, work):
    (one,) = hold()
    assert held.decide(project_id, decision, Ids([one]), WHO).done == 1
    row = row_of(database, one)
    assert (row.state, row.held_at, row.doubt, row.due_at) == (decision, None, False, None)
    assert WHO in row.reason
    assert work.claim("sms.normal", 5, 30.0) == []
    (action,) = database.rows(text("SELECT what, who FROM actions"))
    assert (action.what, action.who) == (f"marked {decision}", WHO)
    assert DeadLetters(database).count(project_id, Filters()) == (decision is Decision.FAILED)


def test_a_code_is_wiped_when_it_was_sent(database, held, project_id, hold, sealer):
    (one,) = hold(secret=sealer.seal({"code": "481516"}))
    assert len(database.rows(text("SELECT FROM sealed"))) == 1
    held.decide(project_id, Decision.SENT, Ids([one]), WHO)
    assert database.rows(text("SELECT FROM sealed")) == []


def test_what_is_not_held_is_not_decided(database, held, project_id, hold):
    (one,) = hold()
    (looked_up,) = hold(held=False)
    held.decide(project_id, Decision.SENT, Ids([one]), WHO)
    with pytest.raises(Conflict, match="it is sent"):
        held.decide(project_id, Decision.FAILED, Ids([one]), WHO)
    with pytest.raises(Conflict, match="still finding out"):
        held.decide(project_id, Decision.SENT, Ids([looked_up]), WHO)
    for stranger, identifier in ((project_id, new_id()), (Keys(database).project("stranger"), one)):
        with pytest.raises(NotFound):
            held.decide(stranger, Decision.SENT, Ids([identifier]), WHO)


def test_the_expired_is_not_sent_again_and_stays(database, held, project_id, hold):
    (one,) = hold(expires_at=datetime.now(UTC) + timedelta(hours=1))
    database.execute(text("UPDATE deliveries SET expires_at = now()"))
    with pytest.raises(Conflict, match="expired"):
        held.decide(project_id, Decision.SEND_AGAIN, Ids([one]), WHO)
    assert held.count(project_id, HeldFilters()) == 1
    assert held.decide(project_id, Decision.FAILED, Ids([one]), WHO).done == 1


def test_many_are_decided_by_filter_when_they_are_as_many_as_expected(held, project_id, hold):
    hold(5)
    hold(2, channel="email", targets=("ada@example.com",), provider="smtp")
    with pytest.raises(Conflict, match="5 match now, not 7"):
        held.decide(project_id, Decision.SENT, Matching(HeldFilters(channel="sms"), expected=7), WHO)
    assert held.decide(project_id, Decision.SENT, Matching(HeldFilters(channel="sms"), expected=5), WHO).done == 5
    assert held.decide(project_id, Decision.SEND_AGAIN, ALL, WHO).done == 2
