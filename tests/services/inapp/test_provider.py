"""Our own inbox as a provider: many are put in together, and each once."""

import asyncio
import threading

import pytest

from services.inapp.provider import Inbox
from services.inapp.together import Together
from shared.errors import LedgerUnavailable, Unavailable
from shared.ledger.database import Database
from shared.ledger.ids import new_id
from shared.ledger.inbox import Inboxes
from shared.ledger.keys import Keys
from shared.messages.inapp import InAppContent, InAppMessage
from shared.providers.port import Sent, is_idempotent


@pytest.fixture
def project_id(database):
    return Keys(database).project("test")


@pytest.fixture
def inboxes(database):
    return Inboxes(database)


def message(project_id, title="Hello", user="ada"):
    return InAppMessage(new_id(), project_id, user, InAppContent(title, "You", link="/x"))


def sent(provider, *messages):
    async def send():
        return await asyncio.gather(*(provider.send(one) for one in messages), return_exceptions=True)

    return asyncio.run(send())


def test_what_is_sent_is_in_the_inbox_and_delivered(inboxes, project_id):
    one = message(project_id)
    assert sent(Inbox(inboxes), one) == [Sent(str(one.delivery_id), "In the inbox.", delivered=True)]
    [item] = inboxes.page(project_id, "ada").items
    assert (item.id, item.content) == (one.delivery_id, {"title": "Hello", "body": "You", "link": "/x"})


def test_what_is_sent_again_is_there_once_and_delivered_again(inboxes, project_id):
    one = message(project_id)
    assert is_idempotent(Inbox(inboxes))
    for _ in range(2):
        assert sent(Inbox(inboxes), one, one)[0].delivered
    assert inboxes.page(project_id, "ada").unread == 1


def test_many_are_put_in_by_few_transactions(inboxes, project_id, database):
    many = [message(project_id, str(number), f"user-{number % 10}") for number in range(400)]
    begun = []

    class Counting(Inboxes):
        def put(self, given):
            begun.append(len(given))
            super().put(given)

    answers = sent(Inbox(Counting(database)), *many)
    assert all(isinstance(answer, Sent) for answer in answers)
    assert len(begun) <= 3
    assert sum(inboxes.count(project_id, f"user-{number}") for number in range(10)) == 400


def test_one_that_cannot_be_put_in_keeps_no_other_out(inboxes, project_id):
    # No project has this number, so the database refuses it.
    bad, good = message(2**31 - 1), message(project_id)
    refused, taken = sent(Inbox(inboxes), bad, good)
    assert (type(refused), refused.code, refused.retry_after, refused.blames) == (Unavailable, "inbox", None, "nobody")
    assert taken.delivered
    assert inboxes.count(project_id, "ada") == 1


def test_while_the_ledger_is_away_it_waits_and_loses_no_attempt(project_id):
    gone = Database("postgresql://127.0.0.1:1/nothing", pool_size=1)
    [refused] = sent(Inbox(Inboxes(gone)), message(project_id))
    assert (type(refused), refused.code, refused.blames) == (Unavailable, "ledger", "nobody")
    assert refused.retry_after is not None


def test_who_arrives_while_others_are_at_work_is_done_with_them_next():
    turns, first, go_on = [], threading.Event(), threading.Event()

    def do(items):
        turns.append(list(items))
        first.set()
        assert go_on.wait(20)
        return [-item for item in items]

    async def run():
        together = Together(do, most=3)
        tasks = [asyncio.create_task(together(1))]
        await asyncio.to_thread(first.wait, 20)
        tasks += [asyncio.create_task(together(item)) for item in (2, 3, 4, 5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(run())
    assert turns == [[1], [2, 4], [5]]
    assert [answers[place] for place in (0, 1, 3, 4)] == [-1, -2, -4, -5]
    assert isinstance(answers[2], asyncio.CancelledError)


def test_what_goes_wrong_is_told_to_all_of_a_turn_and_the_next_turn_is_another():
    failing = [True]

    def do(items):
        if failing.pop() if failing else False:
            raise LedgerUnavailable("gone")
        return list(items)

    async def run():
        together = Together(do, most=10)
        first = await asyncio.gather(together(1), together(2), return_exceptions=True)
        return first, await together(3)

    first, then = asyncio.run(run())
    assert [str(error) for error in first] == ["gone", "gone"]
    assert then == 3
