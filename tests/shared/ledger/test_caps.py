"""Caps by themselves: what is remembered of them, and how much room they leave."""

from collections.abc import Sequence
from uuid import UUID

from cachetools import TTLCache
from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.cap_room import Asking, Contact, Room
from shared.ledger.caps import REMEMBERED, Cap, Caps
from shared.ledger.database import Database
from shared.ledger.person import key_of, person_of

CALM = Cap("calm", 2, "1h", 3600, None, None, (), "wait")
ADA = UUID(int=1)


def test_a_change_is_noticed_within_a_second_and_no_sooner_is_it_asked_for(database: Database, project_id: int) -> None:
    now = [0.0]
    caps = Caps(database, TTLCache(maxsize=10, ttl=REMEMBERED, timer=lambda: now[0]))
    assert caps.remembered([project_id]) == {project_id: ()}
    caps.put(project_id, CALM, who="test")
    now[0] = 0.9
    assert caps.remembered([project_id]) == {project_id: ()}
    now[0] = 1.1
    assert caps.remembered([project_id, 77]) == {project_id: (CALM,), 77: ()}
    caps.remove(project_id, "calm", who="test")
    now[0] = 2.2
    assert caps.remembered([project_id]) == {project_id: ()}


def test_a_cap_says_why_in_words() -> None:
    assert CALM.reason == "Over the cap calm: 2 in 1 hour."
    assert CALM._replace(most=3, per="7d").reason == "Over the cap calm: 3 in 7 days."


def test_an_id_is_not_mistaken_for_an_address_nor_one_part_for_another() -> None:
    assert person_of({"user_id": "a@b.example"}, ["x"]) != person_of({}, ["a@b.example"])
    assert person_of({"user_id": "u_1"}, ["x"]) == person_of({"user_id": "u_1"}, ["y"])
    assert person_of({}, ["Ada@B.example"]) == person_of({}, ["ada@b.example"])
    assert len({key_of(1, "ab", "c"), key_of(1, "a", "bc"), key_of(11, "ab", "c"), key_of(1, "ab", "c")}) == 3


def asking(number: int, caps: Sequence[Cap] = (CALM,)) -> Asking:
    return Asking(UUID(int=number), UUID(int=number), 1, ADA, caps)


def test_who_waits_has_his_place_and_others_come_after_him() -> None:
    room = Room({(1, "calm", ADA): [Contact(600, UUID(int=90)), Contact(1200, UUID(int=91))]})
    passed, over = room.judge([asking(number) for number in range(3)])
    assert passed == []
    assert [(verdict.cap, verdict.wait) for verdict in over] == [(CALM, 2400), (CALM, 3000), (CALM, 6000)]
    assert len(room.contacts[1, "calm", ADA]) == 2, "nothing is counted by asking"


def test_of_caps_that_wait_the_longest_is_told() -> None:
    day = CALM._replace(name="day", most=1, seconds=86_400)
    room = Room({(1, name, ADA): [Contact(60, UUID(int=90))] for name in ("calm", "day")})
    [verdict] = room.judge([asking(1, [CALM, day])])[1]
    assert (verdict.cap, verdict.wait) == (day, 86_340)


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.integers(-6, 9)), max_size=60),
    st.integers(1, 4),
)
def test_no_window_ever_has_more_than_the_cap_allows(steps: list[tuple[int, int]], most: int) -> None:
    """Whatever is sent and tried again whenever: what was last sent, and when, keeps to the cap at every moment."""
    cap = CALM._replace(most=most)
    now, sent = 0, dict[int, int]()
    for number, (pause, which) in enumerate(steps):
        now += pause
        # Below zero: something new. Else another try of something that went before.
        earlier = sorted(sent)
        wanted = earlier[which % len(earlier)] if which >= 0 and earlier else 1000 + number
        in_window = sorted((now - at, one) for one, at in sent.items() if now - at < cap.seconds)
        room = Room({(1, cap.name, ADA): [Contact(age, UUID(int=one)) for age, one in in_window[: most + 1]]})
        verdict = room.verdict(asking(wanted, [cap]))
        if verdict is None:
            sent[wanted] = now
        else:
            assert verdict.wait is not None and 0 < verdict.wait <= cap.seconds
            assert wanted not in [one for _, one in in_window], "who has a place in the window keeps it"
        assert sum(now - at < cap.seconds for at in sent.values()) <= most
