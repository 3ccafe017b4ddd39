"""Inboxes: what is put in is there once, the count is right, and who follows misses nothing."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from shared.errors import InvalidInput, NotFound
from shared.ledger.ids import new_id
from shared.ledger.inbox import BELL, MARKED_TOGETHER, Inboxes, Mark, Put, Shelf
from shared.ledger.keys import Keys


@pytest.fixture
def inboxes(database):
    return Inboxes(database)


@pytest.fixture
def put(inboxes, project_id):
    """Put notifications into somebody's inbox; their ids, oldest first."""

    def put_in(*titles: str, user: str = "ada") -> list[Any]:
        many = [Put(new_id(), project_id, user, {"title": title}) for title in titles]
        inboxes.put(many)
        return [one.id for one in many]

    return put_in


def titles(page):
    return [item.content["title"] for item in page.items]


def counted(database):
    """What the count of each inbox should be."""
    rows = database.rows(
        text("""
            SELECT b.user_id, b.unread, count(i.id) FILTER (WHERE i.read_at IS NULL AND i.archived_at IS NULL) AS real
            FROM inboxes b LEFT JOIN inbox i ON i.inbox_id = b.id GROUP BY b.id
        """)
    )
    return {row.user_id: (row.unread, row.real) for row in rows}


def test_what_is_put_in_is_there_newest_first_and_unread(inboxes, project_id, put):
    put("one", "two")
    put("three")
    page = inboxes.page(project_id, "ada")
    assert (titles(page), page.unread, page.next) == (["three", "two", "one"], 3, None)
    assert inboxes.count(project_id, "ada") == 3


def test_the_same_delivery_is_put_in_once(inboxes, project_id, database):
    first, second = (Put(new_id(), project_id, "ada", {"title": title}) for title in "ab")
    inboxes.put([first, first])
    inboxes.put([second, first])
    page = inboxes.page(project_id, "ada")
    assert (titles(page), page.unread) == (["b", "a"], 2)
    assert counted(database) == {"ada": (2, 2)}


def test_many_who_write_the_same_at_once_put_it_in_once(inboxes, project_id, database):
    many = [Put(new_id(), project_id, f"user-{number % 5}", {"title": str(number)}) for number in range(60)]

    def write(seed: int) -> None:
        mine = list(many)
        random.Random(seed).shuffle(mine)
        for start in range(0, len(mine), 7):
            inboxes.put(mine[start : start + 7])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    assert counted(database) == {f"user-{number}": (12, 12) for number in range(5)}


def test_an_inbox_nobody_wrote_to_is_empty(inboxes, project_id):
    page = inboxes.page(project_id, "nobody")
    assert (page.items, page.unread, inboxes.count(project_id, "nobody")) == ((), 0, 0)


def test_nobody_sees_another_users_or_another_projects_inbox(inboxes, project_id, put, database):
    [mine] = put("mine")
    other = Keys(database).project("other")
    for project, user in ((project_id, "grace"), (other, "ada")):
        inboxes.open(project, user)
        assert inboxes.page(project, user).items == []
        with pytest.raises(NotFound):
            inboxes.mark(project, user, mine, Mark.READ)
        assert inboxes.read_all(project, user) == 0
    assert inboxes.count(project_id, "ada") == 1


def test_pages_follow_each_other_without_a_gap_while_new_ones_arrive(inboxes, project_id, put):
    put(*"abcde")
    first = inboxes.page(project_id, "ada", limit=2)
    put("f")
    second = inboxes.page(project_id, "ada", limit=2, cursor=first.next)
    third = inboxes.page(project_id, "ada", limit=2, cursor=second.next)
    assert [titles(page) for page in (first, second, third)] == [["e", "d"], ["c", "b"], ["a"]]
    assert third.next is None


@pytest.mark.parametrize("cursor", ["x", "", "-1", "1.5", "٣", "9" * 30])
def test_a_cursor_that_is_none_is_refused(inboxes, project_id, cursor):
    with pytest.raises(InvalidInput, match="cursor: Not a cursor"):
        inboxes.page(project_id, "ada", cursor=cursor)


def test_marks_move_between_the_shelves_and_the_count_follows(inboxes, project_id, put, database):
    old, new = put("old", "new")
    steps = [
        (Mark.READ, 1, ["new", "old"], ["new"], []),
        (Mark.READ, 1, ["new", "old"], ["new"], []),
        (Mark.ARCHIVE, 1, ["new"], ["new"], ["old"]),
        (Mark.UNREAD, 1, ["new"], ["new"], ["old"]),
        (Mark.UNARCHIVE, 2, ["new", "old"], ["new", "old"], []),
        (Mark.ARCHIVE, 1, ["new"], ["new"], ["old"]),
        (Mark.ARCHIVE, 1, ["new"], ["new"], ["old"]),
    ]
    for mark, unread, *shelves in steps:
        assert inboxes.mark(project_id, "ada", old, mark).unread == unread, mark
        found = [titles(inboxes.page(project_id, "ada", shelf)) for shelf in Shelf]
        assert (found, counted(database)) == (shelves, {"ada": (unread, unread)}), mark
    assert inboxes.mark(project_id, "ada", new, Mark.READ).item.read_at is not None


