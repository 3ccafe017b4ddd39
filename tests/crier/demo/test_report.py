"""The account in words: its verdict follows from the findings alone."""

from rich.console import Console

from crier.demo.asked import Asked, Finding, Seen
from crier.demo.report import account
from crier.demo.run import Outcome
from crier.demo.secrecy import Search
from shared.messages.sms import SmsContent


def told(outcome: Outcome) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(account(outcome))
    return captured.get()


def test_without_findings_all_is_well():
    asked = Asked("g", "an SMS", "n", "d", "sms", ("twilio",), "+442079460001", SmsContent("x"))
    shown = told(Outcome(asked=[asked], states={"d": "sent"}, searches=[Search("a dump", 1_000_000, 0)]))
    assert "All is as it should be" in shown
    assert "a dump" in shown


def test_every_finding_is_told_and_counted_where_it_belongs():
    asked = Asked("g", "an SMS", "n", "d", "sms", ("twilio",), "+442079460001", SmsContent("x"))
    findings = [
        Finding("missing", "an SMS", "the twilio stand-in never took it"),
        Finding("secret", "a dump", "1 code"),
    ]
    shown = told(Outcome(asked=[asked], findings=findings))
    assert "2 things are not as they should be" in shown
    assert "missing: an SMS: the twilio stand-in never took it" in shown
    assert "secret: a dump: 1 code" in shown
    assert "All is as it should be" not in shown
    assert "lost" in shown
    [sms] = [line.split() for line in shown.splitlines() if line.startswith("SMS")]
    assert sms[-4:] == ["1", "0", "0", "0"]


def test_each_promise_is_told_with_whether_it_was_kept():
    seen = [Seen("order", "20 mails arrived in order"), Seen("failover", "some were lost", kept=False)]
    lines = told(Outcome(seen=seen)).splitlines()
    assert [line for line in lines if line.startswith("✓ order") and line.endswith("20 mails arrived in order")]
    assert [line for line in lines if line.startswith("✗ failover")]
