"""Rows that are quick enough to be run each time. What each promises is said where it is: `chaos/rows`."""

import pytest


@pytest.mark.parametrize(
    ("fault", "broker"),
    [
        ("gateway killed after the commit, before ringing", "redis"),
        ("worker killed mid-call", "rabbitmq"),
        ("worker killed after the provider's 2xx, before settle", "redis"),
        ("broker emptied", "redis"),
        ("rolling SIGTERM of everything under load", "redis"),
        ("a campaign of 100,000; workers, relay, campaigns and broker killed at random; paused twice", "redis"),
    ],
)
def test_the_row_meets_its_bar(run, fault, broker):
    outcome = run(fault, broker)
    assert outcome.failure is None
    assert [f"{check.what}: {check.seen}" for check in outcome.missed] == []
