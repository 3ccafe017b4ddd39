"""Devices: whose they are, how many there may be, and what becomes of pushes when a token moves."""

from typing import Any

import pytest
from sqlalchemy import text

from shared.ledger.devices import MOST, Devices
from shared.ledger.states import State
from shared.ledger.work import Settlement, Starting


@pytest.fixture
def devices(database):
    return Devices(database)


@pytest.fixture
def push(acceptance, project_id, drafts):
    """Accept a push to some tokens."""

    def accept(*tokens: str, **changes: Any) -> None:
        acceptance.accept(project_id, drafts(1, channel="push", targets=tokens, **changes))

    return accept


def tokens(devices, project_id, user="u_1"):
    return [device.token for device in devices.of(project_id, user)]


def targets(database):
    rows = database.rows(text("SELECT state, target FROM deliveries ORDER BY state, target"))
    return [(row.state, row.target) for row in rows]


def dead(item):
    return Settlement(item.id, item.fence, State.FAILED, "rejected", "fcm", target_is_dead=True)


def test_a_token_that_moved_takes_the_old_ones_place(devices, project_id):
    devices.register(project_id, "u_1", "old", "ios")
    devices.register(project_id, "u_1", "tablet", "android")
    devices.register(project_id, "u_1", "new", "ios", replaces="old")
    assert tokens(devices, project_id) == ["tablet", "new"]


def test_what_waits_for_the_old_token_follows_and_what_has_ended_does_not(devices, project_id, push, work, database):
    devices.register(project_id, "u_1", "old", "ios")
    push("old")
    [item] = work.claim("push.normal", 1, 30.0)
    work.start([Starting(item, "fcm")])
    work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "fcm")])
    push("old")
    push("old", send_at="2100-01-01T00:00:00Z")
    push("other")
    devices.register(project_id, "u_1", "new", "ios", replaces="old")
    assert targets(database) == [("queued", "new"), ("queued", "other"), ("scheduled", "new"), ("sent", "old")]


def test_a_push_that_goes_to_both_is_not_sent_to_one_twice(devices, project_id, push, database):
    push("new", "old")
    devices.register(project_id, "u_1", "new", "ios", replaces="old")
    assert targets(database) == [("queued", "new"), ("queued", "old")]


def test_a_token_that_is_somebody_elses_is_forgotten_and_their_pushes_stay_theirs(devices, project_id, push, database):
    devices.register(project_id, "u_1", "old", "ios")
    push("old")
    devices.register(project_id, "u_2", "new", "ios", replaces="old")
    assert (tokens(devices, project_id), tokens(devices, project_id, "u_2")) == ([], ["new"])
    assert targets(database) == [("queued", "old")]


def test_pushes_follow_a_token_that_is_registered_no_more(devices, project_id, push, database):
    push("old")
    devices.register(project_id, "u_1", "new", "ios", replaces="old")
    assert targets(database) == [("queued", "new")]


def test_only_pushes_follow(devices, project_id, acceptance, drafts, database):
    acceptance.accept(project_id, drafts(1, targets=("+447700900123",)))
    devices.register(project_id, "u_1", "new", "ios", replaces="+447700900123")
    assert targets(database) == [("queued", "+447700900123")]


def test_a_token_does_not_replace_itself(devices, project_id, push, database):
    devices.register(project_id, "u_1", "same", "ios")
    push("same")
    devices.register(project_id, "u_1", "same", "android", replaces="same")
    assert [device.platform for device in devices.of(project_id, "u_1")] == ["android"]
    assert targets(database) == [("queued", "same")]


def test_one_device_too_many_takes_the_place_of_the_oldest(devices, project_id):
    for number in range(MOST):
        devices.register(project_id, "u_1", f"token-{number}", "web")
    devices.register(project_id, "u_2", "theirs", "web")
    devices.register(project_id, "u_1", "token-0", "web")
    devices.register(project_id, "u_1", "one more", "web")
    kept = tokens(devices, project_id)
    assert len(kept) == MOST
    assert "token-1" not in kept
    assert kept[-2:] == ["token-0", "one more"]
    assert tokens(devices, project_id, "u_2") == ["theirs"]


def test_a_dead_device_can_be_registered_again(devices, project_id, push, work):
    devices.register(project_id, "u_1", "token-1", "ios")
    push("token-1")
    [item] = work.claim("push.normal", 1, 30.0)
    work.start([Starting(item, "fcm")])
    work.settle([dead(item)])
    assert tokens(devices, project_id) == []
    devices.register(project_id, "u_1", "token-1", "ios")
    assert tokens(devices, project_id) == ["token-1"]


def test_what_is_registered_anew_while_a_call_runs_survives_its_answer(devices, project_id, push, work):
    devices.register(project_id, "u_1", "token-1", "ios")
    push("token-1")
    [item] = work.claim("push.normal", 1, 30.0)
    work.start([Starting(item, "fcm")])
    devices.register(project_id, "u_1", "token-1", "ios")
    work.settle([dead(item)])
    assert tokens(devices, project_id) == ["token-1"]
