"""Accepted means committed: all of it once, or none of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.errors import InvalidInput
from shared.ledger.acceptance import IdempotencyKey
from shared.ledger.ids import derived_id, moment_of, new_id

COUNT = text("SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM deliveries)")


def counts(database):
    return tuple(database.rows(COUNT)[0])


def test_a_delivery_per_target(acceptance, database, project_id, drafts):
    draft = drafts(1, targets=("+447700900001", "+447700900002"))[0]
    assert acceptance.accept(project_id, [draft]).ids == {draft.id}
    rows = database.rows(text("SELECT id, target, state, due_at <= now() AS due FROM deliveries ORDER BY target"))
    assert [(row.target, row.state, row.due) for row in rows] == [
        ("+447700900001", "queued", True),
        ("+447700900002", "queued", True),
    ]
    assert {row.id for row in rows} == {derived_id(draft.id, 0), derived_id(draft.id, 1)}


def test_a_future_send_waits_as_scheduled(acceptance, database, project_id, drafts, work):
    acceptance.accept(project_id, drafts(1, send_at=datetime.now(UTC) + timedelta(hours=1)))
    assert database.rows(text("SELECT state FROM deliveries"))[0].state == "scheduled"
    assert work.claim("sms.normal", 10, 30) == []


def test_accepting_the_same_ids_again_adds_nothing(acceptance, database, project_id, drafts):
    some = drafts(3)
    acceptance.accept(project_id, some)
    again = acceptance.accept(project_id, [*some, *drafts(1)])
    assert len(again.ids) == 1
    assert counts(database) == (4, 4)


def test_a_repeated_key_gets_the_first_answer(acceptance, database, project_id, drafts):
    key = IdempotencyKey("order-1", b"a" * 32, {"id": "first"})
    acceptance.accept(project_id, drafts(1), key=key)
    repeated = acceptance.accept(project_id, drafts(1), key=IdempotencyKey("order-1", b"a" * 32, {"id": "second"}))
    assert repeated.replayed == {"id": "first"}
    assert counts(database) == (1, 1)


def test_a_key_is_refused_for_another_request(acceptance, database, project_id, drafts):
    acceptance.accept(project_id, drafts(1), key=IdempotencyKey("order-1", b"a" * 32, {}))
    with pytest.raises(InvalidInput, match="different request"):
        acceptance.accept(project_id, drafts(1), key=IdempotencyKey("order-1", b"b" * 32, {}))
    assert counts(database) == (1, 1)


def test_twenty_callers_with_one_key_make_one_notification(acceptance, database, project_id, drafts):
    def call(number):
        key = IdempotencyKey("order-1", b"a" * 32, {"caller": number})
        return acceptance.accept(project_id, drafts(1), key=key)

    acceptance.stream("sms.normal", project_id, None)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call, range(20)))
    winners = [answer for answer in answers if answer.ids]
    assert len(winners) == 1
    assert len({str(answer.replayed) for answer in answers if not answer.ids}) == 1
    assert counts(database) == (1, 1)


def test_a_key_belongs_to_its_project(acceptance, database, project_id, drafts):
    from shared.ledger.keys import Keys

    other = Keys(database).project("other")
    key = IdempotencyKey("order-1", b"a" * 32, {})
    assert acceptance.accept(project_id, drafts(1), key=key).ids
    assert acceptance.accept(other, drafts(1), key=key).ids


def test_secrets_are_stored_as_ciphertext_only(acceptance, database, project_id, drafts, sealer):
    acceptance.accept(project_id, drafts(1, secret=sealer.seal({"code": "481516"}), data={"name": "Ada"}))
    dump = database.rows(text("SELECT n::text AS row FROM notifications n UNION ALL SELECT s::text FROM sealed s"))
    assert len(dump) == 2
    assert not any("481516" in row.row for row in dump)


def test_the_children_of_an_id_are_in_their_order_and_so_are_theirs():
    upload = UUID("01a203b1-e525-7125-8478-8375a7cc8532")
    rows = [derived_id(upload, number) for number in range(1, 5_001)]
    assert rows == sorted(rows)
    others = [derived_id(row, 1) for row in rows]
    assert others == sorted(others)
    assert len({*rows, *others, upload}) == 10_001


def test_the_first_delivery_of_a_notification_has_its_id(acceptance, database, project_id, drafts):
    [draft] = drafts(1, targets=("one", "two"))
    acceptance.accept(project_id, [draft])
    rows = database.rows(text("SELECT id, notification_id FROM deliveries ORDER BY id = notification_id DESC"))
    assert [row.id for row in rows] == [draft.id, derived_id(draft.id, 1)]
    assert {row.notification_id for row in rows} == {draft.id}


def test_ids_sort_by_time_and_children_stay_in_their_parents_month():
    first, second = new_id(), new_id()
    assert first < second
    assert moment_of(derived_id(first, 5)) == moment_of(first)
    assert derived_id(first, 5) == derived_id(first, 5) != derived_id(first, 6)
    assert derived_id(first, 5).version == 7
