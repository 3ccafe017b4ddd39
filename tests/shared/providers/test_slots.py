"""Calls open at once are bounded for a process, and a campaign cannot take them all."""

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.providers.slots import Slots


def test_a_quarter_at_once_and_a_quarter_kept_for_urgent_lanes():
    slots = Slots(8)
    with (
        slots.hold(100, urgent=False, seconds=0) as first,
        slots.hold(100, urgent=False, seconds=0) as second,
        slots.hold(100, urgent=False, seconds=0) as third,
        slots.hold(100, urgent=False, seconds=0) as none,
        slots.hold(100, urgent=True, seconds=0) as urgent,
        slots.hold(100, urgent=True, seconds=0) as nothing_left,
    ):
        assert (first, second, third, none, urgent, nothing_left) == (2, 2, 2, 0, 2, 0)
    with slots.hold(1, urgent=False, seconds=0) as again:
        assert again == 1


def test_one_slot_is_enough_for_everybody_in_turn():
    slots = Slots(1)
    open_at_once, most, guard = 0, 0, threading.Lock()

    def call(_):
        nonlocal open_at_once, most
        with slots.hold(10, urgent=False, seconds=20) as count:
            with guard:
                open_at_once += count
                most = max(most, open_at_once)
            with guard:
                open_at_once -= count
            return count

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(50))) == [1] * 50
    assert most == 1


def test_slots_come_back_after_a_failure():
    slots = Slots(4)
    for _ in range(10):
        try:
            with slots.hold(1, urgent=True, seconds=0) as count:
                assert count == 1
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