def test_an_unknown_notification_cannot_be_marked(inboxes, project_id, put):
    put("one")
    with pytest.raises(NotFound, match="no such notification"):
        inboxes.mark(project_id, "ada", uuid4(), Mark.READ)


def test_read_all_leaves_what_nobody_has_seen_yet(inboxes, project_id, put):
    put("a", "b")
    seen = inboxes.page(project_id, "ada")
    put("c")
    assert inboxes.read_all(project_id, "ada", up_to=seen.changes) == 2
    assert titles(inboxes.page(project_id, "ada", Shelf.UNREAD)) == ["c"]
    assert (inboxes.read_all(project_id, "ada"), inboxes.read_all(project_id, "ada")) == (1, 0)


def test_read_all_marks_more_than_one_statement_does(inboxes, project_id, put, database):
    count = MARKED_TOGETHER + 3
    for start in range(0, count, 400):
        put(*(str(number) for number in range(start, min(start + 400, count))))
    assert inboxes.read_all(project_id, "ada") == count
    assert counted(database) == {"ada": (0, 0)}


def test_reading_is_told_as_a_receipt_once(inboxes, project_id, put, database):
    one, two = put("one", "two", user="Ada")
    for _ in range(2):
        inboxes.mark(project_id, "Ada", one, Mark.READ)
        inboxes.mark(project_id, "Ada", one, Mark.UNREAD)
    inboxes.read_all(project_id, "Ada")
    statement = text(
        "SELECT delivery_id, provider, kind, channel, project_id, due_at FROM receipts ORDER BY delivery_id"
    )
    expected = [(each, "inbox", "opened", "inapp", project_id, None) for each in sorted((one, two))]
    assert [tuple(row) for row in database.rows(statement)] == expected


def follow(inboxes, box, after, most=100):
    [changes] = inboxes.changes([(box, after)], most)
    return changes


def test_who_follows_is_told_of_everything_after_a_number(inboxes, project_id, put):
    box = inboxes.open(project_id, "ada")
    one, two = put("one", "two")
    first = follow(inboxes, box.id, box.changes)
    assert ([item.id for item in first.items], first.unread, first.complete) == ([one, two], 2, True)
    inboxes.mark(project_id, "ada", one, Mark.READ)
    [three] = put("three")
    second = follow(inboxes, box.id, first.changes)
    assert [(item.id, item.arrived > first.changes) for item in second.items] == [(one, False), (three, True)]
    assert (second.unread, follow(inboxes, box.id, second.changes).items) == (2, [])


def test_a_page_that_is_full_may_be_the_last(inboxes, project_id, put):
    box = inboxes.open(project_id, "ada")
    put("a", "b")
    page = follow(inboxes, box.id, box.changes, most=2)
    assert (titles(page), page.complete, page.unread) == (["a", "b"], True, 2)


def test_what_happened_is_told_page_by_page(inboxes, project_id, put):
    box = inboxes.open(project_id, "ada")
    ids = put(*"abcde")
    told, after, complete = [], box.changes, False
    while not complete:
        page = follow(inboxes, box.id, after, most=2)
        told += [item.id for item in page.items]
        after, complete = page.changes, page.complete
    assert told == ids


def test_several_inboxes_are_followed_by_one_question(inboxes, project_id, put):
    boxes = [inboxes.open(project_id, user) for user in ("ada", "grace", "joan")]
    put("to Ada")
    put("to Joan", user="joan")
    found = inboxes.changes([(box.id, 0) for box in boxes], 10)
    assert [titles(each) for each in found] == [["to Ada"], [], ["to Joan"]]
    assert inboxes.numbers([boxes[0].id, boxes[1].id]) == {boxes[0].id: 1, boxes[1].id: 0}


def test_a_follower_who_asks_all_the_time_misses_nothing_while_many_write(inboxes, project_id):
    box = inboxes.open(project_id, "ada")
    many = [Put(new_id(), project_id, "ada", {"title": str(number)}) for number in range(240)]
    told: list[Any] = []
    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(inboxes.put, many[start : start + 3]) for start in range(0, 240, 3)]
        after, is_done = box.changes, False
        while not is_done:
            # Asked before it is looked: what was written by then is told by what comes.
            is_done = all(each.done() for each in writing)
            page = follow(inboxes, box.id, after, most=7)
            told += [item.id for item in page.items if item.arrived > after]
            after, is_done = page.changes, is_done and page.complete
    for each in writing:
        each.result()
    assert len(told) == len(set(told)) == 240
    assert set(told) == {one.id for one in many}


def test_the_bell_tells_which_inboxes_changed_and_nothing_else(inboxes, project_id, put, database_url):
    boxes = {user: inboxes.open(project_id, user).id for user in ("ada", "grace")}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"LISTEN {BELL}")
        [one] = put("to Ada")
        put("to Grace", user="grace")
        inboxes.mark(project_id, "ada", one, Mark.READ)
        inboxes.mark(project_id, "ada", one, Mark.READ)
        inboxes.read_all(project_id, "grace")
        told = [each.payload for each in connection.notifies(timeout=10, stop_after=4)]
    expected = [boxes["ada"], boxes["grace"], boxes["ada"], boxes["grace"]]
    assert told == [str(box) for box in expected]
