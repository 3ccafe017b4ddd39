"""Calls open at once are bounded for a process, and a campaign cannot take them all."""

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.providers.slots import Slots


def take(slots: Slots, *, urgent: bool = False, seconds: float = 0) -> int:
    return slots.take(100, urgent=urgent, seconds=seconds, expected=["a"]).get("a", 0)


def test_a_quarter_at_once_and_a_quarter_kept_for_urgent_lanes() -> None:
    slots = Slots({"a": 8})
    assert [take(slots) for _ in range(4)] == [2, 2, 2, 0]
    assert [take(slots, urgent=True) for _ in range(2)] == [2, 0]
    slots.give_back({"a": 8})
    assert slots.take(1, urgent=False, seconds=0, expected=["a"]) == {"a": 1}


def test_one_is_waited_for_and_what_others_have_is_taken_as_well() -> None:
    slots = Slots({"a": 1, "b": 8})
    assert slots.take(9, urgent=False, seconds=0, expected=["a"]) == {"a": 1, "b": 2}
    assert slots.take(9, urgent=False, seconds=0, expected=["a"]) == {}, "b is free, and a is wanted"
    assert slots.take(9, urgent=False, seconds=0, expected=["a", "b"]) == {"b": 2}
    assert (slots.take_now("b", 9, urgent=False), slots.take_now("a", 9, urgent=False)) == (2, 0)


def test_one_slot_is_enough_for_everybody_in_turn() -> None:
    slots = Slots({"a": 1})
    open_at_once, most, guard = 0, 0, threading.Lock()

    def call(_: int) -> int:
        nonlocal open_at_once, most
        count = take(slots, seconds=20)
        with guard:
            open_at_once += count
            most = max(most, open_at_once)
        with guard:
            open_at_once -= count
        slots.give_back({"a": count})
        return count

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(50))) == [1] * 50
    assert most == 1
