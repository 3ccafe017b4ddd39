"""Which rule applies to which call, and how often."""

import pytest

from crier.sandbox.behaviour import Behaviour, Fault, Rules, parse


def taken(rules: Rules, recipient: str | None = "a@example.com", stage: str = "send") -> str | None:
    rule = rules.take(stage, recipient)
    return None if rule is None else rule.error


def test_without_rules_nothing_applies() -> None:
    assert Rules().take("send", "x") is None


def test_a_rule_applies_until_reset() -> None:
    rules = Rules()
    rules.add(Behaviour(stage="send", error="1"))
    assert [taken(rules) for _ in range(3)] == ["1", "1", "1"]
    rules.set([])
    assert taken(rules) is None


def test_a_rule_applies_to_a_number_of_calls() -> None:
    rules = Rules()
    rules.add(Behaviour(stage="send", error="1", times=2))
    assert [taken(rules) for _ in range(4)] == ["1", "1", None, None]
    assert rules.show() == []


def test_calls_it_is_not_about_do_not_count() -> None:
    rules = Rules()
    rules.add(Behaviour(stage="send", recipient="b@*", error="1", times=1))
    assert taken(rules) is None
    assert taken(rules, "b@example.com", stage="token") is None
    assert taken(rules, None) is None
    assert taken(rules, "b@example.com") == "1"
    assert taken(rules, "b@example.com") is None


def test_any_recipient_is_also_none() -> None:
    rules = Rules()
    rules.add(Behaviour(stage="token", error="1"))
    assert taken(rules, None, "token") == "1"


def test_the_first_rule_that_matches_applies() -> None:
    rules = Rules()
    rules.set([Behaviour(stage="send", recipient="a@*", error="1"), Behaviour(stage="send", error="2")])
    assert (taken(rules), taken(rules, "b@example.com")) == ("1", "2")


def test_a_later_rule_goes_before_earlier_ones() -> None:
    rules = Rules()
    rules.add(Behaviour(stage="send", error="1"))
    rules.add(Behaviour(stage="send", error="2", times=1))
    assert [taken(rules) for _ in range(2)] == ["2", "1"]


def test_a_rule_is_read_from_json() -> None:
    rule = parse({"error": 20429, "retry_after": 30, "times": 5, "fault": "drip", "delay": None, "accepts": False})
    assert rule == Behaviour(error="20429", retry_after=30.0, times=5, fault=Fault.DRIP, accepts=False)
    assert rule.describe() == {"error": "20429", "retry_after": 30.0, "times": 5, "fault": "drip", "accepts": False}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"eror": "1"}, "eror: Unknown field"),
        ({"fault": "explode"}, "fault: Must be one of: hang, drip"),
        ({"times": 0}, "times: "),
        ({"times": "many"}, "times: "),
        ({"delay": -1}, "delay: "),
        ({"status": 99}, "status: "),
        ({"recipient": ""}, "recipient: "),
        ({"error": "1", "status": 500}, "not both"),
        (["error"], "rule: must be an object with some of recipient, stage"),
        ("error", "rule: must be an object"),
    ],
)
def test_what_is_no_rule_is_refused_by_field(rule: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(rule)
