"""`crier suppressions`, against a real gateway."""

from tests.crier.cli.conftest import Client


def test_added_listed_and_removed(typed: Client):
    [one] = typed.json("suppressions", "add", "Grace@example.com", "--scope", "promotions")
    assert (one["target"], one["scope"], one["reason"]) == ("grace@example.com", "promotions", "manual")
    assert typed.json("suppressions", "list", "grace@example.com") == [one]
    assert one in typed.json("suppressions", "list", "--reason", "manual")
    shown = typed.run("suppressions", "list", "grace@example.com").stdout
    assert shown.split()[:2] == ["SINCE", "CHANNEL"] and "promotions" in shown
    removed = typed.run("suppressions", "remove", "grace@example.com").stdout
    assert removed == "grace@example.com is written to again. It was suppressed for: manual.\n"
    assert "Nobody like that" in typed.run("suppressions", "list", "grace@example.com").stdout


def test_what_is_wrong_is_told(typed: Client):
    which = typed.run("suppressions", "add", "+447700900123")
    assert which.returncode == 2 and "--channel sms" in which.stderr
    wrong = typed.run("suppressions", "add", "12", "--channel", "sms")
    assert wrong.returncode == 1 and "target" in wrong.stderr
    unknown = typed.run("suppressions", "remove", "nobody@example.com")
    assert unknown.returncode == 1 and "Nothing is known against writing" in unknown.stderr
