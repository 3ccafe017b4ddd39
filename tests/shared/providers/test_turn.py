"""A turn: whom a batch may call, and how often, before anything is claimed."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from shared.errors import Rejected, Unavailable
from shared.providers.permission import PROBE_SECONDS, THRESHOLD, Breaker, Rate
from shared.providers.permission_local import LocalPermission
from shared.providers.port import Sent
from shared.providers.route import Route


class Named:
    concurrency = 40

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, message: Any) -> Sent:
        return Sent()

    async def close(self) -> None:
        pass


class Clocked:
    """A route of two whose standings are kept by a clock that a test moves."""

    def __init__(self, weights: Mapping[str, int] | None = None, rates: Mapping[str, Rate] | None = None) -> None:
        self.now = 0.0
        permission = LocalPermission(lambda: self.now)
        self.route: Route[Any] = Route(
            [Named("first"), Named("second")], channel="sms", weights=weights, rates=rates, permission=permission
        )

    def drawn(self, most: int = 10, **how: Any) -> Counter[str]:
        """Whom the calls of one turn go to, all of them made."""
        with self.route.turn(most, urgent=False, seconds=0) as turn:
            permits = [permit for _ in range(turn.size) if (permit := turn.draw(**how))]
            turn.begin(permits)
        return Counter(permit.provider.name for permit in permits)

    def hear(self, name: str, answer: Any, times: int = 1, *, is_probe: bool = False) -> None:
        for _ in range(times):
            news = self.route.standings.news(name, answer, is_probe=is_probe, destination="", watched=False)
            if news is not None:
                news()


def test_the_first_has_all_until_it_fails_and_has_it_back_when_it_works() -> None:
    clocked = Clocked()
    assert clocked.drawn() == {"first": 10}
    clocked.hear("first", Unavailable("down"), THRESHOLD)
    assert clocked.drawn() == {"second": 10}
    clocked.now += PROBE_SECONDS
    assert clocked.drawn() == {"first": 1, "second": 9}
    clocked.hear("first", Sent(), is_probe=True)
    assert clocked.drawn() == {"first": 1}
    clocked.hear("first", Sent())
    assert clocked.drawn() == {"first": 10}


def test_weights_are_kept_over_many_turns_of_one() -> None:
    clocked = Clocked(weights={"first": 3, "second": 1})
    total = sum((clocked.drawn(1) for _ in range(1000)), Counter[str]())
    assert 650 < total["first"] < 850 and total.total() == 1000
    clocked.hear("second", Unavailable("down"), THRESHOLD)
    assert clocked.drawn() == {"first": 10}


def test_weights_are_kept_when_more_is_wanted_than_there_is_room_for() -> None:
    clocked = Clocked(weights={"first": 3, "second": 1})
    total = sum((clocked.drawn(100) for _ in range(300)), Counter[str]())
    assert 0.65 < total["first"] / total.total() < 0.85


def test_who_just_failed_a_message_is_avoided_where_there_is_another() -> None:
    clocked = Clocked()
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        turn.want_others("first", 2)
        permits = [turn.draw(avoid="first") for _ in range(3)]
    assert [permit and permit.provider.name for permit in permits] == ["second", "second", "first"]


def test_calls_to_one_in_particular_can_be_had() -> None:
    clocked = Clocked()
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        assert turn.draw_from("second") is None
        turn.want("second", 1)
        assert (permit := turn.draw_from("second")) and permit.provider.name == "second"
        assert turn.draw_from("second") is None
        turn.want("nobody", 1)
    clocked.hear("second", Unavailable("down"), THRESHOLD)
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        turn.want("second", 1)
        assert turn.draw_from("second") is None


def test_what_is_not_used_goes_back() -> None:
    clocked = Clocked(rates={"first": Rate(4, 4)})
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        assert turn.size == 4
        permit = turn.draw()
        assert permit
        turn.begin([permit])
    assert clocked.drawn() == {"first": 3}
    assert clocked.drawn() == {}
    clocked.hear("first", Unavailable("down"), THRESHOLD)
    clocked.now += PROBE_SECONDS
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        assert turn.draw()
    assert clocked.drawn()["first"] == 1, "the probe that was drawn and not made"


def test_slots_go_back_too() -> None:
    clocked = Clocked()
    for _ in range(20):
        with suppress(ZeroDivisionError), clocked.route.turn(100, urgent=False, seconds=0) as turn:
            assert (turn.size, turn.is_busy) == (10, False)
            raise ZeroDivisionError
    with (
        clocked.route.turn(100, urgent=False, seconds=0) as first,
        clocked.route.turn(100, urgent=False, seconds=0) as second,
        clocked.route.turn(100, urgent=False, seconds=0) as third,
        clocked.route.turn(100, urgent=False, seconds=0) as fourth,
    ):
        assert [turn.size for turn in (first, second, third, fourth)] == [10, 10, 10, 0]
        assert fourth.is_busy


def test_nobody_may_be_called() -> None:
    clocked = Clocked()
    for name in ("first", "second"):
        clocked.hear(name, Unavailable("slow down", retry_after=30))
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        assert (turn.size, turn.is_busy, turn.draw()) == (0, False, None)
    clocked.now += 31
    assert clocked.drawn() == {"first": 10}


def test_what_answers_say_of_a_provider() -> None:
    clocked = Clocked()
    standings = clocked.route.standings
    clocked.hear("first", Unavailable("no such mailbox now", blames="destination"), THRESHOLD)
    clocked.hear("first", Unavailable("handset off", blames="nobody"), THRESHOLD)
    clocked.hear("first", Rejected("no"), THRESHOLD)
    assert standings.of("first").breaker is Breaker.CLOSED
    clocked.hear("first", Unavailable("credentials", provider_fault=True), 2)
    assert standings.is_shut("first") and not clocked.route.others("second")
    clocked.hear("first", Rejected("it answers"), is_probe=True)
    assert not standings.is_shut("first")


def test_nothing_is_told_of_what_is_expected() -> None:
    standings = Clocked().route.standings
    assert standings.news("first", Sent(), is_probe=False, destination="", watched=False) is None
    assert standings.news("first", Rejected("no"), is_probe=False, destination="", watched=False) is None


def test_a_destination_has_a_breaker_of_its_own() -> None:
    clocked = Clocked()
    standings, place = clocked.route.standings, ("first", "example.com")
    failure = Unavailable("that host is down", blames="destination")
    for _ in range(THRESHOLD):
        news = standings.news("first", failure, is_probe=False, destination="example.com", watched=False)
        assert news
        news()
    with clocked.route.turn(10, urgent=False, seconds=0) as turn:
        assert (turn.size, turn.troubled) == (10, 1)
    grants = standings.destinations(Counter({place: 4, ("first", "example.org"): 4}))
    assert [grant.count for grant in grants.values()] == [0, 4]
    assert grants[place].standing.wait == pytest.approx(PROBE_SECONDS)
