"""Apprise's plugins as Crier loads them: they ask through the exchange of the call, and Apprise is as it was."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import apprise.plugins.slack
import pytest
import requests

from shared.chat.addresses import open_plugin
from shared.chat.plugins import Requests, plugin_class, speaking_through
from shared.chat.services import SERVICES
from shared.http import Reply

URL = "slack://T1JJ3T3L2/A1BRTD4JD/canary7d1fcanary7d1f"


class Noting:
    """Answers as Slack does, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, request: requests.PreparedRequest) -> Reply:
        self.asked.append(str(request.url))
        return Reply(200, {}, b"ok")


def say(text: str) -> bool:
    return bool(open_plugin(URL)[1].notify(body=text))


def test_a_plugin_asks_the_exchange_of_its_own_context() -> None:
    first, second = Noting(), Noting()
    contexts = []
    for exchange in (first, second):
        with speaking_through(exchange):
            contexts.append(copy_context())
    with ThreadPoolExecutor(2) as threads:
        assert all(threads.map(lambda context: context.run(say, "Hello"), contexts))
    assert first.asked == second.asked == ["https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/canary7d1fcanary7d1f"]


def test_outside_of_a_call_nothing_is_asked_of_anybody() -> None:
    with pytest.raises(LookupError):
        say("Hello")


def test_apprise_and_requests_are_as_they_were() -> None:
    ours = plugin_class(SERVICES["slack"])
    assert ours is not apprise.plugins.slack.NotifySlack
    assert apprise.plugins.slack.requests is requests
    assert not isinstance(requests.post, Requests)
    assert apprise.plugins.slack.NotifySlack in {type(apprise.Apprise.instantiate(URL))}


@pytest.mark.parametrize("name", ["Session", "session", "sessions", "api"])
def test_there_is_no_way_past_it(name: str) -> None:
    assert not hasattr(Requests(), name)
    assert Requests().codes.ok == 200


def test_apprise_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with speaking_through(Noting()):
        assert say("Hello")
    assert [record for record in caplog.records if record.name.startswith("apprise")] == []
