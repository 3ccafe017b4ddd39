"""What a provider was called with is counted, message by message."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench import texts
from bench.tally import Inexact, Tally, called, calls, check_once, waited

PHONES = [texts.phone(number) for number in range(200)]


def test_calls_from_many_hands_are_all_there(tmp_path):
    hands = [Tally(tmp_path / "calls"), Tally(tmp_path / "calls")]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: hands[number % 2].add(PHONES[number]), range(200)))
    assert called(tmp_path / "calls") == 200
    found = calls(tmp_path / "calls")
    assert {phone for phone, _ in found} == set(PHONES)
    check_once(PHONES, [phone for phone, _ in found], "calls")


def test_nothing_was_called_before_anything_was(tmp_path):
    assert called(tmp_path / "calls") == 0
    assert calls(tmp_path / "calls") == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (PHONES[1:], "1 missing, of 200"),
        ([*PHONES, PHONES[0], PHONES[0], PHONES[1]], "2 doubled, of 200"),
        ([*PHONES, texts.phone(200)], "1 unasked for, of 200"),
        ([PHONES[0], PHONES[0]], "199 missing, 1 doubled, of 200"),
    ],
)
def test_what_is_not_exactly_once_is_said(found, said):
    with pytest.raises(Inexact, match=f"calls: {said}"):
        check_once(PHONES, found, "calls")


def test_how_long_each_waited_is_told_in_milliseconds(tmp_path):
    tally = Tally(tmp_path / "calls")
    for phone in PHONES[:2]:
        tally.add(phone)
    (_, first), (_, second) = calls(tmp_path / "calls")
    accepted = {PHONES[0]: first - 0.25, PHONES[1]: second - 2}
    assert waited(accepted, tmp_path / "calls", PHONES[:2]) == pytest.approx([250, 2000])
